import { type Policy, STATELESS } from '../policy.js';

/**
 * What Linux shipped: no ioctl for processes, and kvm-vfio looks at the coherency of the added files only when one is
 * added or deleted (virt/kvm/vfio.c, kvm_vfio_update_coherency).
 */
export const linux: Policy = {
  ...STATELESS,
  name: 'linux',
  summary: 'as shipped in Linux: judged when a file is added or deleted, by what the IOMMU can do',
  fileRight: () => false,
  vmListed: (_memory, proofs) => (proofs.some((proof) => proof.facts.unenforced) ? 1 : 0),
  vmRight: (memory) => memory === 1,
};
