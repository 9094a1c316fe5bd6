/**
 * P0, which every answer of the debate keeps: a proof is worth something. Without it, a policy under which nobody ever
 * may flush keeps nearly every promise.
 */
import { guestMayFlush, type Property } from '../check/properties.js';

export const P0: Property = {
  id: 'P0',
  name: 'a proof works',
  world: 'rights',
  of: 'step',
  on: ['add'],
  judge: (w, { step }, outcome, _before, after) => {
    if (step.do !== 'add') return false;
    const [vm, file] = [Number(step.vm) - 1, Number(step.file.slice(1)) - 1];
    const { need, unenforced } = w.facts(file);
    const others = w.vmsOf(file) - w.at(w.layout.listed + vm * w.bounds.files + file);
    if (!need || !unenforced || others > 0 || w.at(w.layout.disabled + vm) === 1) return false;
    if (outcome === 'refused') return 'a proof that has the need is refused';
    return guestMayFlush(w, after, vm) || 'a proof that has the need gives the guest nothing';
  },
};
