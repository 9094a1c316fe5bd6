import { type Policy, STATELESS } from '../policy.js';

/** What Xen shipped: any device now, whatever its coherency (xen/arch/x86/hvm, has_arch_pdevs at each WBINVD). */
export const xen: Policy = {
  ...STATELESS,
  name: 'xen',
  summary: 'as shipped in Xen: any device now, whatever its coherency',
  fileRight: (_memory, facts) => facts.bound,
  vmRight: (_memory, proofs) => proofs.some((proof) => proof.facts.bound),
};
