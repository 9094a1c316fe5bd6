/**
 * C struct layouts, written once as data.
 *
 * A layout lists the fields of a struct in order; offsets, size and alignment follow the C rules for naturally aligned
 * little-endian integers (System V ABI, "Data Representation"). From a layout come the typed readers and writers
 * below, the C header (header.ts) and the tests that compare both with what the C compiler says.
 *
 * A union is written by hand: each of its variants is a struct of its own, with the C name of the whole and the fields
 * before the union; an array of structs is read at `base` after `base`.
 *
 * A reader or writer is one closure over one offset: it costs nanoseconds and allocates nothing (a u64 is a bigint).
 */

/** Integer types of the ABI. */
export type Scalar = 'u8' | 'u16' | 'u32' | 's32' | 'u64' | 's64';
/** A field: an integer, a fixed array of integers (`u64[4]`), or a trailing flexible array (`u8[]`). */
export type FieldType = Scalar | `${Scalar}[${number}]` | `${Scalar}[]`;
export type FieldTypes = Record<string, FieldType>;

/** What a field reads as: 64-bit integers are bigints, smaller ones numbers; arrays have no accessor. */
type Value<T extends FieldType> = T extends 'u64' | 's64' ? bigint : number;
type ScalarNames<F extends FieldTypes> = { [K in keyof F]: F[K] extends Scalar ? K : never }[keyof F];
type ArrayNames<F extends FieldTypes> = { [K in keyof F]: F[K] extends `${Scalar}[${string}]` ? K : never }[keyof F];
type Element<T extends FieldType> = T extends `${infer S extends Scalar}[${string}]` ? Value<S> : never;

/** The integer fields of a struct by name, with the values that they hold. */
export type Values<F extends FieldTypes> = { [K in ScalarNames<F>]: Value<F[K]> };

/** The integer fields of a struct that is known as a value: `Fields<typeof ioasid_info>`. */
export type Fields<S> = S extends Struct<infer F> ? Values<F> : never;

export interface Field {
  readonly name: string;
  readonly type: Scalar;
  /** Bytes from the start of the struct. */
  readonly offset: number;
  /** Bytes; 0 for a flexible array. */
  readonly size: number;
  /** Number of elements of an array; undefined for a plain integer. */
  readonly length: number | undefined;
}

export interface Struct<F extends FieldTypes = FieldTypes> {
  /** The C name, without `struct`. */
  readonly name: string;
  /** sizeof, bytes. */
  readonly size: number;
  readonly align: number;
  readonly fields: readonly Field[];
  /** Offset of each field, bytes. */
  readonly offset: { readonly [K in keyof F]: number };
  /** Reads one field of the struct that starts at `base` of the view. */
  readonly get: { readonly [K in ScalarNames<F>]: (view: DataView, base?: number) => Value<F[K]> };
  /** Writes one field; the value is taken modulo the width of the field, as a C assignment does. */
  readonly set: { readonly [K in ScalarNames<F>]: (view: DataView, value: Value<F[K]>, base?: number) => void };
  /** Reads element `index` of an array field; the caller has seen that the array, or the view, has it. */
  readonly item: { readonly [K in ArrayNames<F>]: (view: DataView, index: number, base?: number) => Element<F[K]> };
  /** Writes element `index` of an array field. */
  readonly setItem: {
    readonly [K in ArrayNames<F>]: (view: DataView, index: number, value: Element<F[K]>, base?: number) => void;
  };
}

const SIZE: Record<Scalar, number> = { u8: 1, u16: 2, u32: 4, s32: 4, u64: 8, s64: 8 };

type Getter = (view: DataView, base?: number) => number | bigint;
type Setter = (view: DataView, value: never, base?: number) => void;
type ItemGetter = (view: DataView, index: number, base?: number) => number | bigint;
type ItemSetter = (view: DataView, index: number, value: never, base?: number) => void;

const GETTER: Record<Scalar, (offset: number) => Getter> = {
  u8:
    (o) =>
    (v, base = 0) =>
      v.getUint8(base + o),
  u16:
    (o) =>
    (v, base = 0) =>
      v.getUint16(base + o, true),
  u32:
    (o) =>
    (v, base = 0) =>
      v.getUint32(base + o, true),
  s32:
    (o) =>
    (v, base = 0) =>
      v.getInt32(base + o, true),
  u64:
    (o) =>
    (v, base = 0) =>
      v.getBigUint64(base + o, true),
  s64:
    (o) =>
    (v, base = 0) =>
      v.getBigInt64(base + o, true),
};

const SETTER: Record<Scalar, (offset: number) => Setter> = {
  u8:
    (o) =>
    (v, value: number, base = 0) =>
      v.setUint8(base + o, value),
  u16:
    (o) =>
    (v, value: number, base = 0) =>
      v.setUint16(base + o, value, true),
  u32:
    (o) =>
    (v, value: number, base = 0) =>
      v.setUint32(base + o, value, true),
  s32:
    (o) =>
    (v, value: number, base = 0) =>
      v.setInt32(base + o, value, true),
  u64:
    (o) =>
    (v, value: bigint, base = 0) =>
      v.setBigUint64(base + o, value, true),
  s64:
    (o) =>
    (v, value: bigint, base = 0) =>
      v.setBigInt64(base + o, value, true),
};

