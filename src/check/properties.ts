/** The properties of authority.md, P1 to P14, as judgements of a step: the state before, the action, the state after. */

import type { Step } from './steps.js';
import { fileName, indexOf, processName, vmName } from './steps.js';
import { ownerOf } from './symmetry.js';
import type { Action, Outcome } from './world.js';
import { POSSIBLE_FACTS, type World } from './world.js';

/**
 * What is said of a step. False: it does not concern the property. True: it does, and all is well. A string: what went
 * wrong; `weak`: the same, but another story may show it better.
 */
export type Verdict = boolean | string | { readonly weak: string };

export interface Property {
  readonly id: string;
  readonly name: string;
  /** Which world shows it: that of rights, or that of caches. */
  readonly world: 'rights' | 'caches';
  /** What it judges: each state once, or each step. */
  readonly of: 'state' | 'step';
  /** Holds by construction, whatever the policy, and why; not given: the policy decides. */
  readonly construction?: string;
  /** The only steps that can go wrong; not given: all. */
  readonly on?: readonly Step['do'][];
  /**
   * Judges a step that happened or was refused; the world is in the state after.
   * @param before the rights before, as bits
   */
  judge(world: World, action: Action, outcome: Outcome, before: number, after: number): Verdict;
}

const fileRight = (w: World, rights: number, f: number): boolean => (rights & (1 << f)) !== 0 && f < w.bounds.files;
export const guestMayFlush = (w: World, rights: number, v: number): boolean =>
  (rights & (1 << (w.bounds.files + v))) !== 0;
const listed = (w: World, v: number, f: number): boolean => w.at(w.layout.listed + v * w.bounds.files + f) === 1;

/** The verdicts on all VMs as one: what went wrong first, else whether any was concerned. */
function forVm(w: World, judge: (v: number) => Verdict): Verdict {
  let all: Verdict = false;
  for (let v = 0; v < w.bounds.vms; v++) {
    const verdict = judge(v);
    if (typeof verdict === 'string') return verdict;
    if (verdict !== false && typeof all !== 'object') all = verdict;
  }
  return all;
}

/** True if some listed proof of the VM has it. */
function someProof(w: World, v: number, has: (f: number) => boolean): boolean {
  for (let f = 0; f < w.bounds.files; f++) if (listed(w, v, f) && has(f)) return true;
  return false;
}

const guest = (v: number): string => `the guest of VM ${vmName(v)}`;

/** A step that the VM's own process does, or that somebody unnamed does with a device. */
function own(w: World, step: Step, v: number): boolean {
  if (step.do === 'unplug' || step.do === 'plug' || step.do === 'tick') return false;
  const owner = ownerOf(w.bounds, v);
  if ('process' in step) return step.process === processName(owner);
  return 'vm' in step ? ownerOf(w.bounds, indexOf(step.vm)) === owner : true;
}

/** What differs between two sets of rights, in words. */
export function differ(w: World, first: number, second: number): string {
  const { files, vms } = w.bounds;
  const words: string[] = [];
  for (let i = 0; i < files + vms; i++) {
    if (((first ^ second) & (1 << i)) === 0) continue;
    const who = i < files ? `who holds ${fileName(i)}` : guest(i - files);
    const [now, then] = (first & (1 << i)) !== 0 ? ['may', 'may not'] : ['may not', 'may'];
    words.push(`${who} ${now} flush after this way, and ${then} after the other`);
  }
  return words.join('; ');
}

