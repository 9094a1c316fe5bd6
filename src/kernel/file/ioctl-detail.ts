/**
 * What a trace wants to know of one call. Structs are kept as bytes, and become fields when somebody looks at them: many
 * calls are recorded, and few are looked at.
 */
import { decodeStruct, type Struct } from '../../abi/layout.js';

export type Fields = Readonly<Record<string, number | bigint>>;

/** A struct as it was at one moment. */
interface Kept {
  readonly layout: Struct;
  readonly bytes: Uint8Array;
}

function fieldsOf(kept: Kept | Fields | undefined): Fields | undefined {
  if (kept === undefined || !isKept(kept)) return kept;
  const { layout, bytes } = kept;
  return decodeStruct(layout, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

function isKept(kept: Kept | Fields): kept is Kept {
  return kept.bytes instanceof Uint8Array;
}

/** Filled in by the table of the ioctls when somebody asks. */
export class IoctlDetail {
  name: string | undefined = undefined;
  /** Called by the boundary when it knows the ioctl's name, before anything is done; it may throw an Errno. */
  readonly entered: ((name: string) => void) | undefined;
  #input: Kept | Fields | undefined;
  #output: Kept | Fields | undefined;

  /** @param input the arguments of a call that is no ioctl */
  constructor(entered?: (name: string) => void, input?: Fields) {
    this.entered = entered;
    this.#input = input;
  }

  /** The argument as it came in: fields of the struct, or `{value}`. */
  get input(): Fields | undefined {
    this.#input = fieldsOf(this.#input);
    return this.#input;
  }

  /** The struct as it was written back. */
  get output(): Fields | undefined {
    this.#output = fieldsOf(this.#output);
    return this.#output;
  }

  /** The argument is no struct. */
  value(value: bigint): void {
    this.#input = { value };
  }

  /** This struct came in. @param room its bytes, which others use afterwards */
  took(layout: Struct, room: Uint8Array): void {
    this.#input = { layout, bytes: room.slice() };
  }

  /** This struct is written back. */
  gave(layout: Struct, room: Uint8Array): void {
    this.#output = { layout, bytes: room.slice() };
  }
}
