/** Mapping into an I/O address space: new areas over pages objects (linux-iommufd.md, 4). */
import { hex, lastWraps, offsetInPage, U64_MAX } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { allocation } from '../memory/allocation.js';
import { AREA_WRITE, Area } from './area.js';
import { chooseIova, type Wish, wish } from './choose-iova.js';
import type { IoPageTable } from './io-page-table.js';
import type { SharedPages } from './shared-pages.js';

/** A part of a pages object. */
export interface Slice {
  readonly pages: SharedPages;
  /** Bytes from the pages object's first page on. */
  readonly startByte: bigint;
  /** Bytes. */
  readonly length: bigint;
}

/** What was chosen last, table by table: the same wish need not look below it again while nothing was removed. */
const lastChoice = new WeakMap<IoPageTable, Wish & { readonly generation: number; readonly end: bigint }>();

/**
 * Maps slices one after the other.
 * @param at the I/O virtual address; undefined: it is chosen, aligned as `source` is
 * @param source user address or file offset of the first slice, bytes
 * @param access AREA_READ, AREA_WRITE
 * @returns the address
 * @throws EINVAL length or address not aligned, or reserved; EOVERFLOW; EEXIST; ENOSPC; EPERM the pages were taken
 *   read-only; EFAULT, ENOMEM pages cannot be pinned. Nothing changes then
 */
export function mapSlices(
  table: IoPageTable,
  slices: readonly Slice[],
  at: bigint | undefined,
  source: bigint,
  access: number,
): bigint {
  let length = 0n;
  for (const slice of slices) length += slice.length;
  if (length === 0n || (length & (table.alignment - 1n)) !== 0n) {
    throw new Errno('EINVAL', `length ${hex(length)} is not a positive multiple of ${table.alignment}`);
  }
  const iova = at === undefined ? choose(table, source, length) : at;
  if (at !== undefined) checkPlace(table, iova, length);
  const areas = areasFor(table, slices, iova, access);
  if (table.domains.length > 0) holdAll(table, areas);
  for (const area of areas) {
    area.pages.get();
    table.areas.insert(area);
    if (table.domains.length > 0) table.followed.add(area);
  }
  return iova;
}

/** The slices of [iova, iova+length), to be mapped elsewhere. @throws EINVAL, EOVERFLOW, ENOENT not mapped throughout */
export function slicesOf(table: IoPageTable, iova: bigint, length: bigint): Slice[] {
  if (length === 0n) throw new Errno('EINVAL', 'length is 0');
  if (lastWraps(iova, length)) throw new Errno('EOVERFLOW', `${hex(iova)}+${hex(length)} wraps`);
  const slices: Slice[] = [];
  for (const { area, start, last } of contiguous(table, iova, iova + length - 1n)) {
    slices.push({ pages: area.pages, startByte: area.byteOf(start), length: last - start + 1n });
  }
  return slices;
}

/** The areas that make up [start, last], each with the part that lies in it. @throws ENOENT at the first gap */
export function* contiguous(
  table: IoPageTable,
  start: bigint,
  last: bigint,
): Generator<{ area: Area; start: bigint; last: bigint }> {
  for (let at = start; at <= last; ) {
    const area = table.areas.at(at);
    if (!area) throw new Errno('ENOENT', `${hex(at)} is not mapped`);
    const end = area.last < last ? area.last : last;
    yield { area, start: at, last: end };
    at = end + 1n;
  }
}

function choose(table: IoPageTable, source: bigint, length: bigint): bigint {
  const wanted = wish(source, length, table.alignment);
  const known = lastChoice.get(table);
  const same =
    known?.generation === table.generation &&
    known.length === wanted.length &&
    known.alignment === wanted.alignment &&
    known.offset === wanted.offset;
  const iova = chooseIova(wanted, table.choosable, table.reserved.holes(), table.areas, same ? known.end : 0n);
  lastChoice.set(table, { ...wanted, generation: table.generation, end: iova });
  return iova;
}

/** @throws EINVAL, EOVERFLOW, EEXIST */
function checkPlace(table: IoPageTable, iova: bigint, length: bigint): void {
  if ((iova & (table.alignment - 1n)) !== 0n) {
    throw new Errno('EINVAL', `iova ${hex(iova)} is not a multiple of ${table.alignment}`);
  }
  if (lastWraps(iova, length)) throw new Errno('EOVERFLOW', `iova ${hex(iova)}+${hex(length)} wraps`);
  const last = iova + length - 1n;
  const reserved = table.reserved.touching({ start: iova, last });
  if (reserved) {
    throw new Errno(
      'EINVAL',
      `${hex(iova)}-${hex(last)} touches the reserved ${hex(reserved.start)}-${hex(reserved.last)}`,
    );
  }
  const area = table.areas.touching(iova, last);
  if (area) throw new Errno('EEXIST', `${hex(iova)}-${hex(last)} touches the mapping at ${hex(area.start)}`);
}

/** @throws EPERM, EINVAL, EOVERFLOW */
function areasFor(table: IoPageTable, slices: readonly Slice[], iova: bigint, access: number): Area[] {
  const areas: Area[] = [];
  let at = iova;
  for (const { pages, startByte, length } of slices) {
    if ((access & AREA_WRITE) !== 0 && !pages.writable) {
      throw new Errno('EPERM', 'the pages were mapped for reading only, and cannot be mapped for writing');
    }
    const offset = offsetInPage(startByte);
    if ((BigInt(offset) & (table.alignment - 1n)) !== 0n) {
      throw new Errno('EINVAL', `the source begins ${offset} bytes into a page, not aligned to ${table.alignment}`);
    }
    allocation('an area');
    const last = at + length - 1n;
    if (last > U64_MAX) throw new Errno('EOVERFLOW', `iova ${hex(at)}+${hex(length)} wraps`);
    areas.push(new Area(at, last, pages, startByte, access));
    at = last + 1n;
  }
  return areas;
}

function holdAll(table: IoPageTable, areas: readonly Area[]): void {
  let held = 0;
  try {
    for (const area of areas) {
      table.hold(area);
      held++;
    }
  } catch (error) {
    for (const area of areas.slice(0, held)) area.pages.drop(area.firstPage, area.lastPage);
    throw error;
  }
}
