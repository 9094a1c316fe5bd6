/** What can happen in the checker's world. An action changes the state at hand, or says that it cannot happen now. */

import { cacheActions } from './cache-actions.js';
import type { Kind, Step } from './steps.js';
import { fileName, processName, vmName } from './steps.js';
import { ownerOf } from './symmetry.js';
import type { Action, Outcome } from './world.js';
import { DETACHED, type DeviceKind, ENFORCING, PLAIN, type World } from './world.js';

/** Something about a file changed: the policy is told. */
function changed(w: World, file: number): void {
  const { fileMemory, listed, proofMemory } = w.layout;
  const { vms, files } = w.bounds;
  const facts = w.facts(file);
  w.remember('file', fileMemory + file, w.policy.fileChanged(w.at(fileMemory + file), facts));
  for (let v = 0; v < vms; v++) {
    const at = v * files + file;
    if (w.at(listed + at)) w.remember('proof', proofMemory + at, w.policy.proofChanged(w.at(proofMemory + at), facts));
  }
}

/** A device lets go of memory: with flushing, nothing stays behind the caches. */
function letGo(w: World, device: number): void {
  const { attached, cached, stale } = w.layout;
  if (w.at(attached + device) === DETACHED) return;
  w.s[attached + device] = DETACHED;
  if (w.bounds.caches && w.bounds.flushOnMap) {
    w.s[cached] = 0;
    w.s[stale] = 0;
  }
}

function unbindDevice(w: World, device: number): void {
  const { boundTo } = w.layout;
  const file = w.at(boundTo + device) - 1;
  if (file < 0) return;
  letGo(w, device);
  w.s[boundTo + device] = 0;
  changed(w, file);
}

/** After a close: the last reference releases the file and everything in it. */
function maybeRelease(w: World, file: number): void {
  if (w.fileOpen(file)) return;
  for (let d = 0; d < w.bounds.devices.length; d++) if (w.at(w.layout.boundTo + d) === file + 1) unbindDevice(w, d);
  w.s[w.layout.fileMemory + file] = 0;
}

/** Does a device of the same group stand elsewhere? @param field what is compared: the file, or the IOASID */
function mateElsewhere(w: World, device: number, field: number, value: number): boolean {
  const { devices } = w.bounds;
  return devices.some(
    ({ group }, d) =>
      d !== device && group === devices[device]?.group && w.at(field + d) !== 0 && w.at(field + d) !== value,
  );
}

/** A VM's list of proofs is new. */
function relisted(w: World, vm: number): void {
  const at = w.layout.vmMemory + vm;
  w.remember('vm', at, w.policy.vmListed(w.at(at), w.proofs(vm)));
}

function show(w: World, vm: number, file: number): Outcome {
  const { listed, proofMemory, vmMemory, fileMemory } = w.layout;
  const at = vm * w.bounds.files + file;
  const facts = w.facts(file);
  if (!w.policy.mayShow(w.vmsOf(file) - w.at(listed + at), facts)) return 'refused';
  w.s[listed + at] = 1;
  w.remember('proof', proofMemory + at, w.policy.proofShown(w.at(fileMemory + file), facts));
  const remembered = w.policy.vmShown(w.at(vmMemory + vm), w.at(fileMemory + file), facts, w.now);
  w.remember('vm', vmMemory + vm, remembered);
  relisted(w, vm);
  return 'done';
}

function withdraw(w: World, vm: number, file: number): void {
  const at = vm * w.bounds.files + file;
  w.s[w.layout.listed + at] = 0;
  w.s[w.layout.proofMemory + at] = 0;
  relisted(w, vm);
  maybeRelease(w, file);
}

/** Takes a device off its IOASID, if the policy lets it. */
function detach(w: World, device: number): Outcome {
  const { boundTo, attached } = w.layout;
  const was = w.at(attached + device);
  if (was === DETACHED) return 'impossible';
  const file = w.at(boundTo + device) - 1;
  const needed = w.need(file);
  w.s[attached + device] = DETACHED;
  const ends = needed && !w.need(file);
  w.s[attached + device] = was;
  if (ends && !w.policy.mayEndNeed(w.vmsOf(file))) return 'refused';
  letGo(w, device);
  changed(w, file);
  return 'done';
}

