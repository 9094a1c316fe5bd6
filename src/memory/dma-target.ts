/** Memory that DMA ends in: the address space of a process, or an object that holds pinned frames. */
export interface DmaTarget {
  /** False once the memory is gone; nothing is reached through it any more. */
  readonly alive: boolean;
  readonly memory: {
    read(address: bigint, into: Uint8Array): number;
    write(address: bigint, from: Uint8Array): number;
  };
}
