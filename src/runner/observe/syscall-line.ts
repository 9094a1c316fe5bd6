/** /proc/TID/syscall (proc_pid_syscall(5)): its last two words are the stack pointer and the instruction pointer. */

export interface Registers {
  stack: number;
  instruction: number;
}

const NEWLINE = 10;
const SPACE = 32;
const [ZERO, NINE, A, X] = [48, 57, 97, 120] as const;

/**
 * Reads the line, without making a string: it is read at each call that maps.
 * @param size bytes of it
 * @returns false: the thread is in no call ("running"), or the line is another one
 */
export function readRegisters(line: Uint8Array, size: number, into: Registers): boolean {
  let end = size;
  while (end > 0 && (line[end - 1] === NEWLINE || line[end - 1] === SPACE)) end--;
  const last = line.lastIndexOf(SPACE, end - 1);
  if (last <= 0) return false;
  const instruction = hexadecimal(line, last + 1, end);
  const stack = hexadecimal(line, line.lastIndexOf(SPACE, last - 1) + 1, last);
  if (instruction === undefined || stack === undefined) return false;
  into.instruction = instruction;
  into.stack = stack;
  return true;
}

/** `0x` and digits. */
function hexadecimal(line: Uint8Array, from: number, to: number): number | undefined {
  if (to - from < 3 || line[from] !== ZERO || line[from + 1] !== X) return undefined;
  let value = 0;
  for (let at = from + 2; at < to; at++) {
    const code = line[at] ?? 0;
    const digit = code >= A ? code - A + 10 : code - ZERO;
    if (digit < 0 || digit > 15 || (code > NINE && code < A)) return undefined;
    value = value * 16 + digit;
  }
  return value;
}
