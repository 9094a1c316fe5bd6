/**
 * The interface of an authority policy: who may flush all CPU caches, and for how long (authority.md).
 *
 * A policy is a set of pure functions over small memories (one number for a file, a proof and a VM) and facts. It holds
 * no references: whoever runs it (the virtual kernel, or the checker) keeps the memories, feeds the facts, and asks.
 *
 * Vocabulary: F is an open file of /dev/ioasid, V a VM, and F is V's proof if V was shown F.
 */

/** What is true of an open file now. */
export interface FileFacts {
  /** need(F): a device that can issue no-snoop DMA, and is not promised unused, is attached to an IOASID of F that does
   * not enforce snoop (box 3). */
  readonly need: boolean;
  /** Any device is bound. */
  readonly bound: boolean;
  /** A device is bound whose IOMMU cannot enforce snoop: what Linux's kvm-vfio asks. */
  readonly unenforced: boolean;
}

/** A file that a VM was shown. */
export interface Proof {
  /** The policy's memory of the proof, and of the file. */
  readonly memory: number;
  readonly file: number;
  readonly facts: FileFacts;
}

/**
 * Memories are numbers, 0 at first; times are milliseconds of the machine's clock. Every function is pure: the same
 * arguments give the same answer, and nothing else changes. The order of proofs in a list means nothing.
 */
export interface Policy {
  /** As `--authority` takes it. */
  readonly name: string;
  /** One line for a person: how long the proof lasts. */
  readonly summary: string;
  /** True: it looks at the clock, and its memory of a VM may be a time. Otherwise `now` is always 0. */
  readonly clock?: true;
  /** How many values each memory takes, 2 where it is not said: what the checker has to tell apart. */
  readonly memories?: { readonly file?: number; readonly proof?: number; readonly vm?: number };
  /** The file's memory after something about it changed. */
  fileChanged(memory: number, facts: FileFacts): number;
  /** right(F): may the holder of F run IOASID_EXECUTE_WBINVD? */
  fileRight(memory: number, facts: FileFacts): boolean;
  /** The VM's memory after it was shown a proof. */
  vmShown(memory: number, file: number, facts: FileFacts, now: number): number;
  /** The VM's memory after its list of proofs changed; `proofs` is the new list. */
  vmListed(memory: number, proofs: readonly Proof[]): number;
  /** The proof's memory when it is shown, first or again. */
  proofShown(file: number, facts: FileFacts): number;
  /** The proof's memory after something about the file changed. */
  proofChanged(memory: number, facts: FileFacts): number;
  /** right(V): is the guest's WBINVD emulated? (A VM that is forced off is not asked about.) */
  vmRight(memory: number, proofs: readonly Proof[], now: number): boolean;
  /** May a file that `others` other VMs hold be shown to a VM? Otherwise EBUSY. */
  mayShow(others: number, facts: FileFacts): boolean;
  /** May the last needing device of a file be taken away, while `vms` VMs hold the file? Otherwise EBUSY. */
  mayEndNeed(vms: number): boolean;
  /** When right(V) ends by the clock alone, milliseconds; undefined if it does not. */
  vmDeadline(memory: number): number | undefined;
}

/** What most policies have in common: the file's right is its need now, and nothing is remembered. */
export const STATELESS = {
  fileChanged: (memory: number) => memory,
  fileRight: (_memory: number, facts: FileFacts) => facts.need,
  vmShown: (memory: number) => memory,
  vmListed: (memory: number) => memory,
  proofShown: () => 0,
  proofChanged: (memory: number) => memory,
  mayShow: () => true,
  mayEndNeed: () => true,
  vmDeadline: () => undefined,
} satisfies Partial<Policy>;