/** Splits `u64[4]` into its element type and length; a flexible array has length 0. */
function parseType(type: FieldType): { scalar: Scalar; length: number | undefined } {
  const open = type.indexOf('[');
  if (open < 0) return { scalar: type as Scalar, length: undefined };
  return { scalar: type.slice(0, open) as Scalar, length: Number(type.slice(open + 1, -1)) };
}

/**
 * Lays out a struct by the C rules.
 * @param name the C name, without `struct`
 * @param types the fields in order
 */
export function struct<const F extends FieldTypes>(name: string, types: F): Struct<F> {
  const fields: Field[] = [];
  const offsets: Record<string, number> = {};
  const get: Record<string, Getter> = {};
  const set: Record<string, Setter> = {};
  const item: Record<string, ItemGetter> = {};
  const setItem: Record<string, ItemSetter> = {};
  let end = 0;
  let align = 1;
  for (const [field, type] of Object.entries(types)) {
    const { scalar, length } = parseType(type);
    const width = SIZE[scalar];
    const offset = Math.ceil(end / width) * width;
    const size = width * (length ?? 1);
    fields.push({ name: field, type: scalar, offset, size, length });
    offsets[field] = offset;
    if (length === undefined) {
      get[field] = GETTER[scalar](offset);
      set[field] = SETTER[scalar](offset);
    } else {
      const [read, write] = [GETTER[scalar](offset), SETTER[scalar](offset)];
      item[field] = (view, index, base = 0) => read(view, base + index * width);
      setItem[field] = (view, index, value, base = 0) => write(view, value, base + index * width);
    }
    end = offset + size;
    align = Math.max(align, width);
  }
  // The accessor tables are built field by field from `types`, so their shape is the one the type says.
  return {
    name,
    size: Math.ceil(end / align) * align,
    align,
    fields,
    offset: offsets as Struct<F>['offset'],
    get: get as unknown as Struct<F>['get'],
    set: set as unknown as Struct<F>['set'],
    item: item as unknown as Struct<F>['item'],
    setItem: setItem as unknown as Struct<F>['setItem'],
  };
}

/**
 * The integer fields of the struct at the start of a view, as properties that read and write its bytes: what a handler
 * of an ioctl works with.
 */
export function fieldsOf<F extends FieldTypes>(layout: Struct<F>, view: DataView): Values<F> {
  // On a prototype: an object with accessors of its own is one that the engine looks up by hash.
  const prototype = {};
  for (const { name, type, offset, length } of layout.fields) {
    if (length === undefined) Object.defineProperty(prototype, name, ACCESSORS[type](view, offset));
  }
  // One property for each integer field, of the type that the layout says.
  return Object.create(prototype) as Values<F>;
}

/** Accessors of one place in a view: one call, without a reader or writer between. */
const ACCESSORS: Record<Scalar, (view: DataView, offset: number) => PropertyDescriptor> = {
  u8: (v, o) => ({ get: () => v.getUint8(o), set: (value: number) => v.setUint8(o, value) }),
  u16: (v, o) => ({ get: () => v.getUint16(o, true), set: (value: number) => v.setUint16(o, value, true) }),
  u32: (v, o) => ({ get: () => v.getUint32(o, true), set: (value: number) => v.setUint32(o, value, true) }),
  s32: (v, o) => ({ get: () => v.getInt32(o, true), set: (value: number) => v.setInt32(o, value, true) }),
  u64: (v, o) => ({ get: () => v.getBigUint64(o, true), set: (value: bigint) => v.setBigUint64(o, value, true) }),
  s64: (v, o) => ({ get: () => v.getBigInt64(o, true), set: (value: bigint) => v.setBigInt64(o, value, true) }),
};

/**
 * Bytes up to the end of a field: the least size of a struct whose last required field it is.
 * @throws RangeError the struct has no such field
 */
export function sizeThrough(layout: Struct, name: string): number {
  const field = layout.fields.find((each) => each.name === name);
  if (!field) throw new RangeError(`struct ${layout.name} has no field ${name}`);
  return field.offset + field.size;
}

/** Reads every integer field into an object, in the order of the struct: for the trace, not for the hot path. */
export function decodeStruct(
  layout: Struct,
  view: DataView,
  available = view.byteLength,
): Record<string, number | bigint> {
  const out: Record<string, number | bigint> = {};
  const read: Readonly<Record<string, (view: DataView, base?: number) => number | bigint>> = layout.get;
  for (const { name, offset, size, length } of layout.fields) {
    if (length !== undefined || offset + size > available) continue;
    out[name] = read[name]?.(view) ?? 0;
  }
  return out;
}
