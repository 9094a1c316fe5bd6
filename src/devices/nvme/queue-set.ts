/**
 * The queues of a controller: which there are, and the rules for making and deleting them (Base Specification 2.0, 5.4 to
 * 5.8). What makes and deletes returns dword 0 of the completion.
 */
import { PolledRegister } from '../../pci/polled-register.js';
import type { Command } from './command.js';
import { CompletionQueue, SubmissionQueue } from './queues.js';
import { COMPLETION_SHIFT, type Configuration, doorbell, MAX_QUEUE_ENTRIES, SUBMISSION_SHIFT } from './registers.js';
import { CommandError, STATUS } from './status.js';

/** Commands that are fetched at a time. */
const BATCH = 32;
const CONTIGUOUS = 1;
const INTERRUPTS = 2;

/** How many I/O queues the host may make: their largest identifiers. */
export interface Granted {
  readonly submission: number;
  readonly completion: number;
}

export class QueueSet {
  readonly submission = new Map<number, SubmissionQueue>();
  readonly completion = new Map<number, CompletionQueue>();
  readonly #registers: DataView;
  readonly #most: number;
  readonly #vectors: number;
  readonly #found: (register: string, value: number) => void;

  /** @param most I/O queues of each kind; @param vectors interrupt vectors that queues may have */
  constructor(registers: DataView, most: number, vectors: number, found: (register: string, value: number) => void) {
    this.#registers = registers;
    this.#most = most;
    this.#vectors = vectors;
    this.#found = found;
  }

  /** I/O queues exist. */
  get hasIo(): boolean {
    return this.submission.size > 1 || this.completion.size > 1;
  }

  /** Makes the admin queues. @param sizes entries */
  open(submission: { base: bigint; size: number }, completion: { base: bigint; size: number }): void {
    this.clear();
    const cq = new CompletionQueue(0, completion.base, completion.size, 0, this.#doorbell(0, true));
    this.completion.set(0, cq);
    this.#addSubmission(0, submission.base, submission.size, cq);
  }

  /** All queues go, and what their doorbells said with them. */
  clear(): void {
    this.submission.clear();
    this.completion.clear();
    for (let queue = 0; queue <= this.#most; queue++) {
      for (const completion of [false, true]) this.#registers.setUint32(doorbell(queue, completion), 0, true);
    }
  }

  /** Create I/O Completion Queue. @throws CommandError */
  createCompletion(command: Command, config: Configuration, granted: Granted): number {
    const { id, size, base } = described(command, config, granted.completion);
    const flags = command.dword(11) & 0xffff;
    const vector = command.dword(11) >>> 16;
    if (this.completion.has(id)) throw new CommandError(STATUS.INVALID_QUEUE_ID, `completion queue ${id} exists`);
    if (config.completionShift !== COMPLETION_SHIFT)
      throw new CommandError(STATUS.INVALID_QUEUE_SIZE, `CC.IOCQES is ${config.completionShift}`);
    if ((flags & INTERRUPTS) !== 0 && vector >= this.#vectors)
      throw new CommandError(STATUS.INVALID_VECTOR, `vector ${vector} of ${this.#vectors}`);
    const uses = (flags & INTERRUPTS) !== 0 ? vector : undefined;
    this.completion.set(id, new CompletionQueue(id, base, size, uses, this.#doorbell(id, true)));
    return 0;
  }

  /** Create I/O Submission Queue. @throws CommandError */
  createSubmission(command: Command, config: Configuration, granted: Granted): number {
    const { id, size, base } = described(command, config, granted.submission);
    if (this.submission.has(id)) throw new CommandError(STATUS.INVALID_QUEUE_ID, `submission queue ${id} exists`);
    if (config.submissionShift !== SUBMISSION_SHIFT)
      throw new CommandError(STATUS.INVALID_QUEUE_SIZE, `CC.IOSQES is ${config.submissionShift}`);
    const target = command.dword(11) >>> 16;
    if (target === 0 || target > granted.completion)
      throw new CommandError(STATUS.INVALID_QUEUE_ID, `completion queue ${target} of ${granted.completion}`);
    const completions = this.completion.get(target);
    if (!completions)
      throw new CommandError(STATUS.COMPLETION_QUEUE_INVALID, `completion queue ${target} does not exist`);
    this.#addSubmission(id, base, size, completions);
    return 0;
  }

  /** Delete I/O Submission Queue: commands that were not fetched are gone. @throws CommandError */
  deleteSubmission(command: Command): number {
    const id = command.dword(10) & 0xffff;
    const queue = id === 0 ? undefined : this.submission.get(id);
    if (!queue) throw new CommandError(STATUS.INVALID_QUEUE_ID, `submission queue ${id} does not exist`);
    queue.completions.users.delete(id);
    this.submission.delete(id);
    return 0;
  }

  /** Delete I/O Completion Queue. @throws CommandError */
  deleteCompletion(command: Command): number {
    const id = command.dword(10) & 0xffff;
    const queue = id === 0 ? undefined : this.completion.get(id);
    if (!queue) throw new CommandError(STATUS.INVALID_QUEUE_ID, `completion queue ${id} does not exist`);
    if (queue.users.size > 0)
      throw new CommandError(STATUS.INVALID_QUEUE_DELETION, `submission queues complete to queue ${id}`);
    this.completion.delete(id);
    return 0;
  }

  #addSubmission(id: number, base: bigint, size: number, completions: CompletionQueue): void {
    this.submission.set(id, new SubmissionQueue(id, base, size, completions, this.#doorbell(id, false), BATCH));
    completions.users.add(id);
  }

  #doorbell(queue: number, completion: boolean): PolledRegister {
    const name = `${completion ? 'CQ' : 'SQ'}${queue} doorbell`;
    return new PolledRegister(this.#registers, doorbell(queue, completion), 4, (value) => this.#found(name, value));
  }
}

/** What both kinds of queues are described by. @param most the largest identifier @throws CommandError */
function described(
  command: Command,
  { pageSize }: Configuration,
  most: number,
): { id: number; size: number; base: bigint } {
  const id = command.dword(10) & 0xffff;
  const size = (command.dword(10) >>> 16) + 1;
  if (id === 0 || id > most) throw new CommandError(STATUS.INVALID_QUEUE_ID, `queue ${id} of ${most}`);
  if (size < 2 || size > MAX_QUEUE_ENTRIES) throw new CommandError(STATUS.INVALID_QUEUE_SIZE, `${size} entries`);
  if ((command.dword(11) & CONTIGUOUS) === 0) throw new CommandError(STATUS.INVALID_FIELD, 'queues are contiguous');
  if (command.prp1 % BigInt(pageSize) !== 0n)
    throw new CommandError(STATUS.INVALID_PRP_OFFSET, `queue at 0x${command.prp1.toString(16)} is not page-aligned`);
  return { id, size, base: command.prp1 };
}
