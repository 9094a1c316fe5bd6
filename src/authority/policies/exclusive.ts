import type { Policy } from '../policy.js';
import { mediated } from './mediated.js';

/**
 * As `mediated`, and a proof serves one VM: while a VM holds the file, another is refused it (EBUSY). Found by
 * `ioasid check --synthesize`: the one answer that has everything but P8.
 */
export const exclusive: Policy = {
  ...mediated,
  name: 'exclusive',
  summary: 'the guest can do what the process could do now, and one proof serves one VM',
  mayShow: (others) => others === 0,
};
