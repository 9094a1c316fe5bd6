/** /sys/kernel/iommu_groups and /sys/class/iommu (drivers/iommu/iommu.c, iommu-sysfs.c; Intel VT-d's attributes). */
import { Errno } from '../abi/errno.js';
import { capabilityRegisters } from '../iommu/drivers/vtd-registers.js';
import type { IommuGroup } from '../iommu/requester.js';
import type { IommuUnit } from '../iommu/unit.js';
import type { FileSystem } from '../kernel/fs/file-system.js';
import type { AttributeInode, DirectoryInode } from '../kernel/fs/inode.js';
import { unitName } from './function-directory.js';
import { both, fill, hex, linkTo, shown } from './nodes.js';

const GROUPS = '/sys/kernel/iommu_groups';
const UNITS = '/sys/devices/virtual/iommu';
/** DMA with IOTLB flushes that are put off: what x86 starts with. */
const LAZY = 'DMA-FQ';
const TYPES = ['identity', 'DMA', LAZY, 'auto'];
/** The interrupt window of x86: the one reserved range that is of messages. */
const MSI_WINDOW = 0xfee0_0000n;
/** Registers of the units are 4 KiB each, from here on. */
const FIRST_REGISTERS = 0xfed9_0000;

export class IommuDirectory {
  readonly #fs: FileSystem;

  constructor(fs: FileSystem, units: Iterable<IommuUnit>) {
    this.#fs = fs;
    fs.directory(GROUPS);
    fs.directory('/sys/class/iommu');
    for (const unit of units) this.#addUnit(unit);
  }

  /** A requester comes. @param name of its directory; @param path of it */
  add(group: IommuGroup, unit: IommuUnit, name: string, path: string): void {
    this.#addGroup(group, unit);
    const inGroup = `${GROUPS}/${group.id}/devices/${name}`;
    this.#fs.add(inGroup, linkTo(inGroup, path));
    const inUnit = `${UNITS}/${unitName(unit.index)}/devices/${name}`;
    this.#fs.add(inUnit, linkTo(inUnit, path));
  }

  /** A requester goes; with its last one a group goes too. */
  remove(group: IommuGroup, unit: IommuUnit, name: string): void {
    this.#fs.remove(`${GROUPS}/${group.id}/devices/${name}`);
    this.#fs.remove(`${UNITS}/${unitName(unit.index)}/devices/${name}`);
    if ([...this.#fs.directory(`${GROUPS}/${group.id}/devices`).list()].length === 0) {
      this.#fs.remove(`${GROUPS}/${group.id}`);
    }
  }

  #addGroup(group: IommuGroup, unit: IommuUnit): void {
    const at = `${GROUPS}/${group.id}`;
    if (this.#fs.get(at)) return;
    const directory: DirectoryInode = this.#fs.directory(at);
    this.#fs.directory(`${at}/devices`);
    fill(directory, {
      type: defaultDomain(group),
      reserved_regions: shown(() =>
        [...unit.reserved]
          .sort((a, b) => (a.start < b.start ? -1 : 1))
          .map(({ start, last }) => `${hex(start, 16)} ${hex(last, 16)} ${start === MSI_WINDOW ? 'msi' : 'reserved'}`)
          .join('\n'),
      ),
    });
  }

  #addUnit(unit: IommuUnit): void {
    const name = unitName(unit.index);
    const at = `${UNITS}/${name}`;
    this.#fs.directory(`${at}/devices`);
    fill(this.#fs.directory(`${at}/intel-iommu`), {
      version: shown(() => '1:0'),
      address: shown(() => (FIRST_REGISTERS + unit.index * 4096).toString(16)),
      cap: shown(() => capabilityRegisters(unit).capability.toString(16)),
      ecap: shown(() => capabilityRegisters(unit).extended.toString(16)),
      domains_supported: shown(() => 1 << 16),
      domains_used: shown(() => 0),
    });
    fill(this.#fs.directory(at), { subsystem: linkTo(`${at}/subsystem`, '/sys/class/iommu'), uevent: shown(() => '') });
    const inClass = `/sys/class/iommu/${name}`;
    this.#fs.add(inClass, linkTo(inClass, at));
  }
}

/** Type of the domain that the host's drivers of a group get; whoever owns the group has another. Of new groups: the first. */
function defaultDomain(group: IommuGroup): AttributeInode {
  let type = LAZY;
  return both(
    () => type,
    (text) => {
      if (!TYPES.includes(text)) throw new Errno('EINVAL', `'${text}' is no type of a domain: ${TYPES.join(', ')}`);
      const wanted = text === 'auto' ? LAZY : text;
      // A queue of flushes can be had at any time.
      if (group.owner && !(wanted === LAZY && type === 'DMA'))
        throw new Errno('EPERM', `group ${group.id} is in use: its domain stays ${type}`);
      type = wanted;
    },
  );
}
