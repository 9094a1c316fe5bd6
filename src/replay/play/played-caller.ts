/** The thread of a recorded call. */
import { hex } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import type { Caller, EventSignal, OpenFile } from '../../kernel/file/open-file.js';
import { GROWING } from '../../kernel/plain-memory.js';
import type { MemoryFile } from '../../memory/memory.js';
import type { Mm } from '../../memory/mm.js';
import type { StepEvent } from '../trace/format.js';
import type { PlayedMemories } from './played-memory.js';
import { refused, type Stage } from './stage.js';

/** Descriptors that the recorded run did not give. */
const MADE_UP = 1 << 20;

/** The open files of the run, by their numbers in the trace. */
export class PlayedFiles {
  readonly #stage: Stage;
  readonly #files = new Map<number, OpenFile>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  get(open: number): OpenFile | undefined {
    return this.#files.get(open);
  }

  set(open: number, file: OpenFile): void {
    this.#files.set(open, file);
    const growing = file.facet(GROWING);
    if (growing)
      growing.count = (offset) => {
        const at = hex(offset);
        return this.#stage.take('mappings', (it) => it[1] === open && it[2] === at)?.[3] ?? 0;
      };
  }
}

export class PlayedCaller implements Caller {
  readonly pid: number;
  readonly tid: number;
  readonly mm: Mm;
  readonly #stage: Stage;
  readonly #memories: PlayedMemories;
  readonly #files: PlayedFiles;
  #made = 0;

  constructor({ pid = 0, tid = 0, mm = '' }: StepEvent, stage: Stage, memories: PlayedMemories, files: PlayedFiles) {
    this.pid = pid;
    this.tid = tid;
    this.mm = memories.mm(mm);
    this.#stage = stage;
    this.#memories = memories;
    this.#files = files;
  }

  get uid(): number {
    const found = this.#stage.take('uid', () => true);
    if (!found) this.#stage.missing('the caller’s user');
    return found?.[1] ?? 0;
  }

  capable(capability: number): boolean {
    const found = this.#stage.take('capable', (it) => it[1] === capability);
    if (!found) this.#stage.missing(`whether the caller has capability ${capability}`);
    return found?.[2] ?? false;
  }

  file(fd: number): OpenFile | null {
    const found = this.#stage.take('file', (it) => it[1] === fd);
    if (!found) this.#stage.missing(`what descriptor ${fd} is`);
    const open = found?.[2] ?? null;
    if (open === null) return null;
    if (typeof open === 'object') throw refused(open);
    return this.#files.get(open) ?? null;
  }

  install(file: OpenFile, flags: number): number {
    const found = this.#stage.take('install', (it) => it[2] === flags) ?? this.#stage.take('install', () => true);
    if (!found) {
      this.#stage.missing(`a descriptor for ${file.name}`);
      return MADE_UP + this.#made++;
    }
    const [, open, , fd] = found;
    if (typeof fd === 'object') {
      file.put();
      throw refused(fd);
    }
    this.#files.set(open, file);
    return fd;
  }

  memoryFile(fd: number): MemoryFile {
    return this.#memories.file(this.#named('memory-file', fd));
  }

  eventfd(fd: number): EventSignal {
    const name = this.#named('eventfd', fd);
    const stage = this.#stage;
    return {
      signal: () => stage.signal(name),
      take: () => stage.take('take', (it) => it[1] === name)?.[2] ?? false,
      close: () => {},
    };
  }

  #named(kind: 'memory-file' | 'eventfd', fd: number): string {
    const found = this.#stage.take(kind, (it) => it[1] === fd);
    if (!found) throw new Errno('EBADF', `descriptor ${fd}: the trace does not tell what it is`);
    const name = found[2];
    if (typeof name === 'object') throw refused(name);
    return name;
  }
}
