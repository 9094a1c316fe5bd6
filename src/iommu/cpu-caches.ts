/** The CPU caches of the machine, as far as wbinvd can tell: it writes back and invalidates all of them. */

/** Memory that CPUs load from and store to. */
export interface CachedMemory {
  copyIn(address: bigint, into: Uint8Array): void;
  copyOut(address: bigint, from: Uint8Array): void;
}

export class CpuCaches {
  #flushes = 0;

  /** How often all caches were flushed. */
  get flushes(): number {
    return this.#flushes;
  }

  /** wbinvd on every CPU. */
  flush(): void {
    this.#flushes++;
  }

  readonly load = (memory: CachedMemory, address: bigint, into: Uint8Array): void => memory.copyIn(address, into);

  readonly store = (memory: CachedMemory, address: bigint, from: Uint8Array): void => memory.copyOut(address, from);
}
