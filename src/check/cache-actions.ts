/** What can happen to one line of one page, in the caches of two CPUs and behind them. */

import type { Step } from './steps.js';
import { fileName, processName, vmName } from './steps.js';
import type { Action, Outcome } from './world.js';
import { PLAIN, type World } from './world.js';

/** Actions on one line of one page. */
export function cacheActions(world: World): Action[] {
  const { processes, files, devices, vms } = world.bounds;
  const { vmOpen, attached, cached, stale, dirty, cpu, mapped, leftover } = world.layout;
  const actions: Action[] = [];
  const add = (step: Step, run: (w: World) => Outcome): void => {
    actions.push({ step, run });
  };
  const set = (w: World, field: number, value: number): Outcome => {
    if (w.at(field) === value) return 'impossible';
    w.s[field] = value;
    return 'done';
  };
  const flush = (w: World): void => {
    w.s[cached] = 0;
    w.s[stale] = 0;
    w.s[dirty] = w.bounds.flushAllCpus ? 0 : w.at(dirty) & ~(1 << w.at(cpu));
  };
  for (let v = 0; v < vms; v++) {
    const vm = vmName(v);
    add({ do: 'load', vm }, (w) => (w.at(vmOpen + v) === 0 ? 'impossible' : set(w, cached, 1)));
    add({ do: 'flush-and-look', vm }, (w) => {
      if (w.at(vmOpen + v) === 0) return 'impossible';
      if (w.vmRight(v)) flush(w);
      w.s[cached] = 1;
      return 'done';
    });
  }
  add({ do: 'store' }, (w) => set(w, dirty, w.at(dirty) | (1 << w.at(cpu))));
  add({ do: 'migrate' }, (w) => set(w, cpu, 1 - w.at(cpu)));
  add({ do: 'map' }, (w) => {
    if (w.at(mapped) === 1) return 'impossible';
    w.s[mapped] = 1;
    if (w.bounds.flushOnMap) w.s[leftover] = 0;
    return 'done';
  });
  add({ do: 'unmap' }, (w) => set(w, mapped, 0));
  add({ do: 'recycle' }, (w) => (w.at(mapped) === 1 ? 'impossible' : set(w, leftover, 1)));
  devices.forEach(({ name, noSnoop }, d) => {
    if (!noSnoop) return;
    const bypasses = (w: World): boolean => w.at(attached + d) === PLAIN && w.at(mapped) === 1;
    add({ do: 'dma-write', device: name }, (w) => {
      if (!bypasses(w)) return 'impossible';
      w.s[leftover] = 0;
      if (w.at(cached) === 1) w.s[stale] = 1;
      return 'done';
    });
    add({ do: 'dma-read', device: name }, (w) => (bypasses(w) ? 'done' : 'impossible'));
  });
  for (let f = 0; f < files; f++) {
    for (let p = 0; p < processes; p++) {
      add({ do: 'flush', process: processName(p), file: fileName(f) }, (w) => {
        if (!w.holds(p, f) || !w.fileRight(f)) return 'impossible';
        flush(w);
        return 'done';
      });
    }
  }
  return actions;
}
