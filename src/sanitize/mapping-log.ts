/**
 * What programs mapped and unmapped, in the order in which they did: so that a DMA that misses can be told what was there
 * before. Read from the record of the served calls, so it knows every personality. The oldest entries are forgotten.
 */
import { last as lastOf, lastWraps, U64_MAX } from '../abi/address.js';
import type { CallRecord } from '../kernel/watchers.js';
import type { Position } from '../report/finding.js';

/** Most entries that are kept, 56 bytes each. */
const CAPACITY = 1 << 16;
/** A DMA so close behind the end of a mapping is a transfer that is too long, bytes. */
const NEAR = 1n << 16n;

/** Where in the program the thread is whose call is being served; undefined: nobody knows. */
export type Where = (thread: { readonly pid: number; readonly tid: number }) => Position | undefined;

/** What a call mapped or unmapped. */
export interface MappingEvent {
  readonly kind: 'map' | 'unmap';
  /** Of the call. */
  readonly name: string;
  readonly pid: number;
  /** Where the program made the call; undefined: nobody knows. */
  readonly position: Position | undefined;
  /** Which open file, by its name. */
  readonly file: string;
  /** Which address space of it; undefined: it has one only. */
  readonly id: number | undefined;
  readonly start: bigint;
  /** Inclusive. */
  readonly last: bigint;
}

type Values = Readonly<Record<string, number | bigint>>;

function pick(values: Values | undefined, a: string, b: string, c = a): bigint | undefined {
  const value = values?.[a] ?? values?.[b] ?? values?.[c];
  return value === undefined ? undefined : BigInt(value);
}

/** What calls do, by their names: a table of the ioctls that were seen. */
const kinds = new Map<string, MappingEvent['kind'] | undefined>();

function kindOf(name: string): MappingEvent['kind'] | undefined {
  if (kinds.has(name)) return kinds.get(name);
  const maps = /(^|_)(UN)?MAP(_|$)|IOAS_COPY/.test(name);
  const kind = maps ? (name.includes('UNMAP') ? 'unmap' : 'map') : undefined;
  kinds.set(name, kind);
  return kind;
}

/** An address space, as a report names it. */
export const spaceOf = ({ file, id }: MappingEvent): string => (id === undefined ? file : `${file} space ${id}`);

/** Reads a call. Undefined: it maps or unmaps nothing. */
export function mappingEvent(record: CallRecord, where: Where): MappingEvent | undefined {
  const { name, result, input, output, pid, file = 'a file' } = record;
  if (result < 0 || name === undefined) return undefined;
  const kind = kindOf(name);
  if (kind === undefined) return undefined;
  // The kernel may have chosen the address: then it is in the answer.
  const start = pick(output, 'iova', 'dst_iova') ?? pick(input, 'iova', 'dst_iova');
  const size = pick(input, 'length', 'size');
  if (start === undefined || size === undefined || (kind === 'map' && size === 0n)) return undefined;
  // An unmap without a size, or beyond the last address: everything.
  const all = size === 0n || lastWraps(start, size);
  const id = input?.ioas_id ?? input?.ioasid ?? input?.dst_ioas_id;
  return {
    ...{ kind, name, pid, position: where(record), file, id: id === undefined ? undefined : Number(id) },
    ...{ start, last: all ? U64_MAX : lastOf(start, size) },
  };
}

/** A ring in columns: an entry is no object, so that a long run leaves nothing to collect. */
export class MappingLog {
  readonly #starts = new BigUint64Array(CAPACITY);
  readonly #lasts = new BigUint64Array(CAPACITY);
  readonly #unmaps = new Uint8Array(CAPACITY);
  readonly #pids = new Int32Array(CAPACITY);
  /** -1: none. */
  readonly #ids = new Float64Array(CAPACITY);
  readonly #names: string[] = [];
  readonly #files: string[] = [];
  readonly #positions: (Position | undefined)[] = [];
  /** Entries that were ever added. */
  #added = 0;

  add({ kind, name, pid, position, file, id, start, last }: MappingEvent): void {
    const at = this.#added++ % CAPACITY;
    this.#starts[at] = start;
    this.#lasts[at] = last;
    this.#unmaps[at] = kind === 'unmap' ? 1 : 0;
    this.#pids[at] = pid;
    this.#ids[at] = id ?? -1;
    this.#names[at] = name;
    this.#files[at] = file;
    this.#positions[at] = position;
  }

  /** What concerned an address, oldest first: at most `most` entries, the latest ones. */
  about(iova: bigint, most: number): MappingEvent[] {
    const found: MappingEvent[] = [];
    for (const event of this.#latest((start, last) => start <= iova && iova <= last)) {
      found.push(event);
      if (found.length === most) break;
    }
    return found.reverse();
  }

  /** The mapping that still stands and ends right before an address. */
  before(iova: bigint): MappingEvent | undefined {
    const unmaps: MappingEvent[] = [];
    const from = iova > NEAR ? iova - NEAR : 0n;
    for (const event of this.#latest((start, last) => start < iova && last >= from)) {
      if (event.kind === 'unmap') unmaps.push(event);
      else if (event.last < iova && !unmaps.some((it) => ends(it, event))) return event;
    }
    return undefined;
  }

  /** Entries whose range is wanted, the latest first. */
  *#latest(wanted: (start: bigint, last: bigint) => boolean): Generator<MappingEvent> {
    for (let i = this.#added - 1; i >= Math.max(0, this.#added - CAPACITY); i--) {
      const at = i % CAPACITY;
      const [start = 0n, last = 0n] = [this.#starts[at], this.#lasts[at]];
      if (!wanted(start, last)) continue;
      const [id = -1, name = '', file = ''] = [this.#ids[at], this.#names[at], this.#files[at]];
      yield {
        ...{ kind: this.#unmaps[at] === 1 ? 'unmap' : 'map', name, pid: this.#pids[at] ?? 0 },
        ...{ position: this.#positions[at], file, id: id < 0 ? undefined : id, start, last },
      };
    }
  }
}

/** An unmap that ended a mapping of the same address space. */
const ends = (unmap: MappingEvent, { file, id, start, last }: MappingEvent): boolean =>
  unmap.file === file && unmap.id === id && unmap.start <= last && unmap.last >= start;
