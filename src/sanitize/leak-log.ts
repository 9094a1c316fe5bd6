/** What programs made and did not unmake: mappings and objects, by the calls that made them. */
import type { CallRecord } from '../kernel/kernel.js';
import type { Position } from '../report/finding.js';
import type { MappingEvent, Where } from './mapping-log.js';

/** Most things that are watched; beyond it new ones are not. */
const CAPACITY = 1 << 20;

/** Something that was made. */
export interface Made {
  readonly what: string;
  readonly record: CallRecord;
  readonly position: Position | undefined;
}

/** The id that a call made: it is in the answer, or it is the result. */
function madeId({ name = '', result, output }: CallRecord): number | undefined {
  if (!/ALLOC|CREATE_NESTING/.test(name)) return undefined;
  for (const [field, value] of Object.entries(output ?? {})) if (/^out_.*_id$/.test(field)) return Number(value);
  return output === undefined ? result : undefined;
}

/** The id that a call unmade. */
function unmadeId({ name = '', input }: CallRecord): number | undefined {
  if (!/(_DESTROY|_FREE)$/.test(name)) return undefined;
  const id = input?.id ?? input?.value;
  return id === undefined ? undefined : Number(id);
}

export class LeakLog {
  readonly #objects = new Map<string, Made>();
  readonly #mappings = new Map<string, MappingEvent>();

  /** @param event the same call, if it maps or unmaps */
  add(record: CallRecord, event: MappingEvent | undefined, where: Where): void {
    if (record.result < 0) return;
    const file = `${record.open ?? record.file}`;
    const made = madeId(record);
    if (made !== undefined && this.#objects.size < CAPACITY)
      this.#objects.set(`${file}:${made}`, { what: `object ${made}`, record, position: where(record) });
    const unmade = unmadeId(record);
    if (unmade !== undefined) {
      this.#objects.delete(`${file}:${unmade}`);
      for (const key of this.#mappings.keys()) if (key.startsWith(`${file}:${unmade}:`)) this.#mappings.delete(key);
    }
    if (event) this.#change(file, event);
  }

  #change(file: string, { kind, record, start, last, ...rest }: MappingEvent): void {
    const { input = {} } = record;
    const prefix = `${file}:${input.dst_ioas_id ?? input.ioas_id ?? input.ioasid ?? ''}:`;
    if (kind === 'map') {
      if (this.#mappings.size < CAPACITY)
        this.#mappings.set(`${prefix}${start}`, { kind, record, start, last, ...rest });
      return;
    }
    // Most unmaps name one mapping by its start.
    const exact = this.#mappings.get(`${prefix}${start}`);
    if (exact?.last === last) {
      this.#mappings.delete(`${prefix}${start}`);
      return;
    }
    for (const [key, it] of this.#mappings)
      if (key.startsWith(prefix) && it.start <= last && it.last >= start) this.#mappings.delete(key);
  }

  get mappings(): MappingEvent[] {
    return [...this.#mappings.values()];
  }

  get objects(): Made[] {
    return [...this.#objects.values()];
  }
}
