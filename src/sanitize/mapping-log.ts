/**
 * What programs mapped and unmapped, in the order in which they did: so that a DMA that misses can be told what was there
 * before. Read from the record of the served calls, so it knows every personality. The oldest entries are forgotten.
 */
import { last as lastOf, lastWraps, U64_MAX } from '../abi/address.js';
import type { CallRecord } from '../kernel/watchers.js';
import type { Position } from '../report/finding.js';

/** Most entries that are kept. */
const CAPACITY = 1 << 16;
/** A DMA so close behind the end of a mapping is a transfer that is too long, bytes. */
const NEAR = 1n << 16n;

/** Where in the program the thread is whose call is being served; undefined: nobody knows. */
export type Where = (thread: { readonly pid: number; readonly tid: number }) => Position | undefined;

export interface MappingEvent {
  readonly kind: 'map' | 'unmap';
  readonly record: CallRecord;
  /** Where the program made the call; undefined: nobody knows. */
  readonly position: Position | undefined;
  /** The address space, as the call names it. */
  readonly space: string;
  readonly start: bigint;
  /** Inclusive. */
  readonly last: bigint;
}

type Values = Readonly<Record<string, number | bigint>>;

function pick(values: Values | undefined, ...names: string[]): bigint | undefined {
  for (const name of names) {
    const value = values?.[name];
    if (value !== undefined) return BigInt(value);
  }
  return undefined;
}

/** The address space of a call: which open file, and which of its address spaces. */
export function spaceOf(record: CallRecord): string {
  const id = pick(record.input, 'ioas_id', 'ioasid', 'dst_ioas_id');
  return `${record.file ?? 'a file'}${id === undefined ? '' : ` space ${id}`}`;
}

/** Reads a call. Undefined: it maps or unmaps nothing. */
export function mappingEvent(record: CallRecord, where: Where): MappingEvent | undefined {
  const { name, result, input, output } = record;
  if (result < 0 || name === undefined || !/(^|_)(UN)?MAP(_|$)|IOAS_COPY/.test(name)) return undefined;
  const unmap = name.includes('UNMAP');
  // The kernel may have chosen the address: then it is in the answer.
  const start = pick(output, 'iova', 'dst_iova') ?? pick(input, 'iova', 'dst_iova');
  const size = pick(input, 'length', 'size');
  if (start === undefined || size === undefined) return undefined;
  const common = { record, position: where(record), space: spaceOf(record) };
  if (!unmap) return size === 0n ? undefined : { ...common, kind: 'map', start, last: lastOf(start, size) };
  // A range without a size, or beyond the last address: everything.
  const last = size === 0n || lastWraps(start, size) ? U64_MAX : lastOf(start, size);
  return { ...common, kind: 'unmap', start, last };
}

export class MappingLog {
  #events: MappingEvent[] = [];

  add(event: MappingEvent): void {
    this.#events.push(event);
    if (this.#events.length >= 2 * CAPACITY) this.#events = this.#events.slice(-CAPACITY);
  }

  /** What concerned an address, oldest first: at most `most` entries, the latest ones. */
  about(iova: bigint, most: number): MappingEvent[] {
    const found: MappingEvent[] = [];
    for (let i = this.#events.length - 1; i >= 0 && found.length < most; i--) {
      const event = this.#events[i];
      if (event && event.start <= iova && iova <= event.last) found.push(event);
    }
    return found.reverse();
  }

  /** The mapping that still stands and ends right before an address. */
  before(iova: bigint): MappingEvent | undefined {
    for (let i = this.#events.length - 1; i >= 0; i--) {
      const event = this.#events[i];
      if (event?.kind !== 'map' || event.last >= iova || iova - event.last > NEAR) continue;
      const later = this.#events.slice(i + 1);
      const gone = later.some(
        (it) => it.kind === 'unmap' && it.space === event.space && it.start <= event.last && it.last >= event.start,
      );
      if (!gone) return event;
    }
    return undefined;
  }
}
