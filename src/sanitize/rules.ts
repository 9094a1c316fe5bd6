/** The faults that the sanitizer knows: what each is, and what a driver's author does about it. */
import { DMA_FAULT } from '../iommu/domain.js';

/** What can be looked for. */
export const SANITIZERS = ['dma', 'coherency', 'leaks'] as const;
export type SanitizerName = (typeof SANITIZERS)[number];

/** The sanitizers by name. @throws RangeError that lists the names */
export function sanitizersByName(list: string): ReadonlySet<SanitizerName> {
  const names = list.split(',');
  for (const name of names) {
    if (!SANITIZERS.some((known) => known === name))
      throw new RangeError(`no sanitizer '${name}'; there are: ${SANITIZERS.join(', ')}`);
  }
  return new Set(SANITIZERS.filter((name) => names.includes(name)));
}

interface RuleText {
  readonly of: SanitizerName;
  readonly description: string;
  readonly hint: string;
}

export const RULES = {
  'dma-never-mapped': {
    of: 'dma',
    description: 'DMA to an address that was never mapped',
    hint: 'map the buffer first, and give the device the IOVA, not the virtual address',
  },
  'doorbell-before-queue': {
    of: 'dma',
    description: 'a doorbell that was rung before the queue memory was mapped',
    hint: 'map rings, descriptors and the place for completions first, then tell the device of them, and ring the doorbell last',
  },
  'dma-use-after-unmap': {
    of: 'dma',
    description: 'DMA to an address that was unmapped before',
    hint: 'wait until the device is done, or stop it, before its buffer is unmapped',
  },
  'dma-out-of-bounds': {
    of: 'dma',
    description: 'DMA beyond the end of a mapping',
    hint: 'compare the length in the descriptor with the length that was mapped',
  },
  'dma-no-permission': {
    of: 'dma',
    description: 'DMA against the permission of a mapping',
    hint: 'map with the flag for the direction of the transfer: READ is what the device may read',
  },
  'dma-blocked': {
    of: 'dma',
    description: 'DMA of a device that has no way to memory',
    hint: 'attach the device, and every function of its group, to an address space before it is started',
  },
  'dma-bus-master-off': {
    of: 'dma',
    description: 'DMA of a function whose bus master bit is not set',
    hint: 'set bit 2 of the command register in configuration space; it is clear when the device is opened',
  },
  'dma-memory-gone': {
    of: 'dma',
    description: 'DMA to memory that the program has unmapped or lost',
    hint: 'a pin keeps such pages on a real kernel, so the bug stays hidden there: unmap the IOVA before munmap, free or exit',
  },
  'interrupt-not-wired': {
    of: 'dma',
    description: 'an interrupt on a vector that nobody wired',
    hint: 'give the vector an eventfd with VFIO_DEVICE_SET_IRQS before the device is asked to interrupt',
  },
  'device-use-after-unbind': {
    of: 'dma',
    description: 'an access to a device that is not bound any more',
    hint: 'stop every thread that uses the device before it is unbound or closed',
  },
  'stale-data': {
    of: 'coherency',
    description: 'the CPU or a device met data that a cache hid',
    hint: 'flush the caches between a no-snoop DMA and the CPU, in either direction',
  },
  'leak-mapping': {
    of: 'leaks',
    description: 'a mapping that was never unmapped',
    hint: 'unmap what was mapped; the kernel does it at the last close, and nobody does it in a program that goes on',
  },
  'leak-locked-memory': {
    of: 'leaks',
    description: 'memory that was left charged against the lock limit',
    hint: 'unregister what was registered: until then its pages count against RLIMIT_MEMLOCK, mapped or not',
  },
  'leak-object': {
    of: 'leaks',
    description: 'an object that was never destroyed',
    hint: 'destroy what was allocated',
  },
} as const satisfies Record<string, RuleText>;

export type RuleId = keyof typeof RULES;

/** The rule of a DMA that stopped for another reason than a missing mapping. */
export const RULE_OF_FAULT: Readonly<Record<string, RuleId>> = {
  [DMA_FAULT.NO_PERMISSION]: 'dma-no-permission',
  [DMA_FAULT.BLOCKED]: 'dma-blocked',
};
