/** What the calls on paths have in common: what they work on, and how an answer reaches the caller. */

import { Errno } from '../../abi/errno.js';
import type { OpenFile } from '../../kernel/file/open-file.js';
import type { Located } from '../../kernel/fs/file-system.js';
import type { VirtualKernel } from '../../kernel/kernel.js';
import { credentials } from '../host/procfs.js';
import { copyRemote } from '../memory/remote-memory.js';
import { isHostDirectory } from '../path/host-calls.js';
import type { LookupOptions, PathLookup } from '../path/lookup.js';
import type { Call, Served } from '../seccomp/call.js';

export type Handler = (call: Call) => Served;

/** What the calls on paths need of the rest of the runner. */
export interface PathServices {
  /** Gives the caller an open file, as the result of the call. */
  give(n: Call, file: OpenFile, flags: number): Served;
  /** Directories and paths are given out at numbers from here on. */
  readonly firstDriven: number;
  /** Name of the virtual file behind a thread's descriptor. */
  nameOf(tid: number, fd: number): string | undefined;
}

/** An inode of the tree; or a path of the host, which the call must be made with for the caller. */
export type Resolved = Located | { readonly path: string; readonly inode: undefined };

export class Resolver {
  readonly kernel: VirtualKernel;
  readonly lookup: PathLookup;
  readonly services: PathServices;
  /** The path of the last call, if it was the virtual kernel's: for the trace. */
  current: string | undefined;

  constructor(kernel: VirtualKernel, lookup: PathLookup, services: PathServices) {
    this.kernel = kernel;
    this.lookup = lookup;
    this.services = services;
  }

  /**
   * What a path argument means.
   * @returns undefined: the host finds it by itself
   * @throws ENOENT, and what a walk throws
   */
  resolve(n: Call, directory: number, argument: number, options: LookupOptions): Resolved | undefined {
    const found = this.find(n, directory, argument, options);
    if (!found) return undefined;
    if (found.kind === 'missing') throw new Errno('ENOENT', `${found.path} does not exist on this machine`);
    return found.kind === 'inode' ? found : { path: found.path, inode: undefined };
  }

  /**
   * As resolve(), and a missing last name is an answer.
   * @returns undefined: the host finds it by itself; `host`: only at this path
   */
  find(n: Call, directory: number, argument: number, options: LookupOptions) {
    const found = this.lookup.find(n, directory, argument, options);
    if (!found) return undefined;
    if (found.kind === 'missing') this.current = found.path;
    if (found.kind !== 'inode') return found.kind === 'host' && !found.moved ? undefined : found;
    // A directory over one of the host's is the host's own, but for what is in it.
    const { inode, path, moved } = found;
    if (inode.type === 'directory' && inode.listsHost && isHostDirectory(path)) {
      return moved ? ({ kind: 'host', path, moved } as const) : undefined;
    }
    this.current = path;
    return found;
  }
}

/** A call is made by the runner in place of the caller. @throws EACCES it would be somebody else's right */
export function inPlaceOf(n: Call, path: string): void {
  const { uid } = credentials(n.tid);
  if (uid !== process.geteuid?.()) throw new Errno('EACCES', `${path} is not opened in place of user ${uid}`);
}

/** Writes an answer into the caller's buffer. Returns 0. @throws EFAULT */
export function copyOut(n: Call, argument: number, bytes: Uint8Array): 0 {
  if (!n.valid() || copyRemote(n.tid, n.address(argument), bytes, bytes.length, true) !== bytes.length) {
    throw new Errno('EFAULT', `cannot write ${bytes.length} bytes to the caller`);
  }
  return 0;
}
