/** The properties of authority.md, P1 to P14, as judgements of a step: the state before, the action, the state after. */
import { type Action, fileName, type Outcome, vmName } from './action.js';
import type { Step } from './steps.js';
import type { World } from './world.js';

export interface Property {
  readonly id: string;
  readonly name: string;
  /** Which world shows it: that of rights, or that of caches. */
  readonly world: 'rights' | 'caches';
  /** What it judges: each state once, or each step. */
  readonly of: 'state' | 'step';
  /** The only steps that can go wrong; not given: all. */
  readonly on?: readonly Step['do'][];
  /**
   * Judges a step that happened or was refused; the world is in the state after.
   * @param before the rights before, as bits
   * @returns what went wrong, in words; undefined: nothing
   */
  judge(world: World, action: Action, outcome: Outcome, before: number, after: number): string | undefined;
}

const fileRight = (w: World, rights: number, f: number): boolean => (rights & (1 << f)) !== 0 && f < w.bounds.files;
const vmRight = (w: World, rights: number, v: number): boolean => (rights & (1 << (w.bounds.files + v))) !== 0;
const listed = (w: World, v: number, f: number): boolean => w.at(w.layout.listed + v * w.bounds.files + f) === 1;

/** The first VM for which something is true, in words. */
function forVm(w: World, wrong: (v: number) => string | undefined): string | undefined {
  for (let v = 0; v < w.bounds.vms; v++) {
    const words = wrong(v);
    if (words) return words;
  }
  return undefined;
}

/** True if some listed proof of the VM has it. */
function someProof(w: World, v: number, has: (f: number) => boolean): boolean {
  for (let f = 0; f < w.bounds.files; f++) if (listed(w, v, f) && has(f)) return true;
  return false;
}

const guest = (v: number): string => `the guest of VM ${vmName(v)}`;

