/**
 * Calls on descriptors that were virtual files and are closed: the host answers them, and whoever watches a run learns of
 * them. What a descriptor was is known of those on which a call was served while somebody watched.
 */
import { Errno } from '../../abi/errno.js';
import { DEVICE, type OpenFile } from '../../kernel/file/open-file.js';
import type { VirtualKernel } from '../../kernel/kernel.js';

/** Descriptors that are remembered, of all processes. */
const MOST = 4096;

/** What a descriptor was. */
interface Seen {
  readonly open: number;
  readonly file: string;
  readonly device: string | undefined;
}

/** More than a descriptor's number can be. */
const DESCRIPTORS = 2 ** 31;
const keyOf = (pid: number, fd: number): number => pid * DESCRIPTORS + fd;

export interface Thread {
  readonly pid: number;
  readonly tid: number;
}

export class StrayCalls {
  readonly #kernel: VirtualKernel;
  /** By process and descriptor, the oldest first. */
  readonly #files = new Map<number, Seen>();

  constructor(kernel: VirtualKernel) {
    this.#kernel = kernel;
  }

  /** Is it worth asking what a descriptor was? */
  get any(): boolean {
    return this.#files.size > 0;
  }

  /** A call is served on a descriptor. */
  seen(pid: number, fd: number, file: OpenFile): void {
    const key = keyOf(pid, fd);
    if (this.#files.get(key)?.open === file.id) return;
    const [oldest] = this.#files.keys();
    if (this.#files.size >= MOST && oldest !== undefined) this.#files.delete(oldest);
    this.#files.set(key, { open: file.id, file: file.name, device: file.facet(DEVICE) });
  }

  /** A process executes another program: what it does with its descriptors is no mistake of this one. */
  forget(pid: number): void {
    for (const key of this.#files.keys()) if (Math.floor(key / DESCRIPTORS) === pid) this.#files.delete(key);
  }

  /** A call is made on a descriptor that is not open: tells of it, if it was one of ours. */
  closed({ pid, tid }: Thread, call: string, fd: number): void {
    const known = this.#files.get(keyOf(pid, fd));
    if (!known) return;
    const error = new Errno('EBADF', `descriptor ${fd} was ${known.file}, and is closed`);
    const { file, device } = known;
    this.#kernel.report({ pid, tid, call, fd, file, device, result: -1, error });
  }
}
