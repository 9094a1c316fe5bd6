/**
 * Driven descriptors: files whose read, write and poll are the virtual kernel's own. A descriptor of one is the end of a
 * pipe that is readable while the file is (token-pipe.ts), and has a number from which on the filter hands over read
 * and write. What lies in the pipe is the file's next record, so that a copy of the descriptor at a lower number, whose
 * read the host kernel serves, still gets records.
 */
import type { OpenFile } from '../../kernel/file/open-file.js';
import { RECORDS } from '../../kernel/file/record-stream.js';
import type { VirtualKernel } from '../../kernel/kernel.js';
import type { Call } from '../seccomp/call.js';
import type { FileIndex, Place } from '../serve/file-index.js';
import { TokenPipe } from './token-pipe.js';

/** What lies in the pipe of a file that is readable and has no records. */
const TOKEN = new Uint8Array(1);

interface Driven {
  readonly file: OpenFile;
  readonly pipe: TokenPipe;
  readonly place: Place;
  /** Something of ours lies in the pipe. */
  shown: boolean;
}

/** A call that waits for its file. */
interface Waiting {
  readonly call: Call;
  /** Tries again. Returns false if it must wait on. */
  readonly attempt: () => boolean;
}

export class DrivenFiles {
  readonly #index: FileIndex;
  readonly #kernel: VirtualKernel;
  readonly #driven = new Map<OpenFile, Driven>();
  readonly #byWriteEnd = new Map<number, Driven>();
  readonly #waiting = new Set<Waiting>();

  constructor(index: FileIndex, kernel: VirtualKernel) {
    this.#index = index;
    this.#kernel = kernel;
  }

  /** True while there are driven files. */
  get any(): boolean {
    return this.#driven.size > 0;
  }

  /** True while there is a call that waits for its file. */
  get anyWaits(): boolean {
    return this.#waiting.size > 0;
  }

  /**
   * Makes the host's descriptor of an open file.
   * @param flags access mode and O_NONBLOCK
   * @returns our copy, and the end whose error tells the last close
   * @throws LibcError a limit of the host; the open file is released then
   */
  make(file: OpenFile, flags: number): { fd: number; writeEnd: number } {
    let pipe: TokenPipe | undefined;
    try {
      pipe = new TokenPipe();
      const fd = pipe.open(flags);
      const driven = { file, pipe, place: this.#index.add(fd, file), shown: false };
      this.#driven.set(file, driven);
      this.#byWriteEnd.set(pipe.writeEnd, driven);
      this.#show(driven);
      return { fd, writeEnd: pipe.writeEnd };
    } catch (error) {
      pipe?.close();
      this.#kernel.close(file);
      throw error;
    }
  }

  /** The last descriptor was closed. @param writeEnd whose error told so; another descriptor's is ignored */
  closed(writeEnd: number): void {
    const driven = this.#byWriteEnd.get(writeEnd);
    if (!driven) return;
    this.#byWriteEnd.delete(writeEnd);
    this.#driven.delete(driven.file);
    this.#index.remove(driven.place);
    driven.pipe.close();
    this.#kernel.close(driven.file);
  }

  /** Takes note of what the host kernel gave to readers of copies at low numbers. */
  refresh(file: OpenFile): void {
    const driven = this.#driven.get(file);
    if (driven) this.#show(driven);
  }

  /** A record was read: the pipe shows the next one. */
  consumed(file: OpenFile): void {
    const driven = this.#driven.get(file);
    if (!driven) return;
    if (driven.shown) driven.pipe.clear();
    driven.shown = false;
    this.#show(driven);
  }

  /** Lets a call wait until its file can serve it. */
  wait(call: Call, attempt: () => boolean): void {
    this.#waiting.add({ call, attempt });
  }

  /** Something may have changed: the pipes show it, and calls that can go on do. @returns the calls that are answered */
  look(): Call[] {
    for (const driven of this.#driven.values()) this.#show(driven);
    const free: Call[] = [];
    for (const waiting of this.#waiting) {
      if (!waiting.attempt()) continue;
      this.#waiting.delete(waiting);
      free.push(waiting.call);
    }
    return free;
  }

  #show(driven: Driven): void {
    const { file, pipe } = driven;
    const records = file.facet(RECORDS);
    if (driven.shown && records && !pipe.full) {
      // The host kernel gave it to a reader.
      this.#kernel.beside({ call: 'dropped', file }, () => records.drop());
      driven.shown = false;
    }
    const { readable } = file.poll();
    if (readable && !driven.shown) pipe.put(records?.head ?? TOKEN);
    else if (!readable && driven.shown) pipe.clear();
    driven.shown = readable;
  }
}
