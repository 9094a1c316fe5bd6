/** What a picture of the checker's world shows: who holds what, what is attached, and who may flush the caches. */
import { fileName, processName, vmName } from '../../../src/check/steps.js';
import { ENFORCING, PLAIN, type World } from '../../../src/check/world.js';

export interface Scene {
  readonly processes: readonly { readonly name: string }[];
  readonly files: readonly {
    readonly name: string;
    readonly open: boolean;
    readonly right: boolean;
    readonly need: boolean;
  }[];
  readonly devices: readonly {
    readonly name: string;
    readonly plugged: boolean;
    /** Index of the file. */
    readonly boundTo: number | undefined;
    readonly attached: 'no' | 'bypassing' | 'snooped';
  }[];
  readonly vms: readonly {
    readonly name: string;
    readonly owner: number;
    readonly open: boolean;
    readonly right: boolean;
    readonly disabled: boolean;
    /** Indexes of files. */
    readonly proofs: readonly number[];
  }[];
  readonly holds: readonly { readonly process: number; readonly file: number; readonly count: number }[];
  /** The line of memory, in the world of caches. */
  readonly line: readonly string[] | undefined;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

function lineOf(w: World): string[] {
  const { cached, stale, dirty, cpu, mapped, leftover } = w.layout;
  const dirtyIn = range(2).filter((c) => w.at(dirty) & (1 << c));
  return [
    w.at(mapped) ? 'the page is mapped for DMA' : 'the page is not mapped for DMA',
    w.at(cached)
      ? `the line is in a cache${w.at(stale) ? ', and older than memory: stale' : ''}`
      : 'the line is in no cache',
    dirtyIn.length > 0 ? `dirty in the cache of CPU ${dirtyIn.join(' and ')}` : '',
    `the process runs on CPU ${w.at(cpu)}`,
    w.at(leftover) ? 'memory still holds what the former owner left' : '',
  ].filter(Boolean);
}

export function sceneOf(w: World): Scene {
  const { processes, files, devices, vms, caches } = w.bounds;
  const { holders, plugged, boundTo, attached, vmOpen, disabled, listed } = w.layout;
  return {
    processes: range(processes).map((p) => ({ name: processName(p) })),
    files: range(files).map((f) => ({
      name: fileName(f),
      open: w.fileOpen(f),
      right: w.fileRight(f),
      need: w.need(f),
    })),
    devices: devices.map(({ name }, d) => {
      const at = w.at(attached + d);
      return {
        name,
        plugged: w.at(plugged + d) === 1,
        boundTo: w.at(boundTo + d) === 0 ? undefined : w.at(boundTo + d) - 1,
        attached: at === PLAIN ? ('bypassing' as const) : at === ENFORCING ? ('snooped' as const) : ('no' as const),
      };
    }),
    vms: range(vms).map((v) => ({
      name: vmName(v),
      owner: v % processes,
      open: w.at(vmOpen + v) === 1,
      right: w.vmRight(v),
      disabled: w.at(disabled + v) === 1,
      proofs: range(files).filter((f) => w.at(listed + v * files + f) === 1),
    })),
    holds: range(files).flatMap((file) =>
      range(processes)
        .map((process) => ({ process, file, count: w.at(holders + file * processes + process) }))
        .filter(({ count }) => count > 0),
    ),
    line: caches ? lineOf(w) : undefined,
  };
}
