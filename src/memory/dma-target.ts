/** A piece of memory, and the bytes that go there or come from there. */
export interface MemoryPiece {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

/** Memory that DMA ends in: the address space of a process, or an object that holds pinned frames. */
export interface DmaTarget {
  /** False once the memory is gone; nothing is reached through it any more. */
  readonly alive: boolean;
  readonly memory: {
    read(address: bigint, into: Uint8Array): number;
    write(address: bigint, from: Uint8Array): number;
    /** What is behind its pages, where that has a name of its own; see Memory.frames(). */
    frames?(
      address: bigint,
      pages: number,
      write: boolean,
    ): readonly { readonly backing: DmaTarget; readonly frame: number }[];
    /** Copies many pieces at once, in their order. Returns bytes copied, fewer from the first that cannot be reached on. */
    move?(pieces: readonly MemoryPiece[], write: boolean): number;
  };
}