export const PROPERTIES: readonly Property[] = [
  {
    id: 'P1',
    name: 'ongoing proof',
    world: 'rights',
    of: 'state',
    judge: (w, _action, _outcome, _before, after) =>
      forVm(w, (v) =>
        vmRight(w, after, v) && !someProof(w, v, (f) => w.need(f))
          ? `${guest(v)} flushes every cache of the machine, and no proof of it has the need`
          : undefined,
      ),
  },
  {
    id: 'P2',
    name: 'no history',
    world: 'rights',
    of: 'state',
    // Judged over pairs of states by the explorer.
    judge: () => undefined,
  },
  {
    id: 'P3',
    name: 'no more than the file',
    world: 'rights',
    of: 'state',
    judge: (w, _action, _outcome, _before, after) =>
      forVm(w, (v) =>
        vmRight(w, after, v) && !someProof(w, v, (f) => fileRight(w, after, f))
          ? `${guest(v)} flushes every cache of the machine, and the process itself may not`
          : undefined,
      ),
  },
  {
    id: 'P4',
    name: 'no less than the file',
    world: 'rights',
    of: 'state',
    judge: (w, _action, _outcome, _before, after) =>
      forVm(w, (v) =>
        w.at(w.layout.vmOpen + v) &&
        !w.at(w.layout.disabled + v) &&
        !vmRight(w, after, v) &&
        someProof(w, v, (f) => fileRight(w, after, f))
          ? `the process may flush the caches, and WBINVD of ${guest(v)} is a no-op`
          : undefined,
      ),
  },
  {
    id: 'P5',
    name: 'one proof, one VM',
    world: 'rights',
    of: 'state',
    judge: (w, _action, _outcome, _before, after) => {
      for (let f = 0; f < w.bounds.files; f++) {
        let first = -1;
        for (let v = 0; v < w.bounds.vms; v++) {
          if (!listed(w, v, f) || !vmRight(w, after, v)) continue;
          if (first >= 0) return `${fileName(f)} is the proof of VM ${vmName(first)} and of VM ${vmName(v)} at once`;
          first = v;
        }
      }
      return undefined;
    },
  },
  {
    id: 'P6',
    name: 'holder-blind',
    world: 'rights',
    of: 'step',
    on: ['dup', 'pass', 'close'],
    judge: (w, { step }, _outcome, before, after) => {
      if (step.do !== 'dup' && step.do !== 'pass' && step.do !== 'close') return undefined;
      const file = Number(step.file.slice(1)) - 1;
      return before !== after && w.fileOpen(file)
        ? `it changed who may flush the caches, though ${step.file} stays open`
        : undefined;
    },
  },
  {
    id: 'P7',
    name: 'removal goes through',
    world: 'rights',
    of: 'step',
    on: ['detach', 'unbind', 'unplug'],
    judge: (_w, { step }, outcome) =>
      outcome === 'refused' && (step.do === 'detach' || step.do === 'unbind' || step.do === 'unplug')
        ? 'it is refused: EBUSY'
        : undefined,
  },
  {
    id: 'P8',
    name: 'no surprise loss',
    world: 'rights',
    of: 'step',
    judge: (w, { step }, _outcome, before, after) =>
      forVm(w, (v) => {
        if (!vmRight(w, before, v) || vmRight(w, after, v)) return undefined;
        const own = (step.do === 'delete' || step.do === 'disable' || step.do === 'close-vm') && step.vm === vmName(v);
        return own ? undefined : `${guest(v)} loses its right by it, without having done anything`;
      }),
  },
  {
    id: 'P9',
    name: 'never stale',
    world: 'caches',
    of: 'step',
    on: ['flush-and-look'],
    judge: (w, { step }) =>
      step.do === 'flush-and-look' && w.at(w.layout.stale) === 1
        ? forVm(w, (v) =>
            vmName(v) === step.vm && !w.at(w.layout.disabled + v) && someProof(w, v, () => true)
              ? 'it reads stale data: WBINVD was a no-op'
              : undefined,
          )
        : undefined,
  },
  {
    id: 'P10',
    name: 'nothing survives the last close',
    world: 'rights',
    of: 'step',
    on: ['open', 'create-vm'],
    judge: (w, { step }, _outcome, _before, after) => {
      if (step.do === 'open') {
        const file = Number(step.file.slice(1)) - 1;
        return fileRight(w, after, file) ? 'a file that was just opened may flush the caches' : undefined;
      }
      if (step.do !== 'create-vm') return undefined;
      return vmRight(w, after, Number(step.vm) - 1) ? 'a VM that was just created has the right' : undefined;
    },
  },
  {
    id: 'P11',
    name: 'adding is not judging',
    world: 'rights',
    of: 'step',
    on: ['add'],
    judge: (w, { step }, outcome) => {
      if (outcome !== 'refused' || step.do !== 'add') return undefined;
      const file = Number(step.file.slice(1)) - 1;
      return w.vmsOf(file) === 0 ? 'it is refused, though no other VM holds the file' : undefined;
    },
  },
  {
    id: 'P12',
    name: 'giving up is free',
    world: 'rights',
    of: 'step',
    on: ['disable'],
    judge: (w, { step }, outcome, _before, after) => {
      if (step.do !== 'disable') return undefined;
      if (outcome === 'refused') return 'it is refused';
      return vmRight(w, after, Number(step.vm) - 1) ? 'the right is still there' : undefined;
    },
  },
  {
    id: 'P13',
    name: 'every CPU',
    world: 'caches',
    of: 'step',
    on: ['flush'],
    judge: (w, { step }) =>
      step.do === 'flush' && w.at(w.layout.dirty) !== 0
        ? 'the line is still dirty in the cache of the other CPU'
        : undefined,
  },
  {
    id: 'P14',
    name: 'no leftovers',
    world: 'caches',
    of: 'step',
    on: ['dma-read'],
    judge: (w, { step }) =>
      step.do === 'dma-read' && w.at(w.layout.leftover) === 1
        ? 'it reads what the former owner of the page left in memory'
        : undefined,
  },
];
