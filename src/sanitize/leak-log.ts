/** What programs made and did not unmake: mappings and objects, by the open files that they are in. */
import { hex } from '../abi/address.js';
import type { CallRecord } from '../kernel/watchers.js';
import { RangeTree } from '../memory/intervals/range-tree.js';
import type { Position } from '../report/finding.js';
import type { MappingEvent, Where } from './mapping-log.js';

/** Most things that are watched; beyond it new ones are not. */
const CAPACITY = 1 << 20;

/** What a call registered of a process's memory, or unregistered. */
function registration({
  name = '',
  input,
  pid,
}: CallRecord): { readonly key: string; readonly on: boolean } | undefined {
  if (!/_(UN)?REGISTER_MEMORY$/.test(name)) return undefined;
  return { key: `${pid} ${input?.vaddr} ${input?.size}`, on: !name.includes('UNREGISTER') };
}

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

/** What an open file made and did not unmake. */
interface Left {
  readonly objects: Map<number, Made>;
  /** Memory that is registered, by process and place. */
  readonly registered: Map<string, Made>;
  /** Mappings by the id of their address space; '' where a file has one only. */
  readonly spaces: Map<string, RangeTree<MappingEvent>>;
}

export class LeakLog {
  readonly #files = new Map<string, Left>();
  #objects = 0;
  #mappings = 0;

  /** @param event the same call, if it maps or unmaps */
  add(record: CallRecord, event: MappingEvent | undefined, where: Where): void {
    if (record.result < 0) return;
    const made = madeId(record);
    const unmade = unmadeId(record);
    const registered = registration(record);
    if (made === undefined && unmade === undefined && !event && !registered) return;
    const left = this.#left(`${record.open ?? record.file}`);
    if (made !== undefined && this.#objects < CAPACITY && !left.objects.has(made)) {
      left.objects.set(made, { what: `object ${made}`, record, position: where(record) });
      this.#objects++;
    }
    if (unmade !== undefined) {
      if (left.objects.delete(unmade)) this.#objects--;
      this.#mappings -= left.spaces.get(`${unmade}`)?.count ?? 0;
      left.spaces.delete(`${unmade}`);
    }
    if (event) this.#change(left, event);
    if (registered) this.#register(left, registered, record, where);
  }

  #left(file: string): Left {
    const known = this.#files.get(file);
    if (known) return known;
    const left: Left = { objects: new Map(), registered: new Map(), spaces: new Map() };
    this.#files.set(file, left);
    return left;
  }

  #change({ spaces }: Left, event: MappingEvent): void {
    const { kind, start, last } = event;
    const id = `${event.id ?? ''}`;
    const space = spaces.get(id) ?? new RangeTree<MappingEvent>();
    spaces.set(id, space);
    // What is mapped anew was unmapped by something that we did not see.
    for (let it = space.touching(start, last); it; it = space.touching(start, last)) {
      space.remove(it);
      this.#mappings--;
    }
    if (kind === 'unmap' || this.#mappings >= CAPACITY) return;
    space.insert(event);
    this.#mappings++;
  }

  #register(left: Left, { key, on }: { key: string; on: boolean }, record: CallRecord, where: Where): void {
    if (!on) {
      if (left.registered.delete(key)) this.#objects--;
    } else if (this.#objects < CAPACITY && !left.registered.has(key)) {
      const what = `${record.input?.size} bytes at ${hex(record.input?.vaddr ?? 0)}`;
      left.registered.set(key, { what, record, position: where(record) });
      this.#objects++;
    }
  }

  get registered(): Made[] {
    return [...this.#files.values()].flatMap(({ registered }) => [...registered.values()]);
  }

  get mappings(): MappingEvent[] {
    return [...this.#files.values()].flatMap(({ spaces }) => [...spaces.values()].flatMap((space) => [...space]));
  }

  get objects(): Made[] {
    return [...this.#files.values()].flatMap(({ objects }) => [...objects.values()]);
  }
}
