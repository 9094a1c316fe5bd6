/**
 * A refused call: the error number for the program, and the sentence for the person who asks why.
 * The sentence names the value, the rule and the object; the trace keeps it.
 */
import { ERRNO, type ErrnoName } from '../abi/errno.js';

export class Errno extends Error {
  readonly code: ErrnoName;
  /** Positive error number. */
  readonly errno: number;

  constructor(code: ErrnoName, reason: string) {
    super(reason);
    this.name = 'Errno';
    this.code = code;
    this.errno = ERRNO[code];
  }
}

/** An address, size or 64-bit value as a reader of a trace expects it. */
export function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}
