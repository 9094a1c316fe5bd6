/**
 * The ioctl boundary: from a request number and a user pointer to a typed call.
 *
 * Each kind of file has one table, of rows: number, name, layout, rules, handler. A struct is read once, by the
 * convention of its row; then flags and reserved fields are judged, before the handler runs. So a handler sees only
 * well-formed structs, as fields with the types of the layout.
 */
import { hex } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import type { Ioctl } from '../../abi/ioctl.js';
import { type FieldTypes, fieldsOf, type Struct, sizeThrough, type Values } from '../../abi/layout.js';
import { type Convention, FIXED_SIZE, type StructArgument } from './convention.js';
import type { IoctlDetail } from './ioctl-detail.js';
import type { Caller } from './open-file.js';

/** Structs on their way; the largest of any table must fit. */
const SCRATCH = new Uint8Array(256);
const VIEW = new DataView(SCRATCH.buffer);

/** The rules of an ioctl that takes a struct. */
export interface StructRules<T, F extends FieldTypes> {
  /** The last field that a caller must give; the whole struct when not given. */
  readonly through?: keyof F & string;
  /** Flags that may come in; not given: the handler judges them itself. */
  readonly flags?: number;
  /** Fields that must be zero, judged after the flags. */
  readonly reserved?: readonly (keyof F & string)[];
  /** The struct is written back after success, no more of it than the caller gave; or one field of it. */
  readonly out?: true | (keyof F & string);
  /** Errors after which the struct is written back nevertheless. */
  readonly outOnError?: (error: Errno) => boolean;
  /** Before it acts, the handler needs to know that the struct can be written back (the call cannot be undone). */
  readonly probe?: boolean;
  /** The pointer may be NULL; the handler gets zeroes then. */
  readonly optional?: boolean;
  /** Takes back what the handler did: its answer could not be written. */
  undo?(file: T, args: Values<F>, caller: Caller): void;
  /**
   * @param args the struct; zero beyond what the caller gave. Only valid during the call
   * @param address the pointer that was given
   * @returns the result of the call, ≥ 0
   */
  run(file: T, args: Values<F>, caller: Caller, address: bigint): number;
}

/** One ioctl of a table. */
export interface IoctlRow<T> {
  readonly ioctl: Ioctl;
  readonly convention: Convention;
  serve(file: T, caller: Caller, request: number, argument: bigint, detail: IoctlDetail | undefined): number;
}

/** Makes the rows of a table. @param convention of those that take a struct */
export class Rows<T> {
  readonly #convention: Convention;

  constructor(convention: Convention) {
    this.#convention = convention;
  }

  /** An ioctl with a value, or without an argument. @param run gets the whole 64-bit argument */
  value(ioctl: Ioctl<'value' | 'none' | 'fd'>, run: (file: T, value: bigint, caller: Caller) => number): IoctlRow<T> {
    return {
      ioctl,
      convention: this.#convention,
      serve(file, caller, _request, argument, detail) {
        if (ioctl.argument !== 'none') detail?.value(BigInt.asIntN(64, argument));
        return run(file, argument, caller);
      },
    };
  }

  /** An ioctl with a struct. @throws RangeError the rules name a field that it does not have, or it is too large */
  struct<F extends FieldTypes>(ioctl: Ioctl<Struct<F>>, rules: StructRules<T, F>): IoctlRow<T> {
    return new StructRow(ioctl, rules, this.#convention);
  }
}

class StructRow<T, F extends FieldTypes> implements IoctlRow<T> {
  readonly ioctl: Ioctl<Struct<F>>;
  readonly convention: Convention;
  readonly #rules: StructRules<T, F>;
  readonly #argument: StructArgument;
  readonly #fields: Values<F>;
  readonly #flagsAt: number;
  /** Bytes that must be zero. */
  readonly #reserved: readonly { name: string; start: number; end: number }[];

