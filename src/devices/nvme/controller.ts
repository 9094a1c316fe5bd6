/**
 * The controller: its life from CC.EN to shutdown, and the work of its queues in steps (Base Specification 2.0, 3.1, 3.5,
 * 3.6). The host's stores are found by looking; doorbells are levels, and CC is answered in CSTS, so nothing is lost by it.
 */
import type { DeviceSlot } from '../../pci/model.js';
import { PolledRegister } from '../../pci/polled-register.js';
import { flushAll } from '../block-store.js';
import { type Command, DIRECTION } from './command.js';
import { ADMIN_OPCODES, type Admin, runAdmin } from './commands/admin-commands.js';
import { AsyncEvents, ERROR_EVENT } from './commands/async-events.js';
import { Features } from './commands/features.js';
import { IO_OPCODES, judgeIo } from './commands/io-commands.js';
import { Logs } from './commands/log-pages.js';
import type { Namespace } from './commands/namespace.js';
import { Transfer } from './commands/transfer.js';
import { Batch, type Complete } from './commands/work.js';
import { InterruptVectors } from './interrupt-vectors.js';
import { QueueSet } from './queue-set.js';
import { RingError, type SubmissionQueue } from './queues.js';
import { ReadOnlyRegister } from './read-only-register.js';
import { CAPABILITIES, CSTS, configuration, isPossible, NVME, VERSION } from './registers.js';
import { CommandError, STATUS, type Status } from './status.js';

/** Commands that can wait for the medium at a time; while so many do, no others are taken. */
const MAX_WAITING = 1024;

export interface ControllerOptions {
  readonly serial: string;
  readonly namespaces: readonly Namespace[];
  /** I/O queues of each kind. */
  readonly queues: number;
  /** Interrupt vectors. */
  readonly vectors: number;
}

/** A command that is done, and whose completion has no place in its queue yet. */
interface Late {
  readonly queue: SubmissionQueue;
  readonly command: number;
  readonly status: Status;
  readonly result: number;
}

export class Controller {
  readonly #slot: DeviceSlot;
  readonly #registers: DataView;
  readonly #cc: PolledRegister;
  /** CAP in two halves. */
  readonly #capabilities: readonly [ReadOnlyRegister, ReadOnlyRegister];
  readonly #version: ReadOnlyRegister;
  readonly #status: ReadOnlyRegister;
  readonly #readOnly: readonly ReadOnlyRegister[];
  readonly #interrupts: InterruptVectors;
  readonly #admin: Admin;
  readonly #batch: Batch;
  /** Commands that wait for the medium. */
  #waiting = 0;
  #late: Late[] = [];
  /** Completions that may not be in memory yet. */
  #completed = false;
  /** The shutdown that is on its way. */
  #shutdownOf: object | undefined;
  #config = configuration(0);

