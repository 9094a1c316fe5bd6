/** read, write, readv, writev, and splice and its like, of driven descriptors (driven-files.ts). */
import { Errno } from '../../abi/errno.js';
import { O } from '../../abi/fcntl.js';
import type { OpenFile } from '../../kernel/file/open-file.js';
import { Pending } from '../../kernel/file/pending.js';
import type { VirtualKernel } from '../../kernel/kernel.js';
import { descriptorFlags, interrupted } from '../host/procfs.js';
import type { Call, Served } from '../seccomp/call.js';
import type { SyscallName } from '../seccomp/syscalls.js';
import type { FileCalls } from '../serve/file-calls.js';
import type { DrivenFiles } from './driven-files.js';
import { gather, type Piece } from './gather.js';

type Handler = (notification: Call) => Served;

export class StreamCalls {
  readonly #kernel: VirtualKernel;
  readonly #calls: FileCalls;
  readonly #driven: DrivenFiles;

  constructor(kernel: VirtualKernel, calls: FileCalls, driven: DrivenFiles) {
    this.#kernel = kernel;
    this.#calls = calls;
    this.#driven = driven;
  }

  handlers(): Partial<Record<SyscallName, Handler>> {
    return {
      read: (n) => this.#read(n, () => [[n.argument(1), n.argument(2)]]),
      readv: (n) => this.#read(n, () => this.#calls.pieces(n)),
      write: (n) => this.#write(n, () => [[n.argument(1), n.argument(2)]]),
      writev: (n) => this.#write(n, () => this.#calls.pieces(n)),
      splice: (n) => (n.argument(4) === 0n ? 'host' : this.#between(n, n.int(0), n.int(2))),
      tee: (n) => (n.argument(2) === 0n ? 'host' : this.#between(n, n.int(0), n.int(1))),
      sendfile: (n) => this.#between(n, n.int(1), n.int(0)),
      vmsplice: (n) => {
        if (this.#calls.isDriven(n.tid, n.int(0))) throw new Errno('EBADF', `descriptor ${n.int(0)} is no pipe`);
        return 'host';
      },
    };
  }

  /** A call that moves bytes between two files: those here have neither splice_read nor splice_write, only attributes. */
  #between(n: Call, ...descriptors: readonly number[]): Served {
    const refuse = (file: OpenFile): Served => {
      if (!this.#calls.giver.readByHost(file)) throw new Errno('EINVAL', `${file.name} cannot be spliced`);
      return 'host';
    };
    for (const fd of descriptors) this.#calls.on(n, fd, refuse);
    return 'host';
  }

  #read(n: Call, pieces: () => readonly Piece[]): Served {
    const fd = n.int(0);
    return this.#calls.on(n, fd, (file) => {
      if (this.#calls.giver.readByHost(file)) return 'host';
      this.#driven.refresh(file);
      const parts = pieces();
      const now = (): number => this.#readNow(n, file, fd, parts);
      if (file.immediate || file.poll().readable || descriptorFlags(n.tid, fd) & O.NONBLOCK) return now();
      this.#driven.wait(n, () => this.#goOn(n, file, now));
      return 'later';
    });
  }

  /** A call that waits is tried again. Returns false if it must wait on. */
  #goOn(n: Call, file: OpenFile, read: () => number): boolean {
    if (!n.valid()) return true;
    if (!file.poll().readable) {
      if (!interrupted(n.tid)) return false;
      n.restart();
      return true;
    }
    try {
      n.answer(read());
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      // Another reader was faster.
      if (error.code === 'EAGAIN') return false;
      n.answer(-error.errno);
    }
    return true;
  }

  #readNow(n: Call, file: OpenFile, fd: number, pieces: readonly Piece[]): number {
    try {
      const caller = this.#calls.caller(n);
      return gather(pieces, (address, size) => this.#kernel.read(caller, fd, file, address, size));
    } finally {
      this.#driven.consumed(file);
    }
  }

  #write(n: Call, pieces: () => readonly Piece[]): Served {
    const fd = n.int(0);
    return this.#calls.on(n, fd, (file) => {
      const caller = this.#calls.caller(n);
      const parts = pieces();
      try {
        return gather(parts, (address, size) => this.#kernel.write(caller, fd, file, address, size));
      } catch (error) {
        if (!(error instanceof Pending)) throw error;
        const size = parts.reduce((all, [, bytes]) => all + Number(bytes), 0);
        const waits = new WaitingWrite(n, error, size);
        this.#driven.wait(n, () => waits.goOn());
        return 'later';
      }
    });
  }
}

/**
 * A write that waits: answers it once what it began is done. A signal ends the wait, not what was begun: the user of a
 * device that waits for its own close could not be ended otherwise.
 */
class WaitingWrite {
  readonly #call: Call;
  readonly #size: number;
  #pending: Pending;

  constructor(call: Call, pending: Pending, size: number) {
    this.#call = call;
    this.#pending = pending;
    this.#size = size;
  }

  /** Returns false if it must wait on. */
  goOn(): boolean {
    if (!this.#call.valid()) return true;
    try {
      if (this.#pending.done()) this.#call.answer(this.#size);
      else if (interrupted(this.#call.tid)) this.#call.restart();
      else return false;
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      if (error instanceof Pending) {
        this.#pending = error;
        return false;
      }
      this.#call.answer(-error.errno);
    }
    return true;
  }
}
