/** Who holds which virtual file: the descriptors of the processes that made calls, as the host kernel has them. */
import { readdirSync } from 'node:fs';
import type { Holder } from '../../inspect/processes.js';
import type { OpenFile } from '../../kernel/file/open-file.js';
import type { FileIndex } from './file-index.js';
import type { Tasks } from './tasks.js';

/** Descriptors of a process that are looked at. */
const MAX_DESCRIPTORS = 1024;

/** The descriptors of a process; none if it is gone. */
function descriptors(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).slice(0, MAX_DESCRIPTORS).map(Number);
  } catch {
    return [];
  }
}

/** The virtual files that a process has, by descriptor. */
export function* filesOf(pid: number, tasks: Tasks, index: FileIndex): Iterable<readonly [number, OpenFile]> {
  for (const fd of descriptors(pid)) {
    const place = tasks.inodeOf(pid, fd);
    const file = place && index.find(place);
    if (file) yield [fd, file];
  }
}

export function holdersOf(tasks: Tasks, index: FileIndex): Holder[] {
  return tasks.pids().map((pid) => ({ pid, files: () => filesOf(pid, tasks, index) }));
}
