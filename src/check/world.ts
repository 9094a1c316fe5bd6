/**
 * The checker's world: the authority question without everything else. A state is a vector of small integers; the
 * policies are the modules that run in the virtual kernel, called at the same moments (authority/authority.ts).
 */
import type { FileFacts, Policy, Proof } from '../authority/policy.js';
import type { Step } from './steps.js';

export interface Bounds {
  readonly processes: number;
  readonly files: number;
  /** Most descriptors of one file in one process. */
  readonly descriptors: number;
  readonly devices: readonly DeviceKind[];
  readonly vms: number;
  /** Ticks of the clock. */
  readonly ticks: number;
  /** With caches: a line, a page and two CPUs. */
  readonly caches: boolean;
  /** A flush reaches every CPU; else only the one that it runs on. */
  readonly flushAllCpus: boolean;
  /** The kernel flushes a page when it is mapped, and when a device lets go of it. */
  readonly flushOnMap: boolean;
}

export interface DeviceKind {
  readonly name: string;
  readonly noSnoop: boolean;
  /** Its unit can enforce snoop. */
  readonly canEnforce: boolean;
  /** Devices of one group go to one file and one IOASID. */
  readonly group: number;
}

/** Values of a device's attachment. */
export const DETACHED = 0;
export const PLAIN = 1;
export const ENFORCING = 2;

/** Facts by number: need + 2 bound + 4 unenforced. */
const FACTS: readonly FileFacts[] = Array.from({ length: 8 }, (_, i) => ({
  need: (i & 1) !== 0,
  bound: (i & 2) !== 0,
  unenforced: (i & 4) !== 0,
}));
/** The five that can be: what needs, or is unenforced, is bound. */
export const POSSIBLE_FACTS: readonly FileFacts[] = FACTS.filter(
  ({ need, bound, unenforced }) => bound || (!need && !unenforced),
);

/** How many values each memory of a policy takes. */
export interface Memories {
  readonly file: number;
  readonly proof: number;
  readonly vm: number;
}

/** Where the fields of a state are, and how many values each has. */
export interface Layout {
  readonly size: number;
  /** Number of values of each field. */
  readonly radix: Uint8Array;
  /** What is an object or an attachment, not a memory of a policy. */
  readonly visible: Uint8Array;
  readonly holders: number;
  readonly fileMemory: number;
  readonly plugged: number;
  readonly boundTo: number;
  readonly attached: number;
  readonly vmOpen: number;
  readonly disabled: number;
  readonly vmMemory: number;
  readonly listed: number;
  readonly proofMemory: number;
  readonly clock: number;
  readonly cached: number;
  readonly stale: number;
  readonly dirty: number;
  readonly cpu: number;
  readonly mapped: number;
  readonly leftover: number;
}

function layoutOf(bounds: Bounds, memories: Memories): Layout {
  const radix: number[] = [];
  const visible: number[] = [];
  const field = (count: number, values: number, seen: boolean): number => {
    const at = radix.length;
    for (let i = 0; i < count; i++) {
      radix.push(values);
      visible.push(seen ? 1 : 0);
    }
    return at;
  };
  const { processes, files, devices, vms } = bounds;
  const caches = bounds.caches ? 1 : 0;
  const fields = {
    holders: field(files * processes, bounds.descriptors + 1, true),
    fileMemory: field(files, memories.file, false),
    plugged: field(devices.length, 2, true),
    boundTo: field(devices.length, files + 1, true),
    attached: field(devices.length, 3, true),
    vmOpen: field(vms, 2, true),
    disabled: field(vms, 2, true),
    vmMemory: field(vms, memories.vm, false),
    listed: field(vms * files, 2, true),
    proofMemory: field(vms * files, memories.proof, false),
    clock: field(1, bounds.ticks + 1, false),
    cached: field(caches, 2, false),
    stale: field(caches, 2, false),
    dirty: field(caches, 4, false),
    cpu: field(caches, 2, false),
    mapped: field(caches, 2, false),
    leftover: field(caches, 2, false),
  };
  return { ...fields, size: radix.length, radix: Uint8Array.from(radix), visible: Uint8Array.from(visible) };
}

export class World {
  readonly bounds: Bounds;
  readonly policy: Policy;
  readonly layout: Layout;
  /** The state at hand. */
  s: Uint8Array;
  readonly memories: Memories;
  /** A list for each number of proofs, filled anew at each question. */
  readonly #lists: Proof[][];
  /** Proofs by memory, file memory and facts, made when they are met first. */
  readonly #met: Proof[] = [];

  constructor(bounds: Bounds, policy: Policy, memories: Memories) {
    this.bounds = bounds;
    this.policy = policy;
    this.memories = memories;
    this.layout = layoutOf(bounds, memories);
    this.s = this.initial();
    this.#lists = Array.from({ length: bounds.files + 1 }, () => []);
  }

