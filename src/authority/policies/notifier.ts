import { type Policy, STATELESS } from '../policy.js';

/** From showing the proof until the notification that need(F) ended; then it must be shown again. */
export const notifier: Policy = {
  ...STATELESS,
  name: 'notifier',
  summary: 'until the notification that the need ended; then the proof must be shown again',
  proofShown: (_file, facts) => (facts.need ? 1 : 0),
  proofChanged: (memory, facts) => (facts.need ? memory : 0),
  vmRight: (_memory, proofs) => proofs.some((proof) => proof.memory === 1),
};
