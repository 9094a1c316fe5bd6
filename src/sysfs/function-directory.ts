/**
 * The directory of a PCI function, /sys/devices/pciDDDD:BB/DDDD:BB:DD.F: what Documentation/ABI/testing/sysfs-bus-pci and
 * drivers/pci/pci-sysfs.c say of it. Everything is read from the function and its slot when it is asked for.
 */
import { Errno } from '../abi/errno.js';
import { AttributeInode, DirectoryInode } from '../kernel/fs/inode.js';
import type { PciBus, PciSlot } from '../pci/bus/bus.js';
import { barRegister, PCI_COMMAND, PCI_CONFIG } from '../pci/config/config-space.js';
import { both, fill, hex, kept, linkTo, parseBoolean, parseNumber, shown, taken, trigger } from './nodes.js';
import { memoryResource, portResource, romFile } from './resource-file.js';
import { sriovEntries } from './sriov.js';

/** What the tree around a function is to it. */
export interface FunctionSurroundings {
  readonly bus: PciBus;
  /** CPUs of the machine. */
  readonly cpus: number;
  /** Takes the function out, as a hot-unplug does. */
  remove(slot: PciSlot): void;
  /** Makes so many virtual functions of a physical one, or takes all away. @throws ERANGE, EBUSY, ENOENT */
  setVirtual(slot: PciSlot, count: number): void;
  /** Looks for functions that were taken out, and puts them in. */
  rescan(): void;
}

/** Bytes of configuration space that everybody may read. */
const PUBLIC_CONFIG = 64;
/** Lines of `resource`: six BARs, the ROM, and six BARs of virtual functions. */
const RESOURCE_LINES = 13;
/** The first interrupt of Linux that is handed out to pins. */
const FIRST_LINE = 16;
/** Interrupts of messages get numbers from here on, as on most machines. */
const FIRST_MESSAGE = 24;

/** Power state from which on registers are not reached. */
const D3HOT = 3;

/** Path of a function's directory: every bus hangs below a host bridge of its own. */
export function functionPath(address: string): string {
  return `/sys/devices/pci${address.slice(0, 7)}/${address}`;
}

/** Text of modalias: upper-case hexadecimal, which udev and modprobe match with. */
export function modalias({ function: { identity } }: PciSlot): string {
  const upper = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, '0');
  const { vendor, device, subsystemVendor, subsystem, classCode } = identity;
  const ids = `v${upper(vendor, 8)}d${upper(device, 8)}sv${upper(subsystemVendor, 8)}sd${upper(subsystem, 8)}`;
  const [base, sub, programming] = [classCode >> 16, (classCode >> 8) & 0xff, classCode & 0xff];
  return `pci:${ids}bc${upper(base, 2)}sc${upper(sub, 2)}i${upper(programming, 2)}`;
}

/** Text of uevent. */
export function uevent(slot: PciSlot): string {
  const upper = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, '0');
  const { identity } = slot.function;
  return [
    ...(slot.driver ? [`DRIVER=${slot.driver.name}`] : []),
    `PCI_CLASS=${upper(identity.classCode, 4)}`,
    `PCI_ID=${upper(identity.vendor, 4)}:${upper(identity.device, 4)}`,
    `PCI_SUBSYS_ID=${upper(identity.subsystemVendor, 4)}:${upper(identity.subsystem, 4)}`,
    `PCI_SLOT_NAME=${slot.address}`,
    `MODALIAS=${modalias(slot)}`,
  ].join('\n');
}

/** Names of the host's function at the same address that may be seen: what stands below it, and nothing of PCI. */
const OF_THE_HOST = /^(virtio\d+|net|block|nvme|ata\d+|host\d+|usb\d+|drm|sound|tty|input|rtc|i2c-\d+)$/;

