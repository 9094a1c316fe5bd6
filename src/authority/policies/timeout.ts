import { type Policy, STATELESS } from '../policy.js';

/**
 * As sudo: a proof shown while need(F) held is good for a while, and only the clock ends it.
 * @param duration milliseconds, > 0
 */
export function timeout(duration: number, name: string): Policy {
  return {
    ...STATELESS,
    name,
    clock: true,
    summary: 'for a while after the proof was shown, as sudo',
    vmShown: (memory, _file, facts, now) => (facts.need ? now + duration : memory),
    vmRight: (memory, _proofs, now) => now < memory,
    vmDeadline: (memory) => (memory > 0 ? memory : undefined),
  };
}
