import { describe, expect, test } from 'vitest';
import { DmaPort } from '../iommu/dma.js';
import { PasidTable } from '../iommu/pasid-table.js';
import { IommuGroup, Requester } from '../iommu/requester.js';
import { Pollers } from '../kernel/pollers.js';
import { PCI_COMMAND, PCI_CONFIG, PCI_STATUS } from './config/config-space.js';
import type { FunctionLayout } from './config/layout.js';
import {
  advancedFeatures,
  CAPABILITY,
  EXPRESS,
  EXPRESS_TYPE,
  express,
  MSI,
  MSIX,
  messageSignalledInterrupts,
  msix,
} from './config/standard-capabilities.js';
import { PciFunction } from './function.js';
import { ArrayMemory } from './memory.js';

/** A function with one BAR of each kind of window: trapped, memory, polled. */
function makeFunction(more: Partial<FunctionLayout> = {}) {
  const log: string[] = [];
  const memory = new ArrayMemory(0x4000);
  const layout: FunctionLayout = {
    identity: { vendor: 1, device: 2, subsystemVendor: 3, subsystem: 4, classCode: 0x020000, revision: 5 },
    ...{ configSize: 4096, interruptPin: 1 },
    capabilities: [
      messageSignalledInterrupts(4),
      express(EXPRESS_TYPE.ENDPOINT, true),
      msix({ vectors: 8, bar: 0, table: 0x2000, pending: 0x3000 }),
    ],
    bars: [
      {
        ...{ index: 0, kind: 'memory64', prefetchable: false, size: 0x4000, memory },
        windows: [
          {
            ...{ kind: 'trapped', offset: 0, size: 0x800 },
            read: (offset, width) => {
              log.push(`read ${offset} ${width}`);
              return 0x0807_0605_0403_0201n;
            },
            write: (offset, width, value) => log.push(`write ${offset} ${width} ${value.toString(16)}`),
          },
          { kind: 'polled', offset: 0x1000, size: 0x1000 },
          { kind: 'memory', offset: 0x2000, size: 0x1000 },
        ],
      },
    ],
    ...more,
  };
  const unit = {
    ...{ name: 'u', index: 0, enforcesSnoop: true, hardwareNesting: 0, softwareNesting: 0, pasidBits: 0 },
    ...{ addressWidth: 48, pageSizes: 4096n, tableFormats: 0n, dirtyTracking: false, reserved: [] },
  };
  const none = { noSnoop: false, pasid: false, pri: false, enqcmd: false };
  const port = new DmaPort(new Requester('0000:01:00.0', unit, new IommuGroup(1), none, new PasidTable()));
  const model = {
    layout,
    reset: () => log.push('reset'),
    interruptsChanged: () => log.push('interrupts'),
    poll: () => {
      log.push('poll');
      return false;
    },
  };
  const pollers = new Pollers(() => 0);
  return { pci: new PciFunction(model, port, pollers), log, port, memory, pollers };
}

const command = (bits: number): Uint8Array => new Uint8Array([bits & 0xff, bits >> 8]);
const WIDE = PCI_COMMAND.MEMORY | PCI_COMMAND.BUS_MASTER;

