/** Buffers of the tests that are exported as descriptors, and taken back. */
import { PAGE_SIZE } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { DMA_BUF, DmaBuf } from '../../iopt/dma-buf.js';
import { Facet } from '../../kernel/file/facet.js';
import { type Caller, type FileTable, OpenFile } from '../../kernel/file/open-file.js';
import { allocation } from '../../memory/allocation.js';
import { Backing } from '../../memory/backing.js';

const MAX_PAGES = 512;

/** Memory of a mock device. */
class BufferMemory extends Backing {
  readonly name = 'the memory of a test buffer';
  readonly alive = true;
  readonly #bytes: Uint8Array;
  readonly memory = {
    read: (address: bigint, into: Uint8Array): number => {
      const piece = this.#bytes.subarray(Number(address), Number(address) + into.length);
      into.set(piece);
      return piece.length;
    },
    write: (address: bigint, from: Uint8Array): number => {
      const room = Math.max(0, Math.min(from.length, this.#bytes.length - Number(address)));
      this.#bytes.set(from.subarray(0, room), Number(address));
      return room;
    },
  };

  constructor(size: number) {
    super();
    this.#bytes = new Uint8Array(size);
  }

  protected unused(): void {}
}

/** A buffer that the tests may take back. */
const TEST_BUFFER = new Facet<DmaBuf>('test buffer');

const DMA_BUF_FILE: FileTable<DmaBuf> = {
  name: () => '/dmabuf:',
  facets: [DMA_BUF.from((buffer) => buffer), TEST_BUFFER.from((buffer) => buffer)],
};

/** @param length bytes, rounded up to pages. @returns a descriptor. @throws EINVAL, EMFILE */
export function exportDmaBuf(caller: Caller, length: number, flags: number): number {
  const size = Math.ceil(length / PAGE_SIZE) * PAGE_SIZE;
  if (size === 0 || size > MAX_PAGES * PAGE_SIZE)
    throw new Errno('EINVAL', `a buffer of ${length} bytes; it has 1 to ${MAX_PAGES} pages`);
  allocation('a dma-buf');
  const buffer = new DmaBuf('a test buffer', size, new BufferMemory(size));
  return caller.install(new OpenFile(buffer, DMA_BUF_FILE), flags);
}

/** @throws EBADF, EINVAL no dma-buf; EOPNOTSUPP of another exporter */
export function revokeDmaBuf(caller: Caller, fd: number, revoked: boolean): void {
  const file = caller.file(fd);
  if (!file?.facet(DMA_BUF)) throw new Errno('EINVAL', `descriptor ${fd} is no dma-buf`);
  const buffer = file.facet(TEST_BUFFER);
  if (!buffer) throw new Errno('EOPNOTSUPP', `descriptor ${fd} is a dma-buf of another exporter`);
  buffer.revoke(revoked);
}
