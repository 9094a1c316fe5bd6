import type { Policy } from '../policy.js';
import { exclusive } from './exclusive.js';

/** A VM holds its proof by reference: one VM a proof, and the device that makes the need stays until the VM lets go. */
export const reference: Policy = {
  ...exclusive,
  name: 'reference',
  summary: 'the VM holds its proof, and the proof holds the device',
  mayEndNeed: (vms) => vms === 0,
};
