/** System calls on paths, and on directories: which of them are the virtual kernel's, and how each is served. */
import type { VirtualKernel } from '../../kernel/kernel.js';
import { Directories } from '../path/directories.js';
import { PathLookup } from '../path/lookup.js';
import type { Call, Served } from '../seccomp/call.js';
import type { SyscallName } from '../seccomp/syscalls.js';
import { ChangeCalls } from './change.js';
import { DirectoryCalls } from './directories.js';
import { InspectCalls } from './inspect.js';
import { OpenCalls } from './open.js';
import { type Handler, type PathServices, Resolver } from './resolve.js';

export class PathCalls {
  readonly #resolver: Resolver;
  readonly #directories: DirectoryCalls;

  /** @param copies a directory of this run for copies of the tree's directories */
  constructor(kernel: VirtualKernel, copies: string, services: PathServices) {
    const lookup = new PathLookup(kernel.fs, new Directories(kernel.fs, copies), services.firstDriven);
    this.#resolver = new Resolver(kernel, lookup, services);
    this.#directories = new DirectoryCalls(this.#resolver);
  }

  /** The calls by name. A handler that returns 'host' leaves the call to the host kernel. */
  handlers(): Partial<Record<SyscallName, Handler>> {
    return {
      ...new OpenCalls(this.#resolver).handlers(),
      ...new InspectCalls(this.#resolver).handlers(),
      ...new ChangeCalls(this.#resolver).handlers(),
      ...this.#directories.handlers(),
    };
  }

  /** stat of a descriptor of a directory or an attribute; 'host' if it is nothing of the tree. */
  fstat(n: Call, call: 'fstat' | 'newfstatat' | 'statx'): Served {
    return this.#directories.fstat(n, n.int(0), call);
  }

  /** A call begins. */
  begin(): void {
    this.#resolver.current = undefined;
  }

  /** The path of the last call, if it was the virtual kernel's: for the trace. */
  get current(): string | undefined {
    return this.#resolver.current;
  }
}
