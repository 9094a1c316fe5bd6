/** /sys/kernel/iommu_groups and /sys/class/iommu (drivers/iommu/iommu.c, iommu-sysfs.c; Intel VT-d's attributes). */
import { Errno } from '../abi/errno.js';
import type { IommuGroup } from '../iommu/requester.js';
import type { IommuUnit } from '../iommu/unit.js';
import type { FileSystem } from '../kernel/fs/file-system.js';
import type { DirectoryInode } from '../kernel/fs/inode.js';
import { unitName } from './function-directory.js';
import { both, fill, hex, linkTo, shown } from './nodes.js';

const GROUPS = '/sys/kernel/iommu_groups';
const UNITS = '/sys/devices/virtual/iommu';
const TYPES = ['identity', 'DMA', 'DMA-FQ', 'auto'];
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
      type: both(
        () => (group.owner ? 'unmanaged' : 'blocked'),
        (text) => {
          if (!TYPES.includes(text)) throw new Errno('EINVAL', `'${text}' is no type of a domain: ${TYPES.join(', ')}`);
          throw new Errno(
            'EPERM',
            `group ${group.id} has no domain of its own: its DMA is blocked until it is assigned`,
          );
        },
      ),
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
      cap: shown(() => capability(unit).toString(16)),
      ecap: shown(() => extendedCapability(unit).toString(16)),
      domains_supported: shown(() => 1 << 16),
      domains_used: shown(() => 0),
    });
    fill(this.#fs.directory(at), { subsystem: linkTo(`${at}/subsystem`, '/sys/class/iommu'), uevent: shown(() => '') });
    const inClass = `/sys/class/iommu/${name}`;
    this.#fs.add(inClass, linkTo(inClass, at));
  }
}

/** The capability register (VT-d specification, 11.4.2): guest address width, page-walk levels, large pages, domains. */
function capability({ addressWidth, pageSizes }: IommuUnit): bigint {
  const domains = 6n; // 16-bit domain ids
  const levels = addressWidth > 48 ? 0b110n : addressWidth > 39 ? 0b100n : 0b010n;
  const large = (pageSizes & (1n << 21n) ? 1n : 0n) | (pageSizes & (1n << 30n) ? 2n : 0n);
  return domains | (levels << 8n) | (BigInt(addressWidth - 1) << 16n) | (large << 34n);
}

/** The extended capability register (11.4.3): snoop control, interrupt remapping, nesting, PASIDs and their width. */
function extendedCapability({ enforcesSnoop, hardwareNesting, pasidBits }: IommuUnit): bigint {
  const remapping = (1n << 1n) | (1n << 3n);
  const snoop = enforcesSnoop ? 1n << 7n : 0n;
  const nesting = hardwareNesting > 0 ? 1n << 26n : 0n;
  const pasid = pasidBits > 0 ? (1n << 40n) | (1n << 29n) | (BigInt(pasidBits - 1) << 35n) : 0n;
  return remapping | snoop | nesting | pasid;
}
