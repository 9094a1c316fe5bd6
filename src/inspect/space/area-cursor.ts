/** A walk over the areas of an IOAS, and over the mappings of a container, as runs of pages. */
import { PAGE_SHIFT } from '../../abi/address.js';
import { type DmaMapping, lastPage, type Mappings } from '../../container/type1/mappings.js';
import { AREA_READ, AREA_WRITE, type Area } from '../../iopt/area.js';
import type { RangeTree } from '../../memory/intervals/range-tree.js';
import type { MappedRun } from '../source.js';
import type { RunCursor } from '../window.js';

const SHIFT = BigInt(PAGE_SHIFT);
const OWNER_SHIFT = 2;
const READ = 1;
const WRITE = 2;

/** What a tag says: access in its lowest bits, the number of the memory above. */
export const describe = (tag: number): Pick<MappedRun, 'access' | 'owner'> => ({
  access: `${tag & READ ? 'r' : ''}${tag & WRITE ? 'w' : ''}`,
  owner: tag >>> OWNER_SHIFT,
});

/** Memories get their numbers in the order in which they are met. */
class Owners {
  readonly #numbers = new Map<object, number>();

  tag(owner: object, read: boolean, write: boolean): number {
    const number = this.#numbers.get(owner) ?? this.#numbers.size;
    this.#numbers.set(owner, number);
    return (number << OWNER_SHIFT) | (read ? READ : 0) | (write ? WRITE : 0);
  }
}

/** Whose memory an area shows: a process's, a file's, a device's. */
function ownerOf({ pages: { source } }: Area): object {
  if ('mm' in source && typeof source.mm === 'object' && source.mm) return source.mm;
  return 'file' in source && typeof source.file === 'object' && source.file ? source.file : source;
}

/** Areas are exact to the byte: each is told by the pages that it touches. */
export class AreaCursor implements RunCursor {
  readonly #areas: RangeTree<Area>;
  readonly #owners = new Owners();
  #area: Area | undefined;

  constructor(areas: RangeTree<Area>) {
    this.#areas = areas;
  }

  get count(): number {
    return this.#areas.count;
  }
  get start(): number {
    return this.#area ? Number(this.#area.start >> SHIFT) : 0;
  }
  get pages(): number {
    return this.#area ? Number(this.#area.last >> SHIFT) - this.start + 1 : 0;
  }
  get target(): number {
    return this.#area ? Number((this.#area.pages.source.origin + this.#area.startByte) >> SHIFT) : 0;
  }
  get tag(): number {
    if (!this.#area) return 0;
    const { access } = this.#area;
    return this.#owners.tag(ownerOf(this.#area), (access & AREA_READ) !== 0, (access & AREA_WRITE) !== 0);
  }

  seek(page: number): boolean {
    this.#area = this.#areas.seek(BigInt(page) << SHIFT);
    return this.#area !== undefined;
  }
  next(): boolean {
    this.#area = this.#area && this.#areas.seek(this.#area.last + 1n);
    return this.#area !== undefined;
  }
}

export class MappingCursor implements RunCursor {
  readonly #mappings: Mappings;
  readonly #owners = new Owners();
  #mapping: DmaMapping | undefined;

  constructor(mappings: Mappings) {
    this.#mappings = mappings;
  }

  get count(): number {
    return this.#mappings.count;
  }
  get start(): number {
    return this.#mapping?.first ?? 0;
  }
  get pages(): number {
    return this.#mapping?.pages ?? 0;
  }
  get target(): number {
    return Number((this.#mapping?.vaddr ?? 0n) >> SHIFT);
  }
  get tag(): number {
    const mapping = this.#mapping;
    return mapping ? this.#owners.tag(mapping.mm, mapping.read, mapping.write) : 0;
  }

  seek(page: number): boolean {
    this.#mapping = this.#mappings.touching(page, Number.POSITIVE_INFINITY);
    return this.#mapping !== undefined;
  }
  next(): boolean {
    return this.#mapping !== undefined && this.seek(lastPage(this.#mapping) + 1);
  }
}
