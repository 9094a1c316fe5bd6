/** The processes of a scenario: by name, with the descriptors that they hold of each file, and the page of the story. */
import { PAGE_SIZE } from '../abi/address.js';
import type { BootedMachine } from '../boot.js';
import type { Process } from '../kernel/process.js';

export class Cast {
  readonly #machine: BootedMachine;
  readonly #processes = new Map<string, Process>();
  /** Descriptors by process and file. */
  readonly #fds = new Map<string, number[]>();
  /** The page of the story, in the process that made the first VM or opened the first file. */
  #page: { process: Process; address: bigint } | undefined;

  constructor(machine: BootedMachine) {
    this.#machine = machine;
  }

  /** A process by its name; it comes when it is named first. */
  process(name: string): Process {
    let process = this.#processes.get(name);
    if (!process) {
      process = this.#machine.spawn();
      this.#processes.set(name, process);
    }
    this.#page ??= { process, address: process.memory.mmap(PAGE_SIZE) };
    return process;
  }

  /** The name of a process. @throws Error it is not of this story */
  nameOf(process: Process): string {
    for (const [name, each] of this.#processes) if (each === process) return name;
    throw new Error('a process without a name');
  }

  /** Its descriptors of a file: a list that grows and shrinks with them. */
  fds(process: string, file: string): number[] {
    const key = `${process} ${file}`;
    const fds = this.#fds.get(key) ?? [];
    this.#fds.set(key, fds);
    return fds;
  }

  /** One of a process's descriptors of a file. @throws Error the scenario names a file that the process does not hold */
  fd(process: string, file: string): number {
    const [fd] = this.fds(process, file);
    if (fd === undefined) throw new Error(`process ${process} holds no descriptor of ${file}`);
    return fd;
  }

  /** The page of the story. @throws Error nobody has come yet */
  page(): { process: Process; address: bigint } {
    if (!this.#page) throw new Error('no process has come into the story');
    return this.#page;
  }
}
