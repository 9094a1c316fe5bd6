/**
 * The ioctl boundary: from a request number and a user pointer to a typed call (uapi-ioasid.md, 2, rules for all).
 *
 * Each kind of file has one table. A struct is read once; then argsz, flags and reserved fields are judged, in this
 * order, before the handler runs. So a handler sees only well-formed structs.
 */
import type { Ioctl } from '../abi/ioctls.js';
import { decodeStruct, type Struct } from '../abi/layout.js';
import { Errno, hex } from './errno.js';
import type { Caller } from './open-file.js';

/** What a trace wants to know of one call. Filled in by the boundary when somebody asks. */
export interface IoctlDetail {
  name?: string;
  /** The argument as it came in: fields of the struct, or `{value}`. */
  input?: Record<string, number | bigint>;
  /** The struct as it was written back. */
  output?: Record<string, number | bigint>;
}

/** Any field may be there; the handler knows which. */
export interface IoctlHandler<T> {
  readonly ioctl: Ioctl;
  /** Least argsz, bytes; the size of the struct when not given. */
  readonly min?: number;
  /** Flags that may come in; not given: the handler judges them itself. */
  readonly flags?: number;
  /** The struct is written back after success, no more than argsz bytes of it. */
  readonly out?: boolean;
  /** Before it acts, the handler needs to know that the struct can be written back (the call cannot be undone). */
  readonly probe?: boolean;
  /** The pointer may be NULL; the handler gets zeroes then. */
  readonly optional?: boolean;
  /**
   * @param args the struct's bytes; zero beyond argsz. Only valid during the call
   * @param argument the argument of ioctl(2): a pointer, or the value
   * @returns the result of the call, ≥ 0
   */
  run(file: T, caller: Caller, args: DataView, argument: bigint): number;
}

const SCRATCH = new Uint8Array(256);
const VIEW = new DataView(SCRATCH.buffer);

/** A handler, with what its struct needs on every call worked out once. */
interface Compiled<T> extends IoctlHandler<T> {
  readonly sized: boolean;
  /** Room for the whole struct. */
  readonly room: Uint8Array;
  readonly flagsAt: number;
  /** Offsets of fields that must be zero. */
  readonly reserved: readonly number[];
}

function compile<T>(handler: IoctlHandler<T>): Compiled<T> {
  const layout = handler.ioctl.argument;
  const fields = typeof layout === 'string' ? [] : layout.fields;
  const at = (name: string): number => fields.find((field) => field.name === name)?.offset ?? -1;
  return {
    ...handler,
    sized: at('argsz') === 0,
    room: SCRATCH.subarray(0, typeof layout === 'string' ? 0 : layout.size),
    flagsAt: handler.flags === undefined ? -1 : at('flags'),
    reserved: fields.filter((field) => field.name === 'resv').map((field) => field.offset),
  };
}

export class IoctlTable<T> {
  readonly #handlers = new Map<number, Compiled<T>>();
  readonly #kind: string;
  readonly #guard: ((file: T, ioctl: Ioctl) => void) | undefined;

  /** @param guard looks at the file before the argument is read; throws Errno if it cannot take this ioctl now */
  constructor(kind: string, handlers: readonly IoctlHandler<T>[], guard?: (file: T, ioctl: Ioctl) => void) {
    this.#kind = kind;
    this.#guard = guard;
    for (const handler of handlers) this.#handlers.set(handler.ioctl.request, compile(handler));
  }

  /**
   * Serves one ioctl.
   * @throws ENOTTY for a number that this kind of file does not have
   */
  dispatch(file: T, caller: Caller, request: number, argument: bigint, detail?: IoctlDetail): number {
    const handler = this.#handlers.get(request);
    if (!handler) throw new Errno('ENOTTY', `${hex(request)} is not an ioctl of ${this.#kind}`);
    const { argument: kind, name } = handler.ioctl;
    if (detail) detail.name = name;
    this.#guard?.(file, handler.ioctl);
    if (typeof kind === 'string') {
      if (detail && kind !== 'none') detail.input = { value: BigInt.asIntN(64, argument) };
      return handler.run(file, caller, VIEW, argument);
    }
    handler.room.fill(0);
    const size = handler.optional && argument === 0n ? 0 : fetch(caller, handler, kind, argument, detail);
    if (size > 0) judge(handler, kind);
    const bytes = size === kind.size ? handler.room : handler.room.subarray(0, size);
    if (handler.probe) caller.mm.copyOut(argument, bytes);
    const result = handler.run(file, caller, VIEW, argument);
    if (!handler.out && !handler.probe) return result;
    if (detail) detail.output = decodeStruct(kind, VIEW, size);
    caller.mm.copyOut(argument, bytes);
    return result;
  }
}

/** Reads the struct, once, and judges argsz. Returns how many bytes of it are the caller's. */
function fetch<T>(
  caller: Caller,
  handler: Compiled<T>,
  layout: Struct,
  argument: bigint,
  detail: IoctlDetail | undefined,
): number {
  const got = caller.mm.memory.read(argument, handler.room);
  let size = layout.size;
  if (handler.sized && got >= 4) {
    const argsz = VIEW.getUint32(0, true);
    const min = handler.min ?? layout.size;
    if (argsz < min) {
      if (detail) detail.input = decodeStruct(layout, VIEW, Math.min(got, argsz));
      throw new Errno('EINVAL', `argsz ${argsz} is less than the ${min} bytes of struct ${layout.name}`);
    }
    if (argsz < size) size = argsz;
  }
  if (got < size) {
    throw new Errno('EFAULT', `cannot read struct ${layout.name}, ${size} bytes, at ${hex(argument)}`);
  }
  if (size < layout.size) handler.room.fill(0, size);
  if (detail) detail.input = decodeStruct(layout, VIEW, size);
  return size;
}

/** Unknown flags first, then reserved fields. */
function judge<T>(handler: Compiled<T>, layout: Struct): void {
  if (handler.flagsAt >= 0) {
    const unknown = (VIEW.getUint32(handler.flagsAt, true) & ~(handler.flags ?? 0)) >>> 0;
    if (unknown) throw new Errno('EINVAL', `unknown flag ${hex(unknown)} in ${layout.name}.flags`);
  }
  for (const offset of handler.reserved) {
    const value = VIEW.getUint32(offset, true);
    if (value !== 0) throw new Errno('EINVAL', `${layout.name}.resv is ${hex(value)}, it must be zero`);
  }
}