/** All actions of a world, in a fixed order. */
export function actionsOf(world: World): Action[] {
  const { processes, files, devices, vms, descriptors, ticks, caches } = world.bounds;
  const { holders, plugged, boundTo, attached, vmOpen, disabled, vmMemory, listed, clock } = world.layout;
  const actions: Action[] = [];
  const add = (step: Step, run: (w: World) => Outcome): void => {
    actions.push({ step, run });
  };
  const each = (count: number, visit: (index: number) => void): void => {
    for (let i = 0; i < count; i++) visit(i);
  };

  each(files, (f) => {
    const file = fileName(f);
    each(processes, (p) => {
      const process = processName(p);
      const at = holders + f * processes + p;
      add({ do: 'open', process, file }, (w) => {
        if (w.fileOpen(f)) return 'impossible';
        w.s[at] = 1;
        return 'done';
      });
      if (descriptors > 1)
        add({ do: 'dup', process, file }, (w) => {
          if (w.at(at) === 0 || w.at(at) === descriptors) return 'impossible';
          w.s[at] = w.at(at) + 1;
          return 'done';
        });
      add({ do: 'close', process, file }, (w) => {
        if (w.at(at) === 0) return 'impossible';
        w.s[at] = w.at(at) - 1;
        maybeRelease(w, f);
        return 'done';
      });
      each(processes, (q) => {
        if (q === p) return;
        add({ do: 'pass', process, file, to: processName(q) }, (w) => {
          const target = holders + f * processes + q;
          if (w.at(at) === 0 || w.at(target) === descriptors) return 'impossible';
          w.s[target] = w.at(target) + 1;
          return 'done';
        });
      });
      devices.forEach(({ name }, d) => {
        add({ do: 'bind', process, file, device: name }, (w) => {
          if (w.at(at) === 0 || w.at(plugged + d) === 0 || w.at(boundTo + d) !== 0) return 'impossible';
          if (mateElsewhere(w, d, boundTo, f + 1)) return 'impossible';
          w.s[boundTo + d] = f + 1;
          changed(w, f);
          return 'done';
        });
      });
    });
  });
  devices.forEach((kind: DeviceKind, d) => {
    const device = kind.name;
    const kinds: [Kind, number][] = [
      ['plain', PLAIN],
      ['enforcing', ENFORCING],
    ];
    for (const [ioasid, value] of kinds) {
      if (value === ENFORCING && !kind.canEnforce) continue;
      add({ do: 'attach', device, ioasid }, (w) => {
        if (w.at(boundTo + d) === 0 || w.at(attached + d) !== DETACHED) return 'impossible';
        if (mateElsewhere(w, d, attached, value)) return 'impossible';
        w.s[attached + d] = value;
        changed(w, w.at(boundTo + d) - 1);
        return 'done';
      });
    }
    add({ do: 'detach', device }, (w) => detach(w, d));
    add({ do: 'unbind', device }, (w) => {
      if (w.at(boundTo + d) === 0 || w.at(attached + d) !== DETACHED) return 'impossible';
      unbindDevice(w, d);
      return 'done';
    });
    add({ do: 'unplug', device }, (w) => {
      if (w.at(plugged + d) === 0) return 'impossible';
      unbindDevice(w, d);
      w.s[plugged + d] = 0;
      return 'done';
    });
    add({ do: 'plug', device }, (w) => {
      if (w.at(plugged + d) === 1) return 'impossible';
      w.s[plugged + d] = 1;
      return 'done';
    });
  });
  each(vms, (v) => {
    const vm = vmName(v);
    const owner = ownerOf(world.bounds, v);
    add({ do: 'create-vm', process: processName(owner), vm }, (w) => {
      if (w.at(vmOpen + v) === 1) return 'impossible';
      w.s[vmOpen + v] = 1;
      return 'done';
    });
    each(files, (f) => {
      const file = fileName(f);
      const at = listed + v * files + f;
      add({ do: 'add', vm, file }, (w) => {
        if (w.at(vmOpen + v) === 0 || !w.holds(owner, f) || w.at(at) === 1) return 'impossible';
        return show(w, v, f);
      });
      add({ do: 'enable', vm, file }, (w) => {
        if (w.at(vmOpen + v) === 0 || !w.holds(owner, f) || !w.fileRight(f)) return 'impossible';
        return show(w, v, f);
      });
      add({ do: 'delete', vm, file }, (w) => {
        if (w.at(at) === 0 || !w.holds(owner, f)) return 'impossible';
        withdraw(w, v, f);
        return 'done';
      });
    });
    add({ do: 'disable', vm }, (w) => {
      if (w.at(vmOpen + v) === 0 || w.at(disabled + v) === 1) return 'impossible';
      w.s[disabled + v] = 1;
      return 'done';
    });
    add({ do: 'close-vm', vm }, (w) => {
      if (w.at(vmOpen + v) === 0) return 'impossible';
      for (let f = 0; f < files; f++) if (w.at(listed + v * files + f)) withdraw(w, v, f);
      w.s[vmOpen + v] = 0;
      w.s[disabled + v] = 0;
      w.s[vmMemory + v] = 0;
      return 'done';
    });
  });
  if (ticks > 0)
    add({ do: 'tick' }, (w) => {
      if (w.at(clock) === ticks) return 'impossible';
      w.s[clock] = w.at(clock) + 1;
      return 'done';
    });
  if (caches) actions.push(...cacheActions(world));
  return actions;
}
