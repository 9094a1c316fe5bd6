/** A part of a memfd as memory that programs share, and the mappings that they have of it. */
import { fstatSync, ftruncateSync, readdirSync, readFileSync, readSync, writeSync } from 'node:fs';
import type { MappableMemory } from '../../kernel/file/open-file.js';

export class FilePart implements MappableMemory {
  readonly size: number;
  readonly #fd: number;
  readonly #offset: number;

  /** The file grows if it ends before. */
  constructor(fd: number, offset: bigint, size: number) {
    this.size = size;
    this.#fd = fd;
    this.#offset = Number(offset);
    const end = this.#offset + size;
    if (fstatSync(fd).size < end) ftruncateSync(fd, end);
  }

  read(offset: number, into: Uint8Array): void {
    readSync(this.#fd, into, 0, into.length, this.#offset + offset);
  }

  write(offset: number, from: Uint8Array): void {
    writeSync(this.#fd, from, 0, from.length, this.#offset + offset);
  }
}

/** Mappings of a file that begin at an offset, in all processes (proc_pid_maps(5)). */
export function countMappings(fd: number | undefined, offset: bigint): number {
  if (fd === undefined) return 0;
  const inode = ` ${fstatSync(fd, { bigint: true }).ino} `;
  const start = ` ${offset.toString(16).padStart(8, '0')} `;
  let count = 0;
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    let maps = '';
    try {
      maps = readFileSync(`/proc/${pid}/maps`, 'latin1');
    } catch {
      // It ended, or is another user's.
    }
    for (const line of maps.split('\n'))
      if (line.includes(inode) && line.includes(start) && line.includes('memfd:')) count++;
  }
  return count;
}