/** Makes the directory. It is not in the tree yet. */
export function functionDirectory(slot: PciSlot, around: FunctionSurroundings): DirectoryInode {
  const directory = new DirectoryInode({ mode: 0o755 }, (name) => OF_THE_HOST.test(name));
  const at = functionPath(slot.address);
  const { function: pci, requester } = slot;
  const { identity } = pci;
  const bound = (): boolean => slot.driver !== undefined;
  fill(directory, {
    vendor: shown(() => hex(identity.vendor, 4)),
    device: shown(() => hex(identity.device, 4)),
    subsystem_vendor: shown(() => hex(identity.subsystemVendor, 4)),
    subsystem_device: shown(() => hex(identity.subsystem, 4)),
    class: shown(() => hex(identity.classCode, 6)),
    revision: shown(() => hex(identity.revision, 2)),
    // Of MSI-X it does not tell.
    irq: shown(() => (pci.interrupts.mode === 'msi' ? FIRST_MESSAGE : pci.interrupts.pins ? FIRST_LINE : 0)),
    resource: shown(() => resourceLines(slot)),
    config: configuration(slot),
    numa_node: kept(-1, parseNode),
    local_cpulist: shown(() => (around.cpus === 1 ? '0' : `0-${around.cpus - 1}`)),
    local_cpus: shown(() => ((1n << BigInt(around.cpus)) - 1n).toString(16)),
    modalias: shown(() => modalias(slot)),
    uevent: both(() => uevent(slot), checkAction),
    driver_override: driverOverride(slot),
    msi_bus: kept(1, (text) => (parseNumber(text) === 0 ? 0 : 1)),
    enable: enable(slot),
    power_state: shown(() => (pci.powerState < D3HOT ? `D${pci.powerState}` : 'D3hot')),
    broken_parity_status: kept(0, (text) => (parseNumber(text) === 0 ? 0 : 1)),
    dma_mask_bits: shown(() => 64),
    consistent_dma_mask_bits: shown(() => 64),
    ari_enabled: shown(() => 0),
    d3cold_allowed: kept(1, (text) => (parseNumber(text) === 0 ? 0 : 1)),
    // Virtual functions have neither: they come and go with sriov_numvfs. Whoever writes takes `remove` itself away first.
    remove: taken(
      trigger(() => around.remove(slot)),
      0o220,
      () => slot.physical === undefined && !slot.going,
    ),
    rescan: taken(
      trigger(() => around.rescan()),
      0o200,
      () => slot.physical === undefined,
    ),
    reset: taken(
      (text) => {
        if (parseNumber(text) !== 1) throw new Errno('EINVAL', `reset of ${slot.address} takes 1, not ${text}`);
        pci.reset();
      },
      0o200,
      () => pci.resetMethods.length > 0,
    ),
    reset_method: resetMethod(slot),
    subsystem: linkTo(`${at}/subsystem`, '/sys/bus/pci'),
    driver: linkTo(`${at}/driver`, () => `/sys/bus/pci/drivers/${slot.driver?.name}`, bound),
    iommu_group: linkTo(`${at}/iommu_group`, `/sys/kernel/iommu_groups/${requester.group.id}`),
    iommu: linkTo(`${at}/iommu`, `/sys/devices/virtual/iommu/${unitName(requester.unit.index)}`),
  });
  for (const { index, flags } of slot.resources) {
    const bar = pci.bar(index);
    if (!bar) continue;
    const port = (flags & 0x100) !== 0;
    const content = port ? portResource(bar) : memoryResource(`${at}/resource${index}`, pci, bar);
    directory.add(`resource${index}`, new AttributeInode(content, { mode: 0o600 }));
    if (flags & 0x2000) directory.add(`resource${index}_wc`, new AttributeInode(content, { mode: 0o600 }));
  }
  if (pci.model.rom) directory.add('rom', new AttributeInode(romFile(pci.model.rom), { mode: 0o600 }));
  fill(
    directory,
    sriovEntries(slot, functionPath, (count) => around.setVirtual(slot, count)),
  );
  const { interrupts } = pci;
  const irqs = new DirectoryInode({ mode: 0o755 }, 'none', () => interrupts.mode.startsWith('msi'));
  for (let vector = 0; vector < Math.max(interrupts.msixVectors, interrupts.msiVectors); vector++) {
    const mode = shown(
      () => interrupts.mode,
      () => interrupts.isAllocated(vector),
    );
    irqs.add(String(FIRST_MESSAGE + vector), mode);
  }
  directory.add('msi_irqs', irqs);
  directory.add('power', powerDirectory());
  return directory;
}

/** A node of memory, which this machine has one of, and -1 for none. @throws EINVAL */
function parseNode(text: string): number {
  if (text === '-1') return -1;
  const node = parseNumber(text);
  if (node !== 0) throw new Errno('EINVAL', `the machine has no memory node ${node}`);
  return node;
}

/** How Linux names the unit (drivers/iommu/intel/dmar.c). */
export const unitName = (index: number): string => `dmar${index}`;

/** Run-time power management, which these functions are never put to sleep by (drivers/base/power/sysfs.c). */
export function powerDirectory(): DirectoryInode {
  const power = new DirectoryInode({ mode: 0o755 });
  fill(power, {
    control: both(
      () => 'on',
      (text) => {
        if (text !== 'on' && text !== 'auto') throw new Errno('EINVAL', `power control is on or auto, not '${text}'`);
      },
    ),
    runtime_status: shown(() => 'active'),
    runtime_active_time: shown(() => 0),
    runtime_suspended_time: shown(() => 0),
  });
  return power;
}