  constructor(ioctl: Ioctl<Struct<F>>, rules: StructRules<T, F>, convention: Convention) {
    const layout = ioctl.argument;
    if (layout.size > SCRATCH.length) throw new RangeError(`struct ${layout.name} has ${layout.size} bytes`);
    this.ioctl = ioctl;
    this.convention = convention;
    this.#rules = rules;
    const room = SCRATCH.subarray(0, layout.size);
    const min = rules.through === undefined ? layout.size : sizeThrough(layout, rules.through);
    this.#argument = { ioctl, layout, min, room, view: VIEW };
    this.#fields = fieldsOf(layout, VIEW);
    this.#flagsAt = rules.flags === undefined ? -1 : (layout.offset.flags ?? -1);
    const reserved = rules.reserved ?? layout.fields.map((field) => field.name).filter((name) => name === 'resv');
    this.#reserved = reserved.map((name) => {
      const [start, end] = this.#place(name);
      return { name, start, end };
    });
  }

  serve(file: T, caller: Caller, request: number, address: bigint, detail: IoctlDetail | undefined): number {
    const rules = this.#rules;
    const argument = this.#argument;
    const { layout, room } = argument;
    let size = 0;
    if (rules.optional && address === 0n) room.fill(0);
    else {
      room.fill(0);
      try {
        size = this.convention.fetch(caller, argument, request, address);
      } catch (error) {
        if (error instanceof Errno && error.code !== 'EFAULT') detail?.took(layout, VIEW, layout.size);
        throw error;
      }
      detail?.took(layout, VIEW, size);
      this.#judge();
    }
    if (rules.probe) this.#writeBack(caller, address, size);
    let result: number;
    try {
      result = rules.run(file, this.#fields, caller, address);
    } catch (error) {
      if (error instanceof Errno && rules.outOnError?.(error)) this.#writeBack(caller, address, size);
      throw error;
    }
    if (!rules.out && !rules.probe) return result;
    detail?.gave(layout, VIEW, size);
    try {
      this.#writeBack(caller, address, size);
    } catch (error) {
      rules.undo?.(file, this.#fields, caller);
      throw error;
    }
    return result;
  }

  #place(name: string): [number, number] {
    const end = sizeThrough(this.ioctl.argument, name);
    const size = this.ioctl.argument.fields.find((field) => field.name === name)?.size ?? 0;
    return [end - size, end];
  }

  #writeBack(caller: Caller, address: bigint, size: number): void {
    const { out } = this.#rules;
    if (typeof out !== 'string') {
      const { room } = this.#argument;
      caller.mm.copyOut(address, size === room.length ? room : room.subarray(0, size));
      return;
    }
    const [start, end] = this.#place(out);
    caller.mm.copyOut(address + BigInt(start), SCRATCH.subarray(start, Math.min(end, size)));
  }

  /** Unknown flags first, then reserved fields. */
  #judge(): void {
    const { name } = this.ioctl.argument;
    if (this.#flagsAt >= 0) {
      const unknown = (VIEW.getUint32(this.#flagsAt, true) & ~(this.#rules.flags ?? 0)) >>> 0;
      if (unknown) throw new Errno(this.convention.unknown, `unknown flag ${hex(unknown)} in ${name}.flags`);
    }
    for (const { name: field, start, end } of this.#reserved) {
      for (let at = start; at < end; at++) {
        if (SCRATCH[at] !== 0) throw new Errno(this.convention.unknown, `${name}.${field} must be zero, and is not`);
      }
    }
  }
}

export class IoctlTable<T> {
  readonly #rows = new Map<number, IoctlRow<T>>();
  readonly #kind: string;
  readonly #convention: Convention;
  readonly #guard: ((file: T, ioctl: Ioctl) => void) | undefined;

  /**
   * @param kind what the table is for, in an error
   * @param guard looks at the file before the argument is read; throws Errno if it cannot take this ioctl now
   */
  constructor(
    kind: string,
    rows: readonly IoctlRow<T>[],
    guard?: (file: T, ioctl: Ioctl) => void,
    convention: Convention = rows[0]?.convention ?? FIXED_SIZE,
  ) {
    this.#kind = kind;
    this.#convention = convention;
    this.#guard = guard;
    for (const row of rows) {
      const key = convention.key(row.ioctl.request);
      if (this.#rows.has(key)) throw new RangeError(`${row.ioctl.name}: ${kind} has this number already`);
      this.#rows.set(key, row);
    }
  }

  /** Does the table have a row that this request would find? */
  has(request: number): boolean {
    return this.#rows.has(this.#convention.key(request));
  }

  /**
   * Serves one ioctl.
   * @throws ENOTTY for a number that this kind of file does not have
   */
  dispatch(file: T, caller: Caller, request: number, argument: bigint, detail?: IoctlDetail): number {
    const row = this.#rows.get(this.#convention.key(request));
    if (!row) throw new Errno('ENOTTY', `${hex(request)} is not an ioctl of ${this.#kind}`);
    if (detail) {
      detail.name = row.ioctl.name;
      detail.entered?.(row.ioctl.name);
    }
    this.#guard?.(file, row.ioctl);
    return row.serve(file, caller, request, argument, detail);
  }
}
