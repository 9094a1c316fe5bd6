/**
 * The fields of structs, packed: eight bytes a value, in one ring. What happened is remembered so without an object that
 * lives on, which would cost the collector of garbage, and so the program, more than the call that it is about.
 */
import type { Fields } from '../../kernel/file/ioctl-detail.js';

/** Values that are remembered at most. */
export const ROOM = 1 << 20;

const NUMBER = 0;
const BIG = 1;
const NEGATIVE = 2;
type Type = typeof NUMBER | typeof BIG | typeof NEGATIVE;

const typeOf = (value: number | bigint): Type => (typeof value === 'number' ? NUMBER : value < 0n ? NEGATIVE : BIG);

/** Names and types of the fields of one kind of struct. */
export interface Shape {
  readonly names: readonly string[];
  readonly types: readonly Type[];
}

const shapeOf = (fields: Fields): Shape => ({
  names: Object.keys(fields),
  types: Object.values(fields).map(typeOf),
});

export class FieldRing {
  readonly #numbers = new Float64Array(ROOM);
  /** The same bytes, for the values that have 64 bits. */
  readonly #bigs = new BigUint64Array(this.#numbers.buffer);
  readonly #shapes = new Map<string, Shape>();
  /** Number of the next value: it counts on, and what is ROOM older is overwritten. */
  next = 0;

  /**
   * Remembers the fields from `next` on.
   * @param fields integers of at most 64 bits, or doubles; far fewer than ROOM
   * @param kind what they are fields of: those of one kind mostly have the same names
   */
  keep(fields: Fields, kind: string): Shape {
    const shape = this.#shapes.get(kind);
    const begin = this.next;
    if (shape && this.#put(fields, shape)) return shape;
    this.next = begin;
    const other = shapeOf(fields);
    this.#shapes.set(kind, other);
    this.#put(fields, other);
    return other;
  }

  /** The fields that were remembered from a number on, which must not be ROOM behind `next`. */
  read({ names, types }: Shape, from: number): Record<string, number | bigint> {
    const fields: Record<string, number | bigint> = {};
    for (const [i, name] of names.entries()) {
      const at = (from + i) % ROOM;
      const big = this.#bigs[at] as bigint;
      if (types[i] === NUMBER) fields[name] = this.#numbers[at] as number;
      else fields[name] = types[i] === BIG ? big : BigInt.asIntN(64, big);
    }
    return fields;
  }

  /** @returns false: the fields have another shape */
  #put(fields: Fields, { names, types }: Shape): boolean {
    let i = 0;
    for (const name in fields) {
      const value = fields[name] as number | bigint;
      if (names[i] !== name || typeOf(value) !== types[i]) return false;
      const at = this.next++ % ROOM;
      if (typeof value === 'number') this.#numbers[at] = value;
      else this.#bigs[at] = value;
      i++;
    }
    return i === names.length;
  }
}
