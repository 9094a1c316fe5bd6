/**
 * Copies of driven descriptors (dup(2), fcntl(2), pidfd_getfd(2)). Where the caller leaves the number to the kernel, the copy gets a
 * driven one. Where it wants a low one, as a shell's redirection does, it is followed (follow/followers.ts).
 */
import { O } from '../../abi/fcntl.js';
import type { Followers } from '../follow/followers.js';
import { libc } from '../host/libc.js';
import { pidOfPidfd } from '../host/procfs.js';
import type { Call, Served } from '../seccomp/call.js';
import { numberOf, type SyscallName } from '../seccomp/syscalls.js';
import type { Serve } from '../serve/call-table.js';
import type { FileCalls } from '../serve/file-calls.js';

const F_DUPFD = 0;
const F_DUPFD_CLOEXEC = 1030;
/** Whoever closes one of these before a dup(2) wants the copy there. */
const STANDARD = [0, 1, 2];

export class CopyCalls {
  readonly #calls: FileCalls;
  readonly #followers: Followers;
  readonly #firstDriven: number;

  constructor(calls: FileCalls, followers: Followers, firstDriven: number) {
    this.#calls = calls;
    this.#followers = followers;
    this.#firstDriven = firstDriven;
  }

  /** The handlers of calls that copy, before those of other descriptors. */
  before(handlers: Partial<Record<SyscallName, Serve>>): Partial<Record<SyscallName, Serve>> {
    const first = (name: SyscallName, copy: Serve): Serve => {
      return (n) => (this.#calls.isDriven(n.tid, n.int(0)) ? copy(n) : (handlers[name]?.(n) ?? 'host'));
    };
    return {
      dup: first('dup', (n) => (STANDARD.every((fd) => this.#open(n, fd)) ? this.#high(n, false) : this.#low(n))),
      dup2: first('dup2', (n) => this.#to(n, n.int(1))),
      dup3: first('dup3', (n) => this.#to(n, n.int(1))),
      fcntl: first('fcntl', (n) => this.#fcntl(n)),
      pidfd_getfd: (n) => this.#getfd(n),
    };
  }

  /** A copy of another process's descriptor: the host says who may, and gives it a low number. */
  #getfd(n: Call): Served {
    const pid = pidOfPidfd(n.tid, n.int(0));
    return pid !== undefined && this.#calls.isDriven(pid, n.int(1)) ? this.#low(n) : 'host';
  }

  #fcntl(n: Call): Served {
    const command = n.int(1);
    if (command !== F_DUPFD && command !== F_DUPFD_CLOEXEC) return 'host';
    const least = n.int(2);
    return least >= 0 && least < this.#firstDriven ? this.#high(n, command === F_DUPFD_CLOEXEC) : 'host';
  }

  #to(n: Call, number: number): Served {
    return number >= 0 && number < this.#firstDriven ? this.#low(n) : 'host';
  }

  /** A copy of the same description, at a driven number. A host that lets us take none makes the copy itself. */
  #high(n: Call, cloexec: boolean): Served {
    const { pidfd } = this.#calls.tasks.process(n.tid, n.instruction, n.stillWaits);
    const ours = libc.syscall(numberOf('pidfd_getfd'), pidfd, n.int(0), 0, 0, 0);
    if (ours < 0) return this.#low(n);
    this.#calls.giver.addDriven(n, ours, cloexec ? O.CLOEXEC : 0, true);
    return 'done';
  }

  #low(n: Call): Served {
    return this.#followers.begin(n) ? 'done' : 'host';
  }

  #open(n: Call, fd: number): boolean {
    return this.#calls.tasks.inodeOf(n.tid, fd) !== undefined;
  }
}
