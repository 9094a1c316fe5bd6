/** What a trace wants to know of one call. */
import { decodeStruct, type Struct } from '../../abi/layout.js';

export type Fields = Readonly<Record<string, number | bigint>>;

/** Filled in by the table of the ioctls when somebody asks. */
export class IoctlDetail {
  name: string | undefined = undefined;
  /** Called by the boundary when it knows the ioctl's name, before anything is done; it may throw an Errno. */
  readonly entered: ((name: string) => void) | undefined;
  /** The argument as it came in: fields of the struct, or `{value}`. */
  input: Fields | undefined;
  /** The struct as it was written back. */
  output: Fields | undefined = undefined;

  /** @param input the arguments of a call that is no ioctl */
  constructor(entered?: (name: string) => void, input?: Fields) {
    this.entered = entered;
    this.input = input;
  }

  /** The argument is no struct. */
  value(value: bigint): void {
    this.input = { value };
  }

  /** This struct came in. @param size bytes of it that the caller gave */
  took(layout: Struct, view: DataView, size: number): void {
    this.input = decodeStruct(layout, view, size);
  }

  /** This struct is written back. */
  gave(layout: Struct, view: DataView, size: number): void {
    this.output = decodeStruct(layout, view, size);
  }
}
