import { type Policy, STATELESS } from '../policy.js';

/** The guest can do exactly what the process could do through the ioctl, now: both rights follow need(F) both ways. */
export const mediated: Policy = {
  ...STATELESS,
  name: 'mediated',
  summary: 'the guest can do exactly what the process could do now',
  vmRight: (_memory, proofs) => proofs.some((proof) => proof.facts.need),
};
