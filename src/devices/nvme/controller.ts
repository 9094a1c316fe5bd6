/**
 * The controller: its life from CC.EN to shutdown, and the work of its queues in steps (Base Specification 2.0, 3.1, 3.5,
 * 3.6). The host's stores are found by looking; doorbells are levels, and CC is answered in CSTS, so nothing is lost by it.
 * INTMS and INTMC read as zero: only so can the same bit be written twice.
 */
import type { DeviceSlot } from '../../pci/model.js';
import { PolledRegister } from '../../pci/polled-register.js';
import type { Command } from './command.js';
import { ADMIN_OPCODES, type Admin, runAdmin } from './commands/admin-commands.js';
import { AsyncEvents, ERROR_EVENT } from './commands/async-events.js';
import { Features } from './commands/features.js';
import { IO_OPCODES, runIo } from './commands/io-commands.js';
import { Logs } from './commands/log-pages.js';
import type { Namespace } from './commands/namespace.js';
import { Transfer } from './commands/transfer.js';
import { QueueSet } from './queue-set.js';
import { RingError, type SubmissionQueue } from './queues.js';
import { CAPABILITIES, CSTS, configuration, isPossible, NVME, VERSION } from './registers.js';
import { CommandError, STATUS } from './status.js';

/** Commands of a queue that are done in one step. */
const STEP = 32;

export interface ControllerOptions {
  readonly serial: string;
  readonly namespaces: readonly Namespace[];
  /** I/O queues of each kind. */
  readonly queues: number;
  /** Interrupt vectors. */
  readonly vectors: number;
}

export class Controller {
  readonly #slot: DeviceSlot;
  readonly #registers: DataView;
  readonly #cc: PolledRegister;
  readonly #maskSet: PolledRegister;
  readonly #maskClear: PolledRegister;
  readonly #admin: Admin;
  #config = configuration(0);
  /** Vectors that the host masked, by bit: of the pin, and of MSI. */
  #masked = 0;
  /** Vectors whose message waits for the mask. */
  #held = 0;

  constructor(slot: DeviceSlot, registers: DataView, options: ControllerOptions) {
    this.#slot = slot;
    this.#registers = registers;
    const register = (offset: number, name: string) =>
      new PolledRegister(registers, offset, 4, (value) => slot.found(name, value));
    this.#cc = register(NVME.CC, 'CC');
    this.#maskSet = register(NVME.INTMS, 'INTMS');
    this.#maskClear = register(NVME.INTMC, 'INTMC');
    const controller = this;
    this.#admin = {
      namespaces: options.namespaces,
      transfer: new Transfer(slot.dma),
      features: new Features(options.queues),
      logs: new Logs({ admin: ADMIN_OPCODES, io: IO_OPCODES }),
      facts: { serial: options.serial, namespaces: options.namespaces },
      queues: new QueueSet(registers, options.queues, options.vectors, (name, value) => slot.found(name, value)),
      events: new AsyncEvents((command, status, result) => this.#completeAdmin(command, status, result)),
      get config() {
        return controller.#config;
      },
    };
  }

  /** As after power-on. @param size bytes of the register page */
  reset(size: number): void {
    for (let offset = 0; offset < size; offset += 8) this.#registers.setBigUint64(offset, 0n, true);
    this.#registers.setBigUint64(NVME.CAP, CAPABILITIES, true);
    this.#registers.setUint32(NVME.VS, VERSION, true);
    this.#cc.set(0);
    this.#config = configuration(0);
    this.#stop();
  }

  /** Looks, and does a step. Returns true if something was found or done. */
  poll(): boolean {
    let moved = this.#lookAtMasks();
    if (this.#cc.look()) {
      this.#configure(this.#cc.value);
      moved = true;
    }
    if (this.#status !== CSTS.READY) return moved;
    try {
      return this.#work() || moved;
    } catch (error) {
      if (!(error instanceof RingError)) throw error;
      this.#fail(error.message);
      return true;
    }
  }

  /** READY or FATAL, or neither. */
  get #status(): number {
    return this.#registers.getUint32(NVME.CSTS, true) & (CSTS.READY | CSTS.FATAL);
  }