describe('a PCI function', () => {
  test('an access to registers is taken apart into naturally aligned pieces of at most 8 bytes', () => {
    const { pci, log } = makeFunction();
    pci.bar(0)?.write(0x11, new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]));
    expect(log).toEqual([
      'write 17 1 1',
      'write 18 2 302',
      'write 20 4 7060504',
      'write 24 8 f0e0d0c0b0a0908',
      'write 32 1 10',
    ]);
    const bytes = new Uint8Array(4);
    pci.bar(0)?.read(8, bytes);
    expect([...bytes]).toEqual([1, 2, 3, 4]);
  });

  test('an access may cross windows and the holes between them, which read as zero', () => {
    const { pci, memory } = makeFunction();
    memory.write(0xff0, new Uint8Array(16).fill(0xee));
    memory.write(0x1000, new Uint8Array([7, 7]));
    const bytes = new Uint8Array(8);
    pci.bar(0)?.read(0xffc, bytes);
    expect([...bytes]).toEqual([0, 0, 0, 0, 7, 7, 0, 0]);
    pci.bar(0)?.write(0x1ffe, new Uint8Array([1, 2, 3, 4]));
    memory.read(0x1ffe, bytes.subarray(0, 4));
    expect([...bytes.subarray(0, 4)]).toEqual([1, 2, 3, 4]);
  });

  test('windows with memory can be mapped, neighbours as one range; registers behind calls cannot', () => {
    expect(makeFunction().pci.bar(0)?.mappable).toEqual([{ offset: 0x1000, size: 0x2000 }]);
  });

  test('a write to polled registers by a call is seen before the call ends', () => {
    const { pci, log } = makeFunction();
    pci.bar(0)?.write(0x1000, new Uint8Array(4));
    pci.bar(0)?.write(0x2000, new Uint8Array(4));
    expect(log).toEqual(['poll']);
  });

  test('it is looked at only while someone has it open, and again and again only once it is mapped', () => {
    const { pci, pollers, log } = makeFunction();
    pollers.poll();
    expect(log).toEqual([]);
    pci.open();
    pollers.poll();
    expect(log).toEqual(['poll']);
    expect(pollers.wait()).toBeUndefined();
    pci.map(0, 0x2000, 0x1000);
    expect(pollers.wait()).toBeUndefined();
    pci.map(0, 0x1000, 0x1000);
    expect(pollers.wait()).toBeGreaterThan(0);
    pci.close();
    expect(pollers.wait()).toBeUndefined();
  });

  test('bus mastering gates DMA and messages', () => {
    const { pci, port } = makeFunction();
    const got: number[] = [];
    pci.interrupts.use('msix', { line: () => undefined, message: (vector) => got.push(vector) > 0 }, 8);
    expect(port.busMaster).toBe(false);
    pci.interrupts.message(3);
    pci.writeConfig(PCI_CONFIG.COMMAND, command(WIDE));
    expect(port.busMaster).toBe(true);
    pci.interrupts.message(3);
    expect(got).toEqual([3]);
  });

  test('the pin follows its level, is gated by INTx disable, and shows in the status register', () => {
    const { pci } = makeFunction();
    const levels: boolean[] = [];
    pci.interrupts.use('intx', { line: (asserted) => levels.push(asserted), message: () => true });
    pci.interrupts.line(true);
    pci.interrupts.line(true);
    pci.writeConfig(PCI_CONFIG.COMMAND, command(PCI_COMMAND.INTX_DISABLE));
    expect(pci.config.get16(PCI_CONFIG.STATUS) & PCI_STATUS.INTERRUPT).toBe(PCI_STATUS.INTERRUPT);
    pci.writeConfig(PCI_CONFIG.COMMAND, command(0));
    pci.interrupts.line(false);
    expect(levels).toEqual([true, false, true, false]);
    expect(pci.config.get16(PCI_CONFIG.STATUS) & PCI_STATUS.INTERRUPT).toBe(0);
  });

  test('an MSI message behind its mask bit is pending until the mask is taken away; few messages are shared', () => {
    const { pci } = makeFunction();
    const got: number[] = [];
    pci.writeConfig(PCI_CONFIG.COMMAND, command(WIDE));
    pci.interrupts.use('msi', { line: () => undefined, message: (vector) => got.push(vector) > 0 }, 2);
    const at = pci.config.find(CAPABILITY.MSI) ?? 0;
    expect(pci.config.get16(at + MSI.CONTROL) & 0x71).toBe(0x11);
    pci.writeConfig(at + MSI.MASK, new Uint8Array([2, 0, 0, 0]));
    pci.interrupts.message(0);
    pci.interrupts.message(3);
    expect(got).toEqual([0]);
    expect(pci.config.get32(at + MSI.PENDING)).toBe(2);
    pci.writeConfig(at + MSI.MASK, new Uint8Array([0, 0, 0, 0]));
    expect(got).toEqual([0, 1]);
    expect(pci.config.get32(at + MSI.PENDING)).toBe(0);
  });

  test('the enable bits of MSI-X follow the mode in use, and survive a reset', () => {
    const { pci, log } = makeFunction();
    const control = (pci.config.find(CAPABILITY.MSIX) ?? 0) + MSIX.CONTROL;
    pci.interrupts.use('msix', undefined, 8);
    expect(pci.config.get16(control)).toBe(MSIX.ENABLE | 7);
    pci.reset();
    expect(pci.config.get16(control)).toBe(MSIX.ENABLE | 7);
    pci.interrupts.use('none', undefined);
    expect(pci.config.get16(control)).toBe(7);
    expect(log).toEqual(['interrupts', 'reset', 'interrupts']);
  });

  test('the FLR bit of Device Control resets, and reads as zero (PCI Express Base Specification, 6.6.2)', () => {
    const { pci, log } = makeFunction();
    expect(pci.resetMethods).toEqual(['flr']);
    pci.writeConfig(PCI_CONFIG.COMMAND, command(WIDE));
    const control = (pci.config.find(CAPABILITY.EXPRESS) ?? 0) + EXPRESS.DEVICE_CONTROL;
    pci.writeConfig(control, new Uint8Array([0x10, 0x28 | 0x80]));
    expect(log).toEqual(['reset']);
    expect(pci.config.get16(control)).toBe(0x2810);
    expect(pci.config.get16(PCI_CONFIG.COMMAND)).toBe(0);
  });

  test('a conventional function is reset by the Advanced Features capability, others only with their bus', () => {
    const { pci, log } = makeFunction({ configSize: 256, capabilities: [advancedFeatures()] });
    expect(pci.resetMethods).toEqual(['af_flr']);
    pci.writeConfig((pci.config.find(CAPABILITY.AF) ?? 0) + 4, new Uint8Array([1]));
    expect(log).toEqual(['reset']);
    expect(makeFunction({ configSize: 256, capabilities: [] }).pci.resetMethods).toEqual([]);
  });
});
