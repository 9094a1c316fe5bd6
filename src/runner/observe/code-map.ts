/** The code of a process: which object file an address is of (proc_pid_maps(5)). */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Position } from '../../report/finding.js';

/** Between the program and the kernel. */
const OF_THE_SYSTEM = /^(libc|libpthread|ld-linux|ld-musl|libc\.musl)[-.]/;

/** A part of a process's memory that holds code of a file. Addresses of user space are exact as numbers. */
export interface Code {
  readonly start: number;
  readonly end: number;
  /** Offset of `start` in the file, bytes. */
  readonly offset: number;
  readonly object: string;
  /** Of libc and the like: not the program's own. */
  readonly ofTheSystem: boolean;
}

/** The code of a process, in order of addresses. @throws Error the thread is gone */
export function readCode(tid: number): Code[] {
  const code: Code[] = [];
  for (const line of readFileSync(`/proc/${tid}/maps`, 'latin1').split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) ..x. ([0-9a-f]+) \S+ [1-9]\d*\s+(.*)$/.exec(line);
    if (!match) continue;
    const [, start, end, offset, object = ''] = match;
    code.push({
      ...{ start: Number(`0x${start}`), end: Number(`0x${end}`), offset: Number(`0x${offset}`), object },
      ofTheSystem: OF_THE_SYSTEM.test(basename(object)),
    });
  }
  return code;
}

/** The part that an address is in. Most words of a stack are in none, and below the first or above the last. */
export function among(code: readonly Code[], address: number): Code | undefined {
  const [first] = code;
  if (!first || address < first.start) return undefined;
  for (const part of code) {
    if (address < part.start) return undefined;
    if (address < part.end) return part;
  }
  return undefined;
}

/** An address of a part of code, by its file. */
export const positionIn = ({ object, offset, start }: Code, address: number): Position => ({
  object,
  offset: BigInt(address - start + offset),
});
