/** Where the pages of a mapping come from: the memory of a process, a file, or the memory of a device (dma-buf). */
import { addressOfPage, hex, U64_MAX } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { countFrames, type FrameRun } from '../memory/backing.js';
import type { MemoryFile } from '../memory/memory.js';
import type { Mm } from '../memory/mm.js';

export interface PageSource {
  readonly kind: 'user' | 'file' | 'dma-buf';
  /** Address, or offset in the file, of its first page: what a choice of I/O virtual address is aligned like. */
  readonly origin: bigint;
  /**
   * The frames of whole pages, all of them.
   * @param first page, counted from the source's first one
   * @throws EFAULT not mapped, or not writable when it has to be; EINVAL beyond the end of a file
   */
  frames(first: number, pages: number, write: boolean): FrameRun[];
  /** The last mapping of it is gone. */
  close(): void;
}

/** Memory of a process. */
export class UserPages implements PageSource {
  readonly kind = 'user';
  readonly mm: Mm;
  /** Address of its first page. */
  readonly address: bigint;

  constructor(mm: Mm, address: bigint) {
    this.mm = mm;
    this.address = address;
  }

  get origin(): bigint {
    return this.address;
  }

  frames(first: number, pages: number, write: boolean): FrameRun[] {
    const at = this.address + addressOfPage(first);
    if (at + addressOfPage(pages) > U64_MAX) throw new Errno('EOVERFLOW', `${hex(at)} and ${pages} pages wrap`);
    if (!this.mm.alive) throw new Errno('EFAULT', `the process that mapped ${hex(at)} has ended`);
    const runs = this.mm.memory.frames(at, pages, write);
    const got = countFrames(runs);
    if (got < pages) {
      const what = write ? 'mapped writable' : 'mapped';
      throw new Errno('EFAULT', `${hex(at + addressOfPage(got))} is not ${what} in the memory of the process`);
    }
    if (runs.some(({ backing }) => backing.isDevice)) {
      throw new Errno('EFAULT', `${hex(at)} and ${pages} pages are not all memory: a BAR of a device is mapped there`);
    }
    return runs;
  }

  close(): void {}
}

/** Pages of a memfd, shmem or hugetlbfs file. */
export class FilePages implements PageSource {
  readonly kind = 'file';
  readonly file: MemoryFile;
  /** Its first page in the file. */
  readonly page: number;

  constructor(file: MemoryFile, page: number) {
    this.file = file;
    this.page = page;
  }

  get origin(): bigint {
    return addressOfPage(this.page);
  }

  frames(first: number, pages: number): FrameRun[] {
    return this.file.frames(this.page + first, pages);
  }

  close(): void {
    this.file.close();
  }
}
