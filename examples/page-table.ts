/** Builds x86-64 page tables in a guest's memory, for the examples of hardware nesting. */
import type { Process } from 'ioasid';

const PRESENT_WRITE_USER = 7n;

export class PageTable {
  readonly #process: Process;
  readonly #guest: bigint;
  #next: bigint;
  /** Guest address of the top table. */
  readonly root: bigint;

  /** @param guest the process's address of guest address 0; @param free guest address from which tables are made */
  constructor(process: Process, guest: bigint, free: bigint) {
    this.#process = process;
    this.#guest = guest;
    this.#next = free;
    this.root = this.#table();
  }

  /** Maps one page of the guest's virtual address space; 0 as target makes it not present. */
  map(virtual: bigint, physical: bigint): void {
    let table = this.root;
    for (let level = 3n; level > 0n; level--) {
      const at = table + ((virtual >> (12n + 9n * level)) & 511n) * 8n;
      let entry = this.#read(at);
      if (entry === 0n) {
        entry = this.#table() | PRESENT_WRITE_USER;
        this.#write(at, entry);
      }
      table = entry & ~0xfffn;
    }
    this.#write(table + ((virtual >> 12n) & 511n) * 8n, physical === 0n ? 0n : physical | PRESENT_WRITE_USER);
  }

  #table(): bigint {
    const table = this.#next;
    this.#next += 4096n;
    return table;
  }

  #read(at: bigint): bigint {
    const bytes = new Uint8Array(8);
    this.#process.memory.read(this.#guest + at, bytes);
    return new DataView(bytes.buffer).getBigUint64(0, true);
  }

  #write(at: bigint, value: bigint): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, true);
    this.#process.memory.write(this.#guest + at, bytes);
  }
}