  /** Nothing is open; every device is plugged in. */
  initial(): Uint8Array {
    const s = new Uint8Array(this.layout.size);
    s.fill(1, this.layout.plugged, this.layout.plugged + this.bounds.devices.length);
    return s;
  }

  at(field: number): number {
    return this.s[field] as number;
  }

  fileOpen(file: number): boolean {
    const { holders, listed } = this.layout;
    const { processes, vms, files } = this.bounds;
    for (let p = 0; p < processes; p++) if (this.at(holders + file * processes + p) > 0) return true;
    for (let v = 0; v < vms; v++) if (this.at(listed + v * files + file) > 0) return true;
    return false;
  }

  holds(process: number, file: number): boolean {
    return this.at(this.layout.holders + file * this.bounds.processes + process) > 0;
  }

  /** Number of the facts of a file. */
  factsOf(file: number): number {
    const { boundTo, attached } = this.layout;
    const { devices } = this.bounds;
    let facts = 0;
    for (let d = 0; d < devices.length; d++) {
      if (this.at(boundTo + d) !== file + 1) continue;
      const kind = devices[d] as DeviceKind;
      facts |= 2 | (kind.canEnforce ? 0 : 4);
      if (kind.noSnoop && this.at(attached + d) === PLAIN) facts |= 1;
    }
    return facts;
  }

  facts(file: number): FileFacts {
    return FACTS[this.factsOf(file)] as FileFacts;
  }

  need(file: number): boolean {
    return (this.factsOf(file) & 1) !== 0;
  }

  /** right(F). */
  fileRight(file: number): boolean {
    return this.fileOpen(file) && this.policy.fileRight(this.at(this.layout.fileMemory + file), this.facts(file));
  }

  /** The proofs of a VM; valid until the next question. */
  proofs(vm: number): readonly Proof[] {
    const { listed, proofMemory, fileMemory } = this.layout;
    const { files } = this.bounds;
    const first = listed + vm * files;
    let count = 0;
    for (let f = 0; f < files; f++) count += this.at(first + f);
    const proofs = this.#lists[count] as Proof[];
    let next = 0;
    for (let f = 0; f < files; f++) {
      if (this.at(first + f) === 0) continue;
      const memory = this.at(proofMemory + vm * files + f);
      const file = this.at(fileMemory + f);
      const facts = this.factsOf(f);
      const index = facts + 8 * (memory + this.memories.proof * file);
      this.#met[index] ??= { memory, file, facts: FACTS[facts] as FileFacts };
      proofs[next++] = this.#met[index] as Proof;
    }
    return proofs;
  }

  /** The clock as the policy is told it. */
  get now(): number {
    return this.policy.clock ? this.at(this.layout.clock) : 0;
  }

  /** Keeps a memory of the policy. @throws RangeError it is no number below the bound that the policy names */
  remember(what: keyof Memories, field: number, memory: number): void {
    if (!Number.isInteger(memory) || memory < 0 || memory >= this.memories[what]) {
      const bound = this.memories[what];
      throw new RangeError(
        `policy '${this.policy.name}' keeps ${memory} as memory of a ${what}; it names ${bound} values`,
      );
    }
    this.s[field] = memory;
  }

  /** right(V). Forced off comes first. */
  vmRight(vm: number): boolean {
    const { vmOpen, disabled, vmMemory } = this.layout;
    if (this.at(vmOpen + vm) === 0 || this.at(disabled + vm) === 1) return false;
    return this.policy.vmRight(this.at(vmMemory + vm), this.proofs(vm), this.now);
  }

  /** All rights as bits: files first, then VMs. */
  rights(): number {
    let bits = 0;
    const { files, vms } = this.bounds;
    for (let f = 0; f < files; f++) if (this.fileRight(f)) bits |= 1 << f;
    for (let v = 0; v < vms; v++) if (this.vmRight(v)) bits |= 1 << (files + v);
    return bits;
  }

  /** True if the policy keeps a memory of anything, or looks at the clock. */
  remembers(): boolean {
    const { fileMemory, vmMemory, proofMemory } = this.layout;
    const { files, vms } = this.bounds;
    for (let f = 0; f < files; f++) if (this.at(fileMemory + f)) return true;
    for (let v = 0; v < vms; v++) if (this.at(vmMemory + v)) return true;
    for (let i = 0; i < vms * files; i++) if (this.at(proofMemory + i)) return true;
    return this.policy.clock === true;
  }

  /** How many VMs hold a file. */
  vmsOf(file: number): number {
    const { listed } = this.layout;
    const { vms, files } = this.bounds;
    let count = 0;
    for (let v = 0; v < vms; v++) count += this.at(listed + v * files + file);
    return count;
  }
}

/** What became of an action: it cannot happen here, it happened, or the policy refused it. */
export type Outcome = 'impossible' | 'done' | 'refused';

/** Something that can happen in a world. */
export interface Action {
  readonly step: Step;
  run(world: World): Outcome;
}
