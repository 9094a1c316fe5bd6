/** What sysfs shows of SR-IOV: of a physical function, and of a virtual one (Documentation/ABI/testing/sysfs-bus-pci). */
import type { AttributeInode, LinkInode } from '../kernel/fs/inode.js';
import type { PciSlot } from '../pci/bus/bus.js';
import { EXTENDED, SRIOV } from '../pci/config/extended-capabilities.js';
import { both, kept, linkTo, parseBoolean, parseNumber, shown } from './nodes.js';

type Entries = Record<string, AttributeInode | LinkInode>;

/**
 * The entries of a function's directory.
 * @param pathOf the directory of the function at an address
 * @param setVirtual makes so many virtual functions, or takes all away. @throws ERANGE, EBUSY, ENOENT
 */
export function sriovEntries(
  slot: PciSlot,
  pathOf: (address: string) => string,
  setVirtual: (count: number) => void,
): Entries {
  const at = pathOf(slot.address);
  const { config } = slot.function;
  const capability = config.findExtended(EXTENDED.SRIOV);
  if (capability === undefined) {
    const target = (): string => pathOf(slot.physical?.address ?? slot.address);
    return { physfn: linkTo(`${at}/physfn`, target, () => slot.physical !== undefined && !slot.going) };
  }
  const register = (offset: number): number => config.get16(capability + offset);
  const entries: Entries = {
    sriov_totalvfs: shown(() => register(SRIOV.TOTAL_VFS)),
    sriov_numvfs: both(
      () => slot.virtual.length,
      (text) => setVirtual(parseNumber(text)),
    ),
    sriov_offset: shown(() => register(SRIOV.FIRST_VF_OFFSET)),
    sriov_stride: shown(() => register(SRIOV.VF_STRIDE)),
    sriov_vf_device: shown(() => register(SRIOV.VF_DEVICE).toString(16)),
    // Virtual functions of one under vfio-pci get its driver in any case, by driver_override.
    sriov_drivers_autoprobe: kept(1, (text) => (parseBoolean(text) ? 1 : 0)),
  };
  for (let i = 0; i < register(SRIOV.TOTAL_VFS); i++) {
    const target = (): string => pathOf(slot.virtual[i]?.address ?? slot.address);
    entries[`virtfn${i}`] = linkTo(`${at}/virtfn${i}`, target, () => slot.virtual[i]?.going === false);
  }
  return entries;
}
