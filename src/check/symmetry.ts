/**
 * What is alike in a bounded world: processes (with their VMs) and files can be renamed, and a renamed story goes the
 * same way. So one state stands for all its renamings. Devices are not alike, and are not renamed.
 */
import type { Step } from './steps.js';
import type { Bounds, Layout } from './world.js';

/** A renaming: the image of each process, file and VM, by index. */
export interface Renaming {
  readonly processes: readonly number[];
  readonly files: readonly number[];
  readonly vms: readonly number[];
}

/** All orders of the numbers below n; the natural one first. */
function permutations(n: number): number[][] {
  if (n === 0) return [[]];
  return permutations(n - 1)
    .flatMap((order) => Array.from({ length: n }, (_, at) => [...order.slice(0, at), n - 1, ...order.slice(at)]))
    .sort((a, b) => (a.join() < b.join() ? -1 : 1));
}

/** The process that a VM belongs to: only that one can use it. */
export const ownerOf = (bounds: Bounds, vm: number): number => vm % bounds.processes;

/** The renamings that a world allows; the first changes nothing. A VM goes where its process goes. */
export function renamingsOf(bounds: Bounds): Renaming[] {
  const files = permutations(bounds.files);
  const vms = permutations(bounds.vms);
  return permutations(bounds.processes).flatMap((processes) =>
    vms
      .filter((order) => order.every((image, vm) => ownerOf(bounds, image) === processes[ownerOf(bounds, vm)]))
      .flatMap((order) => files.map((file) => ({ processes, files: file, vms: order }))),
  );
}

const image = (order: readonly number[], index: number): number => order[index] ?? index;

/** Names of a step under a renaming. */
export function renameStep(step: Step, { processes, files, vms }: Renaming): Step {
  const process = (name: string): string => String.fromCharCode(65 + image(processes, name.charCodeAt(0) - 65));
  const renamed: Record<string, string> = { ...step };
  if ('process' in step) renamed.process = process(step.process);
  if ('to' in step) renamed.to = process(step.to);
  if ('file' in step) renamed.file = `F${image(files, Number(step.file.slice(1)) - 1) + 1}`;
  if ('vm' in step) renamed.vm = String(image(vms, Number(step.vm) - 1) + 1);
  return renamed as Step;
}

/** Rights as bits (files first, then VMs) under a renaming. */
function renameRights(rights: number, { files, vms }: Renaming): number {
  let renamed = 0;
  files.forEach((to, f) => {
    if (rights & (1 << f)) renamed |= 1 << to;
  });
  vms.forEach((to, v) => {
    if (rights & (1 << (files.length + v))) renamed |= 1 << (files.length + to);
  });
  return renamed;
}

/** For each renaming a table: what each set of rights is under it. @param bits files and VMs together, at most 8 */
export function rightsUnder(renamings: readonly Renaming[], bits: number): Uint8Array[] {
  return renamings.map((to) => Uint8Array.from({ length: 1 << bits }, (_, rights) => renameRights(rights, to)));
}

/** For each field of the renamed state: the field that its value comes from. */
export function sourcesOf(layout: Layout, bounds: Bounds, { processes, files, vms }: Renaming): number[] {
  const sources = Array.from({ length: layout.size }, (_, i) => i);
  const move = (from: number, to: number): void => {
    sources[to] = from;
  };
  files.forEach((file, f) => {
    move(layout.fileMemory + f, layout.fileMemory + file);
    processes.forEach((process, p) => {
      const { holders } = layout;
      move(holders + f * bounds.processes + p, holders + file * bounds.processes + process);
    });
  });
  vms.forEach((vm, v) => {
    for (const field of [layout.vmOpen, layout.disabled, layout.vmMemory]) move(field + v, field + vm);
    for (const field of [layout.listed, layout.proofMemory])
      files.forEach((file, f) => {
        move(field + v * bounds.files + f, field + vm * bounds.files + file);
      });
  });
  return sources;
}
