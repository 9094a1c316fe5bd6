import { type Policy, STATELESS } from '../policy.js';

/** Judged once, when the proof is shown, as open() judges a mode: later changes take nothing away from the VM. */
export const oneTime: Policy = {
  ...STATELESS,
  name: 'one-time',
  summary: 'judged once, when the proof is shown, as open() judges a mode',
  vmShown: (memory, _file, facts) => (facts.need ? 1 : memory),
  vmRight: (memory) => memory === 1,
};
