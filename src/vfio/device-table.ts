/** The ioctls of a VFIO device: number, struct and handler (linux-vfio.md, 5), and what the wings add to them. */
import { Errno } from '../abi/errno.js';
import type { Ioctl } from '../abi/ioctl.js';
import {
  VFIO_IOMMUFD_IOCTLS as CDEV_IOCTL,
  VFIO_DEVICE_IOCTLS as IOCTL,
  LINUX_VFIO,
  vfio_irq_set,
} from '../abi/vfio.js';
import { type IoctlRow, IoctlTable, Rows } from '../kernel/file/ioctl.js';
import type { Caller } from '../kernel/file/open-file.js';
import { regionOffset } from '../pci/region-offset.js';
import { feature } from './call/features.js';
import { hotReset, hotResetInfo } from './call/hot-reset.js';
import { setIoEventFd } from './call/io-eventfd.js';
import { VFIO_ARGSZ } from './convention.js';
import type { DeviceFile } from './device-file.js';
import { capabilityChain, type InfoCapability } from './info-capability.js';
import { checkIrqSet, type IrqSetHeader, irqRequest } from './irq/request.js';
import type { OpenDevice } from './open/open-device.js';
import { region } from './open/region-info.js';

/** The ioctls that a wing adds. */
export interface DeviceRows {
  /** Those that give a file access: they are served before it has any. */
  readonly binds: readonly IoctlRow<DeviceFile>[];
  /** Those that need access. */
  readonly bound: readonly IoctlRow<DeviceFile>[];
}

const rows = new Rows<DeviceFile>(VFIO_ARGSZ);

const OWN: readonly IoctlRow<DeviceFile>[] = [
  rows.struct(IOCTL.GET_INFO, {
    through: 'num_irqs',
    out: true,
    run: (file, args, caller, address) => {
      const { canReset } = file.require();
      const { VFIO_DEVICE_FLAGS_RESET, VFIO_DEVICE_FLAGS_PCI, VFIO_DEVICE_FLAGS_CAPS } = LINUX_VFIO;
      const capabilities = file.binding?.infoCapabilities ?? [];
      args.flags = VFIO_DEVICE_FLAGS_PCI | (canReset ? VFIO_DEVICE_FLAGS_RESET : 0);
      args.num_regions = LINUX_VFIO.VFIO_PCI_NUM_REGIONS;
      args.num_irqs = LINUX_VFIO.VFIO_PCI_NUM_IRQS;
      args.cap_offset = 0;
      if (capabilities.length === 0) return 0;
      args.flags |= VFIO_DEVICE_FLAGS_CAPS;
      addChain(capabilities, args, caller, address, IOCTL.GET_INFO.argument.size);
      return 0;
    },
  }),
  rows.struct(IOCTL.GET_REGION_INFO, {
    out: true,
    run: (file, args, caller, address) => {
      const { index, flags, size, capabilities } = region(file.require().function, args.index);
      args.flags = flags | (capabilities.length > 0 ? LINUX_VFIO.VFIO_REGION_INFO_FLAG_CAPS : 0);
      args.size = BigInt(size);
      args.offset = regionOffset(index);
      // Without capabilities the field stays as it came in.
      if (capabilities.length === 0) return 0;
      args.cap_offset = 0;
      addChain(capabilities, args, caller, address, IOCTL.GET_REGION_INFO.argument.size);
      return 0;
    },
  }),
  rows.struct(IOCTL.GET_IRQ_INFO, {
    out: true,
    run: (file, args) => {
      const { flags, count } = file.require().interrupts.info(args.index);
      args.flags = flags;
      args.count = count;
      return 0;
    },
  }),
  rows.struct(IOCTL.SET_IRQS, {
    through: 'count',
    run: (file, { argsz, flags, index, start, count }, caller, address) =>
      setIrqs(file.require(), { argsz, flags, index, start, count }, caller, address),
  }),
  rows.value(IOCTL.RESET, (file) => {
    const device = file.require();
    if (!device.canReset) throw new Errno('EINVAL', `${file.device.name} cannot be reset alone`);
    device.reset();
    return 0;
  }),
  rows.struct(IOCTL.GET_PCI_HOT_RESET_INFO, {
    out: true,
    outOnError: ({ code }) => code === 'ENOSPC',
    run: hotResetInfo,
  }),
  rows.struct(IOCTL.PCI_HOT_RESET, { flags: 0, run: hotReset }),
  rows.struct(IOCTL.IOEVENTFD, { through: 'fd', run: setIoEventFd }),
  rows.struct(IOCTL.FEATURE, { run: feature }),
];

/** Puts capabilities behind the struct, or says how much room they need. */
function addChain(
  capabilities: readonly InfoCapability[],
  args: { argsz: number; cap_offset: number },
  caller: Caller,
  address: bigint,
  at: number,
): void {
  const chain = capabilityChain(capabilities, at);
  if (args.argsz < at + chain.length) args.argsz = at + chain.length;
  else {
    caller.mm.copyOut(address + BigInt(at), chain);
    args.cap_offset = at;
  }
}

function setIrqs(device: OpenDevice, header: IrqSetHeader, caller: Caller, address: bigint): number {
  const bytes = new Uint8Array(checkIrqSet(header, (index) => device.interrupts.count(index)));
  if (bytes.length > 0) caller.mm.copyIn(address + BigInt(vfio_irq_set.size), bytes);
  device.setIrqs(caller, irqRequest(header, bytes));
  return 0;
}

/** Calls that a device has which was opened by its own file. */
const CDEV_ONLY = new Set([CDEV_IOCTL.ATTACH.request, CDEV_IOCTL.DETACH.request]);

/** The table of all device files. @param wings what the personalities of the machine add */
export function deviceTable(wings: readonly DeviceRows[]): IoctlTable<DeviceFile> {
  const binds = wings.flatMap((wing) => wing.binds);
  const bound = wings.flatMap((wing) => wing.bound);
  const numbers = new Set(binds.map(({ ioctl }) => ioctl.request));
  return new IoctlTable<DeviceFile>('/dev/vfio/devices', [...binds, ...bound, ...OWN], (file, ioctl: Ioctl) => {
    if (numbers.has(ioctl.request)) return;
    file.require().lowPower.touch();
    if (file.through === 'group' && CDEV_ONLY.has(ioctl.request))
      throw new Errno('ENOTTY', `${file.device.name} is attached through its group`);
  });
}
