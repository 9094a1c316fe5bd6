/** The thread whose call is recorded: it notes what the kernel asks of it. */
import type { Caller, EventSignal, OpenFile } from '../../kernel/file/open-file.js';
import type { MemoryFile } from '../../memory/memory.js';
import type { Mm } from '../../memory/mm.js';
import type { Refusal } from '../trace/format.js';
import { recordedFile, refusal } from './recorded-memory.js';
import type { Tape } from './tape.js';

export class RecordedCaller implements Caller {
  readonly #inner: Caller;
  readonly #tape: Tape;

  constructor(inner: Caller, tape: Tape) {
    this.#inner = inner;
    this.#tape = tape;
  }

  get pid(): number {
    return this.#inner.pid;
  }

  get tid(): number {
    return this.#inner.tid;
  }

  get mm(): Mm {
    return this.#inner.mm;
  }

  get uid(): number {
    const { uid } = this.#inner;
    this.#tape.input(['uid', uid]);
    return uid;
  }

  capable(capability: number): boolean {
    const is = this.#inner.capable(capability);
    this.#tape.input(['capable', capability, is]);
    return is;
  }

  file(fd: number): OpenFile | null {
    const note = (open: number | null | Refusal): void => this.#tape.input(['file', fd, open]);
    const file = this.#attempt(() => this.#inner.file(fd), note);
    note(file?.id ?? null);
    return file;
  }

  install(file: OpenFile, flags: number): number {
    const note = (fd: number | Refusal): void => this.#tape.input(['install', file.id, flags, fd]);
    const fd = this.#attempt(() => this.#inner.install(file, flags), note);
    note(fd);
    return fd;
  }

  memoryFile(fd: number): MemoryFile {
    const note = (name: string | Refusal): void => this.#tape.input(['memory-file', fd, name]);
    const file = this.#attempt(() => this.#inner.memoryFile(fd), note);
    const name = this.#tape.newName('f');
    note(name);
    return recordedFile(this.#tape, name, file);
  }

  eventfd(fd: number): EventSignal {
    const note = (name: string | Refusal): void => this.#tape.input(['eventfd', fd, name]);
    const eventfd = this.#attempt(() => this.#inner.eventfd(fd), note);
    const name = this.#tape.newName('e');
    note(name);
    return {
      signal: () => {
        this.#tape.signalled(name);
        eventfd.signal();
      },
      take: () => {
        const taken = eventfd.take();
        this.#tape.input(['take', name, taken]);
        return taken;
      },
      close: () => eventfd.close(),
    };
  }

  #attempt<T>(act: () => T, refused: (refusal: Refusal) => void): T {
    try {
      return act();
    } catch (error) {
      refused(refusal(error));
      throw error;
    }
  }
}
