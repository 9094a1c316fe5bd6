/** The CPU caches of the machine, as far as wbinvd can tell: it writes back and invalidates all of them. */
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
}