  constructor(slot: DeviceSlot, registers: DataView, options: ControllerOptions) {
    this.#slot = slot;
    this.#registers = registers;
    this.#cc = new PolledRegister(registers, NVME.CC, 4, (value) => slot.found('CC', value));
    const readOnly = (offset: number) => new ReadOnlyRegister(registers, offset);
    this.#capabilities = [readOnly(NVME.CAP), readOnly(NVME.CAP + 4)];
    [this.#version, this.#status] = [readOnly(NVME.VS), readOnly(NVME.CSTS)];
    this.#readOnly = [...this.#capabilities, this.#version, this.#status];
    this.#interrupts = new InterruptVectors(slot, registers);
    const controller = this;
    this.#admin = {
      namespaces: options.namespaces,
      transfer: new Transfer(slot.dma),
      features: new Features(options.queues, options.vectors),
      logs: new Logs({ admin: ADMIN_OPCODES, io: IO_OPCODES }),
      facts: { serial: options.serial, namespaces: options.namespaces },
      queues: new QueueSet(registers, options.queues, options.vectors, (name, value) => slot.found(name, value)),
      events: new AsyncEvents((command, status, result) => this.#completeEvent(command, status, result)),
      get config() {
        return controller.#config;
      },
    };
    this.#batch = new Batch(this.#admin.transfer);
  }

  /** As after power-on. @param size bytes of the register page */
  reset(size: number): void {
    for (let offset = 0; offset < size; offset += 8) this.#registers.setBigUint64(offset, 0n, true);
    this.#capabilities[0].set(Number(CAPABILITIES & 0xffff_ffffn));
    this.#capabilities[1].set(Number(CAPABILITIES >> 32n));
    this.#version.set(VERSION);
    this.#cc.set(0);
    this.#config = configuration(0);
    this.#stop();
  }

  /** Looks, and does a step. Returns true if something was found or done. */
  poll(): boolean {
    let moved = this.#interrupts.look(this.#admin.queues.completion.values());
    if (this.#cc.look()) {
      this.#configure(this.#cc.value);
      moved = true;
    }
    for (const register of this.#readOnly) register.restore();
    if ((this.#status.value & (CSTS.READY | CSTS.FATAL)) !== CSTS.READY) return moved;
    try {
      return this.#work() || moved;
    } catch (error) {
      if (!(error instanceof RingError)) throw error;
      this.#fail(error.message);
      return true;
    }
  }

  #fail(reason: string): void {
    this.#slot.found(`CSTS.CFS (${reason})`, 1);
    // A controller that was ready stays so until it is disabled: the driver waits for that.
    this.#status.set(this.#status.value | CSTS.FATAL);
  }

  #configure(cc: number): void {
    const [before, after] = [this.#config, configuration(cc)];
    this.#config = after;
    if (!before.enabled && after.enabled) this.#start();
    if (before.enabled && !after.enabled) this.#stop();
    if (before.shutdown === 0 && after.shutdown !== 0) this.#shutdown();
  }

  /** CC.EN rises: the admin queues are where the registers say now. */
  #start(): void {
    const registers = this.#registers;
    const sizes = registers.getUint32(NVME.AQA, true);
    const page = BigInt(this.#config.pageSize);
    const submission = { base: registers.getBigUint64(NVME.ASQ, true), size: (sizes & 0xfff) + 1 };
    const completion = { base: registers.getBigUint64(NVME.ACQ, true), size: ((sizes >>> 16) & 0xfff) + 1 };
    const misplaced = [submission, completion].some(({ base, size }) => size < 2 || base % page !== 0n);
    if (!isPossible(this.#config) || misplaced) {
      this.#fail('the controller cannot run as it is configured');
      return;
    }
    this.#admin.transfer.pageSize = this.#config.pageSize;
    this.#admin.queues.open(submission, completion);
    this.#status.set(CSTS.READY);
  }

  /** CC.EN falls: queues, requests and features are as after power-on; the disk is not touched. */
  #stop(): void {
    this.#admin.queues.clear();
    this.#admin.events.reset();
    this.#admin.features.reset();
    this.#late = [];
    this.#shutdownOf = undefined;
    this.#interrupts.reset();
    this.#status.set(0);
  }

  /** What was written survives once the status says that the shutdown is complete. */
  #shutdown(): void {
    const shutdown = {};
    this.#shutdownOf = shutdown;
    const show = (status: number) => this.#status.set((this.#status.value & ~CSTS.SHUTDOWN) | status);
    show(CSTS.SHUTDOWN_OCCURRING);
    const stores = this.#admin.namespaces.map(({ store }) => store);
    flushAll(stores, (error) => {
      // A reset in between ended it.
      if (this.#shutdownOf !== shutdown) return;
      if (error) this.#slot.found(`shutdown (${error.message})`, 1);
      show(CSTS.SHUTDOWN_DONE);
    });
  }

  #work(): boolean {
    const { completion, submission } = this.#admin.queues;
    let moved = false;
    for (const queue of completion.values()) {
      const seen = queue.look();
      if (seen === undefined) continue;
      moved = true;
      if (!seen) this.#badDoorbell(queue.id);
    }
    if (this.#late.length > 0) this.#placeLate();
    for (const queue of submission.values()) {
      const seen = queue.look();
      if (seen !== undefined) moved = true;
      if (seen === false) this.#badDoorbell(queue.id);
      if (queue.hasWork && queue.completions.room > 0 && this.#waiting < MAX_WAITING) {
        this.#serve(queue);
        moved = true;
      }
    }
    if (moved || this.#completed) this.#interrupt();
    return moved;
  }

  /** Takes as many commands as there is room for their completions, and does them. */
  #serve(queue: SubmissionQueue): void {
    for (const command of queue.fetch(this.#slot.dma).slice(0, queue.completions.room)) {
      queue.head = (queue.head + 1) % queue.size;
      const complete = this.#completion(queue, command);
      if (queue.id === 0) this.#runAdmin(command, complete);
      else this.#batch.add(command.opcode & DIRECTION, () => judgeIo(this.#admin, command), complete);
    }
    this.#batch.run();
  }

  #runAdmin(command: Command, complete: Complete): void {
    try {
      const answer = runAdmin(this.#admin, command);
      if (answer === 'held') this.#waiting--;
      else if (typeof answer === 'number') complete(undefined, answer);
      else answer.begin((error) => complete(error && new CommandError(answer.failure, error.message)));
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      complete(error);
    }
  }

  /** What completes a command, now or later, when its entry may be another's. */
  #completion(queue: SubmissionQueue, command: Command): Complete {
    const { id, namespace } = command;
    const lba = queue.id === 0 ? 0n : command.quad(10);
    this.#waiting++;
    return (error, result = 0) => {
      this.#waiting--;
      const status = error?.status ?? STATUS.SUCCESS;
      if (error) this.#admin.logs.error({ queue: queue.id, command: id, status, lba, namespace });
      this.#complete(queue, id, status, result);
    };
  }

  /** Completes a command, unless its queue is gone. */
  #complete(queue: SubmissionQueue, command: number, status: Status, result: number): void {
    if (this.#admin.queues.submission.get(queue.id) !== queue) return;
    this.#completed = true;
    if (queue.completions.room > 0) queue.completions.push(queue, command, status, result);
    else this.#late.push({ queue, command, status, result });
  }

  /** The host took completions: others have a place now. */
  #placeLate(): void {
    const late = this.#late;
    this.#late = [];
    for (const { queue, command, status, result } of late) this.#complete(queue, command, status, result);
  }

  /** An event request completes. */
  #completeEvent(command: number, status: Status, result: number): void {
    const queue = this.#admin.queues.submission.get(0);
    if (queue) this.#complete(queue, command, status, result);
  }

  #badDoorbell(queue: number): void {
    const { logs, events } = this.#admin;
    logs.error({ ...{ queue, command: 0xffff, status: STATUS.INVALID_FIELD }, ...{ lba: 0n, namespace: 0 } });
    events.error(ERROR_EVENT.INVALID_DOORBELL_VALUE);
  }

  /** Completions go to memory, then their interrupts. */
  #interrupt(): void {
    this.#completed = false;
    const queues = [...this.#admin.queues.completion.values()];
    const told = queues.filter((queue) => queue.flush(this.#slot.dma));
    this.#interrupts.completed(told, queues);
  }
}