/** An action that udev may ask for again: add, change, remove and the like, alone or before a UUID. @throws EINVAL */
export function checkAction(text: string): void {
  const [action] = text.split(' ');
  if (!/^(add|remove|change|move|online|offline|bind|unbind)$/.test(action ?? '')) {
    throw new Errno('EINVAL', `'${text}' is no action of a uevent`);
  }
}

function resourceLines(slot: PciSlot): string {
  const lines = Array.from({ length: RESOURCE_LINES }, (_, index) => {
    const found = slot.resources.find((it) => it.index === index);
    const [start, end, flags] = found ? [found.start, found.start + BigInt(found.size) - 1n, found.flags] : [0, 0, 0];
    return [start, end, flags].map((value) => hex(value, 16)).join(' ');
  });
  return lines.join('\n');
}

/** The real configuration space, with the addresses of the BARs as they were assigned. */
function configuration(slot: PciSlot): AttributeInode {
  const { config } = slot.function;
  const content = {
    size: config.size,
    pread: (into: Uint8Array, offset: number, privileged: boolean): number => {
      const end = privileged ? config.size : PUBLIC_CONFIG;
      const bytes = into.subarray(0, Math.max(0, end - offset));
      config.read(offset, bytes);
      overlayBars(slot, bytes, offset);
      return bytes.length;
    },
    pwrite: (from: Uint8Array, offset: number): number => {
      slot.function.writeConfig(offset, from);
      return from.length;
    },
  };
  return new AttributeInode(content, { mode: 0o644 });
}

function overlayBars({ resources, function: { config } }: PciSlot, bytes: Uint8Array, offset: number): void {
  for (const { index, start, flags } of resources) {
    const at = barRegister(index);
    // A BAR that software has set shows that.
    if ((config.get32(at) & ~0xf) !== 0) continue;
    const value = start | BigInt(flags & 0xf);
    const width = flags & 0x100000 ? 8 : 4;
    for (let i = 0; i < width; i++) {
      const to = at + i - offset;
      if (to >= 0 && to < bytes.length) bytes[to] = Number((value >> BigInt(8 * i)) & 0xffn);
    }
  }
}

/** Longest text that driver_override takes: a page without its end (drivers/base/driver.c). */
const OVERRIDE_MAX = 4094;

function driverOverride(slot: PciSlot): AttributeInode {
  return new AttributeInode(
    {
      show: () => `${slot.driverOverride ?? '(null)'}\n`,
      store: (text) => {
        // Up to a newline or a zero; nothing clears it.
        const name = /^[^\n\0]*/.exec(text)?.[0] ?? '';
        if (name.length > OVERRIDE_MAX) throw new Errno('EINVAL', `a driver's name of ${name.length} bytes`);
        slot.driverOverride = name === '' ? undefined : name;
      },
    },
    { mode: 0o644 },
  );
}

/** How often the function was enabled: its decoding and bus mastering are on, or not. */
function enable(slot: PciSlot): AttributeInode {
  const { COMMAND } = PCI_CONFIG;
  const on = PCI_COMMAND.IO | PCI_COMMAND.MEMORY;
  const { function: pci } = slot;
  return both(
    () => (pci.config.get16(COMMAND) & on ? 1 : 0),
    (text) => {
      const wanted = parseBoolean(text);
      if (slot.driver) throw new Errno('EBUSY', `${slot.address} is bound to ${slot.driver.name}`);
      const command = pci.config.get16(COMMAND);
      if (!wanted && !(command & on)) throw new Errno('EIO', `${slot.address} is not enabled`);
      const value = wanted ? command | on : command & ~(on | PCI_COMMAND.BUS_MASTER);
      pci.writeConfig(COMMAND, new Uint8Array([value & 0xff, value >> 8]));
    },
  );
}

/** The ways to reset the function, in the order that they are tried; a write chooses among them. */
function resetMethod({ function: pci, address }: PciSlot): AttributeInode {
  let chosen: string[] | undefined;
  return both(
    () => (chosen ?? pci.resetMethods).join(' '),
    (text) => {
      const known: readonly string[] = pci.resetMethods;
      const names = text === '' || text === 'default' ? undefined : text.split(/\s+/);
      const unknown = names?.find((name) => !known.includes(name));
      if (unknown !== undefined) throw new Errno('EINVAL', `${address} has no reset method '${unknown}'`);
      chosen = names;
    },
    () => pci.resetMethods.length > 0,
  );
}
