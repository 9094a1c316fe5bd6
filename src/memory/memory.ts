/** The memory of one program image, as the virtual kernel reaches it. */
import { Errno } from '../abi/errno.js';
import type { FrameRun } from './backing.js';

export interface Memory {
  /**
   * Copies bytes out of the memory.
   * @param address user address, any 64-bit value
   * @returns bytes copied: less than asked from the first address that is not readable on
   */
  read(address: bigint, into: Uint8Array): number;
  /** Copies bytes into the memory; returns bytes copied, less than asked from the first address not writable on. */
  write(address: bigint, from: Uint8Array): number;
  /** The first address of [address, address+size) that cannot be pinned (not mapped, or not writable when wanted). */
  unpinnable(address: bigint, size: bigint, write: boolean): bigint | undefined;
  /**
   * The frames under whole pages (Linux: get_user_pages). Nothing is pinned by asking.
   * @param address a multiple of the page size
   * @param pages 1 or more
   * @param write they are to be written
   * @returns runs in order; fewer frames than asked, from the first page that cannot be reached on
   */
  frames(address: bigint, pages: number, write: boolean): FrameRun[];
  /** RLIMIT_MEMLOCK in bytes; undefined: unlimited. */
  lockLimit(): bigint | undefined;
  /** The limit does not bind the process: it holds CAP_IPC_LOCK. */
  mayExceedLockLimit(): boolean;
}

/** A file whose pages are memory: memfd, shmem, hugetlbfs. Held by who maps it, also after its descriptor is closed. */
export interface MemoryFile {
  /**
   * The frames of whole pages of the file.
   * @param page first page of the file; @param pages 1 or more
   * @throws EINVAL beyond the end of the file, or the file's pages are no memory that can be pinned
   */
  frames(page: number, pages: number): FrameRun[];
  close(): void;
}

/** A file whose pages cannot be pinned: that is noticed when they are to be. @param name for the error */
export function unpinnableFile(name: string): MemoryFile {
  return {
    frames: () => {
      throw new Errno('EINVAL', `${name} is neither memfd, shmem nor hugetlbfs: it cannot be pinned`);
    },
    close: () => {},
  };
}
