/** The options of a device's model, from what a machine file says of it. */
import { type BlockStore, MemoryStore, type OpenStore } from '../devices/block-store.js';
import type { ModelOptions } from '../devices/options.js';
import type { IommuUnit } from '../iommu/unit.js';
import type { MachineDescription } from './file/schema.js';
import { bytesOf } from './file/sizes.js';

type Device = MachineDescription['devices'][string];

/** @param name of the device; @param openStore opens the files of disks */
export function modelOptions(name: string, it: Device, unit: IommuUnit, openStore: OpenStore): ModelOptions {
  return {
    ...{ bus: it.bus, interrupts: it.interrupts },
    pasidBits: it.pasid ? unit.pasidBits : 0,
    pageRequests: it.pri,
    virtualFunctions: it.sriov?.vfs ?? 0,
    edu: it.edu,
    ioat: it.ioat && {
      version: it.ioat.version === '3.4' ? 0x34 : 0x33,
      largestTransfer: Math.log2(bytesOf(it.ioat['largest-transfer'])),
    },
    nvme: it.model !== 'nvme' ? undefined : nvmeOptions(name, it.nvme, openStore),
    memory: it.memory && {
      identity: { vendor: it.memory.vendor, device: it.memory.device, classCode: it.memory.class },
      bars: it.memory.bars.map((bar) => ({ ...bar, size: bytesOf(bar.size) })),
      romSize: it.memory.rom === undefined ? undefined : bytesOf(it.memory.rom),
    },
  };
}

const DEFAULT_DISK = [{ size: '64M', block: 512 }] as const;

function nvmeOptions(name: string, nvme: Device['nvme'], openStore: OpenStore): ModelOptions['nvme'] {
  const store = (file: string | undefined, size: number | undefined): BlockStore =>
    file === undefined ? new MemoryStore(size ?? 0) : openStore(file, size);
  const namespaces: NonNullable<Device['nvme']>['namespaces'] = nvme?.namespaces ?? [...DEFAULT_DISK];
  return {
    serial: nvme?.serial ?? name,
    namespaces: namespaces.map(({ file, size, block }) => ({
      store: store(file, size === undefined ? undefined : bytesOf(size)),
      blockSize: block,
    })),
  };
}
