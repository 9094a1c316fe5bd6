import type { Policy } from '../policy.js';
import { oneTime } from './one-time.js';

/** It worked once in the past: a file that had need(F) once keeps the right, and so does a VM that was shown it then. */
export const sticky: Policy = {
  ...oneTime,
  name: 'sticky',
  summary: 'it worked once, so it works for ever',
  fileChanged: (memory, facts) => (facts.need ? 1 : memory),
  fileRight: (memory, facts) => memory === 1 || facts.need,
  vmShown: (memory, file, facts) => (file === 1 || facts.need ? 1 : memory),
};