  #setStatus(bits: number): void {
    this.#registers.setUint32(NVME.CSTS, bits, true);
  }

  #fail(reason: string): void {
    this.#slot.found(`CSTS.CFS (${reason})`, 1);
    // A controller that was ready stays so until it is disabled: the driver waits for that.
    this.#setStatus(this.#registers.getUint32(NVME.CSTS, true) | CSTS.FATAL);
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
    this.#setStatus(CSTS.READY);
  }

  /** CC.EN falls: queues, requests and features are as after power-on; the disk is not touched. */
  #stop(): void {
    this.#admin.queues.clear();
    this.#admin.events.reset();
    this.#admin.features.reset();
    this.#masked = this.#held = 0;
    this.#slot.line(false);
    this.#setStatus(0);
  }

  /** What was written survives from now on. */
  #shutdown(): void {
    for (const { store } of this.#admin.namespaces) store.flush();
    this.#setStatus((this.#registers.getUint32(NVME.CSTS, true) & ~0xc) | CSTS.SHUTDOWN_DONE);
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
    for (const queue of submission.values()) {
      const seen = queue.look();
      if (seen !== undefined) moved = true;
      if (seen === false) this.#badDoorbell(queue.id);
      if (queue.hasWork && queue.completions.hasRoom) {
        this.#serve(queue);
        moved = true;
      }
    }
    if (moved) this.#interrupt();
    return moved;
  }

  #serve(queue: SubmissionQueue): void {
    for (const command of queue.fetch(this.#slot.dma).slice(0, STEP)) {
      if (!queue.completions.hasRoom) return;
      queue.head = (queue.head + 1) % queue.size;
      this.#run(queue, command);
      // The queue may be gone with its own command.
      if (this.#admin.queues.submission.get(queue.id) !== queue) return;
    }
  }

  #run(queue: SubmissionQueue, command: Command): void {
    try {
      let result = 0;
      if (queue.id === 0) {
        const answer = runAdmin(this.#admin, command);
        if (answer === 'held') return;
        result = answer;
      } else runIo(this.#admin, command);
      queue.completions.push(queue, command.id, STATUS.SUCCESS, result);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const { status } = error;
      this.#admin.logs.error({
        ...{ queue: queue.id, command: command.id, status },
        ...{ lba: queue.id === 0 ? 0n : command.quad(10), namespace: command.namespace },
      });
      queue.completions.push(queue, command.id, status, 0);
    }
  }

  /** An event request completes beside the queue's commands. Its place was kept: it is one of those that were fetched. */
  #completeAdmin(command: number, status: number, result: number): void {
    const queue = this.#admin.queues.submission.get(0);
    if (queue?.completions.hasRoom) queue.completions.push(queue, command, status, result);
  }

  #badDoorbell(queue: number): void {
    const { logs, events } = this.#admin;
    logs.error({ ...{ queue, command: 0xffff, status: STATUS.INVALID_FIELD }, ...{ lba: 0n, namespace: 0 } });
    events.error(ERROR_EVENT.INVALID_DOORBELL_VALUE);
  }

  /** Completions go to memory, then their interrupts. */
  #interrupt(): void {
    let vectors = 0;
    for (const queue of this.#admin.queues.completion.values()) {
      if (!queue.flush(this.#slot.dma) || queue.vector === undefined) continue;
      if (queue.vector < 32 && this.#masked & (1 << queue.vector)) this.#held |= 1 << queue.vector;
      else if (queue.vector < 32) vectors |= 1 << queue.vector;
      else this.#slot.interrupt(queue.vector);
    }
    this.#send(vectors);
    this.#line();
  }

  #send(vectors: number): void {
    for (let vector = 0; vectors >>> vector !== 0 && vector < 32; vector++)
      if (vectors & (1 << vector)) this.#slot.interrupt(vector);
  }

  /** The pin is asserted as long as a queue with interrupts, whose vector is not masked, has completions. */
  #line(): void {
    const asserted = [...this.#admin.queues.completion.values()].some(
      ({ pending, vector }) => pending && vector !== undefined && (vector > 31 || (this.#masked & (1 << vector)) === 0),
    );
    this.#slot.line(asserted);
  }

  #lookAtMasks(): boolean {
    const [set, clear] = [this.#maskSet.look(), this.#maskClear.look()];
    if (!set && !clear) return false;
    this.#masked = (this.#masked | this.#maskSet.value) & ~this.#maskClear.value;
    this.#maskSet.set(0);
    this.#maskClear.set(0);
    const released = this.#held & ~this.#masked;
    this.#held &= this.#masked;
    this.#send(released);
    this.#line();
    return true;
  }
}
