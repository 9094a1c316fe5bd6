/** Memory of the programs of a recorded run: what the kernel finds there is what it found then. */
import { hex, PAGE_SHIFT, pageOf } from '../../abi/address.js';
import { Backing, type FrameRun } from '../../memory/backing.js';
import type { Memory, MemoryFile } from '../../memory/memory.js';
import { Mm } from '../../memory/mm.js';
import type { Run } from '../trace/format.js';
import { refused, type Stage } from './stage.js';

class PlayedBacking extends Backing {
  readonly name: string;
  override readonly isDevice: boolean;
  alive = true;
  readonly memory: Backing['memory'];

  constructor(stage: Stage, key: string, isDevice: boolean) {
    super();
    this.name = `memory ${key}`;
    this.isDevice = isDevice;
    this.memory = {
      read: (address, into) => stage.read(key, address, into),
      write: (address, from) => stage.write(key, address, from),
    };
  }

  protected unused(): void {}
}

class PlayedMemory implements Memory {
  readonly #memories: PlayedMemories;
  readonly #stage: Stage;
  readonly #key: string;
  #limit: bigint | undefined;
  #mayExceed = false;

  constructor(memories: PlayedMemories, stage: Stage, key: string) {
    this.#memories = memories;
    this.#stage = stage;
    this.#key = key;
  }

  read(address: bigint, into: Uint8Array): number {
    return this.#stage.read(this.#key, address, into);
  }

  write(address: bigint, from: Uint8Array): number {
    return this.#stage.write(this.#key, address, from);
  }

  unpinnable(address: bigint, size: bigint, write: boolean): bigint | undefined {
    const [at, length] = [hex(address), hex(size)];
    const found = this.#stage.take(
      'unpinnable',
      (it) => it[1] === this.#key && it[2] === at && it[3] === length && it[4] === write,
    );
    if (!found) this.#stage.missing(`whether ${length} bytes at ${at} of ${this.#key} can be pinned`);
    return found?.[5] === undefined || found[5] === null ? undefined : BigInt(found[5]);
  }

  frames(address: bigint, pages: number, write: boolean): FrameRun[] {
    return this.#memories.frames(this.#key, address, pages, write);
  }

  lockLimit(): bigint | undefined {
    const found = this.#stage.take('limit', (it) => it[1] === this.#key);
    if (found) this.#limit = found[2] === null ? undefined : BigInt(found[2]);
    return this.#limit;
  }

  mayExceedLockLimit(): boolean {
    const found = this.#stage.take('exceed', (it) => it[1] === this.#key);
    if (found) this.#mayExceed = found[2];
    return this.#mayExceed;
  }
}

/** All memories of a recorded run, by their names in the trace. */
export class PlayedMemories {
  readonly #stage: Stage;
  readonly #mms = new Map<string, Mm>();
  readonly #backings = new Map<string, PlayedBacking>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  mm(key: string): Mm {
    const mm = this.#mms.get(key) ?? new Mm(new PlayedMemory(this, this.#stage, key));
    this.#mms.set(key, mm);
    return mm;
  }

  /** A memory file of the run. */
  file(key: string): MemoryFile {
    return {
      frames: (page, pages) => this.frames(key, BigInt(page), pages, true),
      close: () => {},
    };
  }

  /** Backing objects are gone. */
  end(keys: readonly string[]): void {
    for (const key of keys) {
      const backing = this.#backings.get(key);
      if (backing) backing.alive = false;
    }
  }

  /** @param address of a program's memory, or a page of a file. @throws what was refused then */
  frames(key: string, address: bigint, pages: number, write: boolean): FrameRun[] {
    const at = hex(address);
    const found = this.#stage.take(
      'frames',
      (it) => it[1] === key && it[2] === at && it[3] === pages && it[4] === write,
    );
    if (!found) {
      this.#stage.missing(`the frames of ${pages} pages at ${at} of ${key}`);
      const frame = key.startsWith('f') ? Number(address) : pageOf(address);
      return [{ backing: this.#backing(`${key} pages`, false), frame, frames: pages, pageShift: PAGE_SHIFT }];
    }
    const runs = found[5];
    if ('errno' in runs) throw refused(runs);
    return runs.map(([backing, frame, frames, pageShift, device]: Run) => ({
      backing: this.#backing(backing, device === 1),
      ...{ frame, frames, pageShift },
    }));
  }

  #backing(key: string, isDevice: boolean): PlayedBacking {
    const backing = this.#backings.get(key) ?? new PlayedBacking(this.#stage, key, isDevice);
    this.#backings.set(key, backing);
    return backing;
  }
}