export const PROPERTIES: readonly Property[] = [
  {
    id: 'P1',
    name: 'ongoing proof',
    world: 'rights',
    of: 'state',
    judge: (w, _action, _outcome, _before, after) =>
      forVm(
        w,
        (v) =>
          guestMayFlush(w, after, v) &&
          (someProof(w, v, (f) => w.need(f)) ||
            `${guest(v)} flushes every cache of the machine, and no proof of it has the need`),
      ),
  },
  {
    id: 'P2',
    name: 'no history',
    world: 'rights',
    of: 'state',
    // Judged over pairs of states by the explorer.
    judge: () => false,
  },
  {
    id: 'P3',
    name: 'no more than the file',
    world: 'rights',
    of: 'state',
    judge: (w, _action, _outcome, _before, after) =>
      forVm(
        w,
        (v) =>
          guestMayFlush(w, after, v) &&
          (someProof(w, v, (f) => fileRight(w, after, f)) ||
            `${guest(v)} flushes every cache of the machine, and the process itself may not`),
      ),
  },
  {
    id: 'P4',
    name: 'no less than the file',
    world: 'rights',
    of: 'state',
    judge: (w, _action, _outcome, _before, after) =>
      forVm(
        w,
        (v) =>
          w.at(w.layout.vmOpen + v) === 1 &&
          w.at(w.layout.disabled + v) === 0 &&
          someProof(w, v, (f) => fileRight(w, after, f)) &&
          (guestMayFlush(w, after, v) || `the process may flush the caches, and WBINVD of ${guest(v)} is a no-op`),
      ),
  },
  {
    id: 'P5',
    name: 'one proof, one VM',
    world: 'rights',
    of: 'state',
    judge: (w, _action, _outcome, _before, after) => {
      let concerned = false;
      for (let f = 0; f < w.bounds.files; f++) {
        let first = -1;
        for (let v = 0; v < w.bounds.vms; v++) {
          if (!listed(w, v, f) || !guestMayFlush(w, after, v)) continue;
          concerned = true;
          if (first >= 0) return `${fileName(f)} is the proof of VM ${vmName(first)} and of VM ${vmName(v)} at once`;
          first = v;
        }
      }
      return concerned;
    },
  },
  {
    id: 'P6',
    name: 'holder-blind',
    world: 'rights',
    of: 'step',
    construction: 'a policy is not told who holds a file, so who holds it cannot matter',
    on: ['dup', 'pass', 'close'],
    judge: (w, { step }, _outcome, before, after) => {
      if (step.do !== 'dup' && step.do !== 'pass' && step.do !== 'close') return false;
      const file = indexOf(step.file);
      if (!w.fileOpen(file)) return false;
      return before === after || `it changed who may flush the caches, though ${step.file} stays open`;
    },
  },
  {
    id: 'P7',
    name: 'removal goes through',
    world: 'rights',
    of: 'step',
    on: ['detach', 'unbind', 'unplug'],
    judge: (_w, _action, outcome) => outcome !== 'refused' || 'it is refused: EBUSY',
  },
  {
    id: 'P8',
    name: 'no surprise loss',
    world: 'rights',
    of: 'step',
    judge: (w, { step }, _outcome, before, after) => {
      // Nobody lost a right, which is what nearly every step is.
      if ((before & ~after) >> w.bounds.files === 0) return before >> w.bounds.files !== 0;
      return forVm(w, (v) => {
        if (!guestMayFlush(w, before, v)) return false;
        if (guestMayFlush(w, after, v)) return true;
        if ((step.do === 'delete' || step.do === 'disable' || step.do === 'close-vm') && step.vm === vmName(v))
          return true;
        const loss = `${guest(v)} loses its right by it`;
        return own(w, step, v)
          ? { weak: `${loss}, though nothing was given up` }
          : `${loss}, without having done anything`;
      });
    },
  },
  {
    id: 'P9',
    name: 'never stale',
    world: 'caches',
    of: 'step',
    on: ['flush-and-look'],
    judge: (w, { step }) =>
      step.do === 'flush-and-look' &&
      forVm(w, (v) => {
        if (vmName(v) !== step.vm || w.at(w.layout.disabled + v) === 1 || !someProof(w, v, () => true)) return false;
        return w.at(w.layout.stale) === 0 || 'it reads stale data: WBINVD was a no-op';
      }),
  },
  {
    id: 'P10',
    name: 'nothing survives the last close',
    world: 'rights',
    of: 'step',
    on: ['open', 'create-vm'],
    judge: (w, { step }, _outcome, _before, after) => {
      if (step.do === 'open') {
        const file = indexOf(step.file);
        return !fileRight(w, after, file) || 'a file that was just opened may flush the caches';
      }
      if (step.do !== 'create-vm') return false;
      return !guestMayFlush(w, after, indexOf(step.vm)) || 'a VM that was just created has the right';
    },
  },
  {
    id: 'P11',
    name: 'adding is not judging',
    world: 'rights',
    of: 'step',
    on: ['add', 'delete'],
    judge: (w, { step }, outcome) => {
      if (outcome !== 'refused' || step.do !== 'add') return true;
      const others = w.vmsOf(indexOf(step.file));
      if (others === 0) return 'it is refused, though no other VM holds the file';
      const judged = POSSIBLE_FACTS.some((facts) => w.policy.mayShow(others, facts));
      return !judged || `it is refused because of what is attached to ${step.file}`;
    },
  },
  {
    id: 'P12',
    name: 'giving up is free',
    world: 'rights',
    of: 'step',
    construction: 'a VM that was forced off is not asked about',
    on: ['disable'],
    judge: (w, { step }, outcome, _before, after) => {
      if (step.do !== 'disable') return false;
      if (outcome === 'refused') return 'it is refused';
      return !guestMayFlush(w, after, indexOf(step.vm)) || 'the right is still there';
    },
  },
  {
    id: 'P13',
    name: 'every CPU',
    world: 'caches',
    of: 'step',
    on: ['flush', 'flush-and-look'],
    judge: (w, { step }) => {
      const flushed = step.do === 'flush' || (step.do === 'flush-and-look' && w.vmRight(indexOf(step.vm)));
      return flushed && (w.at(w.layout.dirty) === 0 || 'the line is still dirty in the cache of the other CPU');
    },
  },
  {
    id: 'P14',
    name: 'no leftovers',
    world: 'caches',
    of: 'step',
    on: ['dma-read'],
    judge: (w, { step }) =>
      step.do === 'dma-read' &&
      (w.at(w.layout.leftover) === 0 || 'it reads what the former owner of the page left in memory'),
  },
];
