/** An access of the tests: a file whose close removes it. It remembers what it pinned, item by item. */
import { U64_MAX } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { pinPages, unpinPages } from '../../iopt/pinned-access.js';
import { Facet } from '../../kernel/file/facet.js';
import type { Caller, FileTable } from '../../kernel/file/open-file.js';
import type { FrameRun } from '../../memory/backing.js';
import { IommufdAccess } from '../access.js';
import type { IommufdContext } from '../context.js';

interface Item {
  readonly id: number;
  readonly iova: bigint;
  readonly length: bigint;
}

export class TestAccess {
  readonly context: IommufdContext;
  readonly access: IommufdAccess;
  /** It may pin pages. */
  readonly pins: boolean;
  #items: Item[] = [];
  #next = 0;

  constructor(context: IommufdContext, pins: boolean) {
    this.context = context.get();
    this.pins = pins;
    this.access = new IommufdAccess(pins, (iova, length) => this.#drop(iova, length));
  }

  /** Pins pages. Returns their frames; keep() or release() comes next. @throws what pinPages() does */
  pin(iova: bigint, length: bigint, write: boolean): FrameRun[] {
    return pinPages(this.access.ioas.table, iova, length, write, false);
  }

  /** Remembers what was pinned. Returns the number of the item. */
  keep(iova: bigint, length: bigint): number {
    this.#items.push({ id: this.#next, iova, length });
    return this.#next++;
  }

  /** Forgets the last item: its number is not used again. */
  forgetLast(): void {
    const item = this.#items.pop();
    if (item) this.release(item.iova, item.length);
  }

  release(iova: bigint, length: bigint): void {
    unpinPages(this.access.ioas.table, iova, length, false);
  }

  /** Drops an item. @throws ENOENT */
  destroyItem(id: number): void {
    const index = this.#items.findIndex((item) => item.id === id);
    const [item] = index < 0 ? [] : this.#items.splice(index, 1);
    if (!item) throw new Errno('ENOENT', `the access pinned no item ${id}`);
    this.release(item.iova, item.length);
  }

  /** The file is closed. */
  close(): void {
    this.#drop(0n, U64_MAX);
    this.access.users = 0;
    if (this.access.id !== 0) this.context.objects.remove(this.access);
    this.context.put();
  }

  /** Drops the items that touch [iova, iova+length). */
  #drop(iova: bigint, length: bigint): void {
    const gone = this.#items.filter((item) => item.iova < iova + length && iova < item.iova + item.length);
    this.#items = this.#items.filter((item) => !gone.includes(item));
    for (const item of gone) this.release(item.iova, item.length);
  }
}

export const TEST_ACCESS = new Facet<TestAccess>('test access');

export const TEST_ACCESS_FILE: FileTable<TestAccess> = {
  name: () => 'anon_inode:[iommufd_test_staccess]',
  release: (access) => access.close(),
  facets: [TEST_ACCESS.from((access) => access)],
};

/** The access behind a descriptor. @throws EBADFD it is none */
export function testAccess(caller: Caller, fd: number): TestAccess {
  let access: TestAccess | undefined;
  try {
    access = caller.file(fd)?.facet(TEST_ACCESS);
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
  }
  if (!access) throw new Errno('EBADFD', `descriptor ${fd} is no access of the tests`);
  return access;
}
