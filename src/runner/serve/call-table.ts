/** Which calls are served, by number, and by what. */
import type { Call, Served } from '../seccomp/call.js';
import { hostArchitecture, type SyscallName } from '../seccomp/syscalls.js';

export type Serve = (call: Call) => Served;

export interface Handler {
  readonly name: SyscallName;
  readonly run: Serve;
}

export class CallTable {
  readonly #handlers: (Handler | undefined)[] = [];

  /** What serves the calls of a number; undefined: they are the host's. */
  at(nr: number): Handler | undefined {
    return this.#handlers[nr];
  }

  /** From now on these serve. */
  register(handlers: Partial<Record<SyscallName, Serve>>): void {
    const { numbers } = hostArchitecture();
    for (const [name, run] of Object.entries(handlers) as [SyscallName, Serve][]) {
      const nr = numbers[name];
      if (nr !== undefined) this.#handlers[nr] = { name, run };
    }
  }

  /** From now on this serves a call; it is handed what did before. Nothing changes if nothing did. */
  wrap(name: SyscallName, around: (before: Serve) => Serve): void {
    const nr = hostArchitecture().numbers[name];
    const before = nr === undefined ? undefined : this.#handlers[nr]?.run;
    if (before) this.register({ [name]: around(before) });
  }
}
