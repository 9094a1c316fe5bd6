/** What `ioasid check` does for one policy: the world of rights, then the world of caches. */

import { timeout } from '../authority/policies/timeout.js';
import { policyByName } from '../authority/policies.js';
import type { Policy } from '../authority/policy.js';
import { type Exploration, type ExploreOptions, explore } from './explore.js';
import { PROPERTIES } from './properties.js';
import type { Refutation } from './story.js';
import { type Bounds, type DeviceKind, World } from './world.js';

export interface CheckOptions {
  readonly processes: number;
  readonly files: number;
  readonly descriptors: number;
  readonly devices: number;
  readonly vms: number;
  readonly ticks: number;
  /** Mechanisms of the machine: on unless switched off. */
  readonly flushAllCpus: boolean;
  readonly flushOnMap: boolean;
}

export const DEFAULT_OPTIONS: CheckOptions = {
  processes: 2,
  files: 2,
  descriptors: 2,
  devices: 2,
  vms: 2,
  ticks: 1,
  flushAllCpus: true,
  flushOnMap: true,
};

/** How the states are gone through: without symmetry, in how much memory, by bit-state hashing. */
export type Means = Pick<ExploreOptions, 'symmetry' | 'memory' | 'bitState'>;

/** The devices of the default machine, in the order in which a world gets them. */
const DEVICES: readonly DeviceKind[] = [
  { name: 'vfio0', noSnoop: true, canEnforce: false, group: 1 },
  { name: 'vfio1', noSnoop: true, canEnforce: true, group: 2 },
  { name: 'vfio2', noSnoop: false, canEnforce: true, group: 3 },
  { name: 'vfio3', noSnoop: false, canEnforce: true, group: 4 },
  { name: 'vfio4', noSnoop: false, canEnforce: true, group: 4 },
];
export const MAX_DEVICES = DEVICES.length;

/** The policies that the table has. In the checker a time-out is one tick. */
export const CHECKED_POLICIES: readonly string[] = [
  'mediated',
  'one-time',
  'reference',
  'notifier',
  'timeout',
  'linux',
  'xen',
  'sticky',
  'exclusive',
];
const TIMEOUT_TICKS = 1;

export function checkedPolicy(name: string): Policy {
  return name === 'timeout' ? timeout(TIMEOUT_TICKS, 'timeout') : policyByName(name);
}

/**
 * How a property fares: proved; by construction, whatever the policy; vacuous, nothing that it speaks of happens. With
 * bit-state hashing nothing is proved: not refuted by any state that was seen, or not judged at all.
 */
export type Standing = 'proved' | 'by construction' | 'vacuous' | 'refuted' | 'not refuted' | 'not judged';

export interface PolicyCheck {
  readonly policy: string;
  readonly summary: string;
  /** States, each standing for all that differ from it by names only; and with those. */
  readonly states: number;
  readonly covered: number;
  readonly transitions: number;
  readonly seconds: number;
  readonly refutations: readonly Refutation[];
  readonly standing: Readonly<Record<string, Standing>>;
  readonly deadlocks: number;
  readonly never: Exploration['never'];
  readonly bytesPerState: number;
  /** With bit-state hashing: how likely a new state was taken for known at the end; the states are a lower bound then. */
  readonly omission?: number;
}

/** The bounds of the two worlds. Caches need one process, file and VM only: their properties are about one line. */
export function boundsOf(policy: Policy, options: CheckOptions, caches: boolean): Bounds {
  const devices = DEVICES.slice(0, options.devices);
  const { flushAllCpus, flushOnMap, descriptors } = options;
  // A policy that does not look at the clock is not told of it, so time makes no difference.
  const ticks = policy.clock ? options.ticks : 0;
  const common = { devices, ticks, descriptors, flushAllCpus, flushOnMap, caches };
  return caches
    ? { ...common, processes: 1, files: 1, vms: 1, descriptors: 1 }
    : { ...common, processes: options.processes, files: options.files, vms: options.vms };
}

/** A world of a policy. */
export function worldOf(policy: Policy, options: CheckOptions, caches: boolean): World {
  const { file = 2, proof = 2, vm = 2 } = policy.memories ?? {};
  const times = policy.clock ? options.ticks + TIMEOUT_TICKS + 1 : 0;
  return new World(boundsOf(policy, options, caches), policy, { file, proof, vm: Math.max(vm, times) });
}

function standingOf(exploration: Exploration): [string, Standing][] {
  const { judged, vacuous, refutations, remembers, omission } = exploration;
  const unjudged: [string, Standing][] = omission === undefined ? [] : [['P2', 'not judged']];
  const standing = judged.map((id): [string, Standing] => {
    if (refutations.some(({ property }) => property === id)) return [id, 'refuted'];
    const construction = PROPERTIES.some((property) => property.id === id && property.construction !== undefined);
    // P2: what keeps no memory has no history.
    if (construction || (id === 'P2' && !remembers)) return [id, 'by construction'];
    if (omission !== undefined) return [id, 'not refuted'];
    return [id, vacuous.includes(id) ? 'vacuous' : 'proved'];
  });
  return [...standing, ...unjudged];
}

/**
 * Checks one policy.
 * @param now seconds, for the speed
 * @param means bit-state hashing is for the world of rights; that of caches is small
 * @throws RangeError the bounds are too large, or their states need more memory
 */
export function checkPolicy(
  policy: Policy,
  options: CheckOptions,
  now: () => number,
  progress?: (states: number) => void,
  means: Means = {},
): PolicyCheck {
  const start = now();
  const rights = explore(worldOf(policy, options, false), { ...means, progress });
  const caches = explore(worldOf(policy, options, true), {
    ...means,
    bitState: undefined,
    progress: (states) => progress?.(rights.states + states),
  });
  const states = rights.states + caches.states;
  return {
    policy: policy.name,
    summary: policy.summary,
    states,
    covered: rights.covered + caches.covered,
    transitions: rights.transitions + caches.transitions,
    seconds: now() - start,
    refutations: [...rights.refutations, ...caches.refutations],
    standing: Object.fromEntries([...standingOf(rights), ...standingOf(caches)]),
    deadlocks: rights.deadlocks + caches.deadlocks,
    never: [...rights.never, ...caches.never],
    bytesPerState: (rights.bytesPerState * rights.states + caches.bytesPerState * caches.states) / states,
    ...(rights.omission !== undefined && { omission: rights.omission }),
  };
}
