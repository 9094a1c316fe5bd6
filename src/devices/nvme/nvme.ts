/**
 * An NVMe controller as a PCI function (NVM Express PCIe Transport Specification 1.0): registers and doorbells in BAR0, which
 * programs map and the device looks at, and the MSI-X table in a BAR of its own.
 */
import type { FunctionLayout } from '../../pci/config/layout.js';
import type { DeviceModel, DeviceSlot } from '../../pci/model.js';
import { MemoryStore } from '../block-store.js';
import type { ModelOptions } from '../options.js';
import { functionLayout } from '../shell.js';
import { BLOCK_SHIFTS } from './commands/identify.js';
import { Namespace } from './commands/namespace.js';
import { Controller } from './controller.js';

const IDENTITY = {
  // Red Hat's QEMU NVMe controller has 1b36:0010; the vendor of this one is the project's own.
  ...{ vendor: 0x1d0a, device: 0x0953, subsystemVendor: 0x1d0a, subsystem: 0x0953 },
  ...{ classCode: 0x010802, revision: 1 },
};
const REGISTERS = 0x4000;
const PAGE = 0x1000;
/** I/O queues of each kind. */
const QUEUES = 32;

/** A disk of 64 MiB in memory. */
const DEFAULT_SIZE = 64 << 20;

export class Nvme implements DeviceModel {
  readonly layout: FunctionLayout;
  readonly #controller: Controller;

  constructor(slot: DeviceSlot, options: ModelOptions) {
    const { serial, namespaces } = options.nvme ?? {
      serial: 'ioasid',
      namespaces: [{ store: new MemoryStore(DEFAULT_SIZE), blockSize: 512 }],
    };
    const memory = slot.memory(0, REGISTERS);
    const table = slot.memory(4, PAGE);
    const interrupts = options.interrupts ?? { intx: true, msi: 1, msix: QUEUES + 1 };
    this.layout = functionLayout(
      {
        identity: IDENTITY,
        ...{ bus: 'pcie', interrupts, flr: true, serial: 0x1d0a_0953n },
        msix: { bar: 4, table: 0, pending: 0x800 },
        bars: [
          {
            ...{ index: 0, kind: 'memory64', prefetchable: false, size: REGISTERS, memory },
            windows: [{ kind: 'polled', offset: 0, size: REGISTERS }],
          },
          {
            ...{ index: 4, kind: 'memory32', prefetchable: false, size: PAGE, memory: table },
            windows: [{ kind: 'memory', offset: 0, size: PAGE }],
          },
        ],
      },
      options,
    );
    this.#controller = new Controller(slot, memory.view, {
      serial,
      namespaces: namespaces.map(({ store, blockSize }, i) => {
        const format = BLOCK_SHIFTS.findIndex((shift) => 2 ** shift === blockSize);
        return new Namespace(i + 1, store, format, BLOCK_SHIFTS);
      }),
      queues: QUEUES,
      vectors: Math.max(1, interrupts.msi, interrupts.msix),
    });
    this.reset();
  }

  reset(): void {
    this.#controller.reset(REGISTERS);
  }

  poll(): boolean {
    return this.#controller.poll();
  }
}
