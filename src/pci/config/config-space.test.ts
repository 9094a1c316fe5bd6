import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigSpace, PCI_CONFIG } from './config-space.js';
import {
  accessControl,
  addressTranslation,
  advancedErrors,
  alternativeRouting,
  EXTENDED,
  latencyTolerance,
  pageRequests,
  processAddressSpaces,
  serialNumber,
  singleRootVirtualization,
} from './extended-capabilities.js';
import type { BarLayout, FunctionLayout } from './layout.js';
import {
  advancedFeatures,
  CAPABILITY,
  EXPRESS_TYPE,
  express,
  messageSignalledInterrupts,
  msix,
  powerManagement,
} from './standard-capabilities.js';

const bar = (index: number, kind: BarLayout['kind'], size: number): BarLayout => ({
  ...{ index, kind, size, prefetchable: false, windows: [] },
});

const CONVENTIONAL: FunctionLayout = {
  identity: {
    ...{ vendor: 0x1234, device: 0x11e8, subsystemVendor: 0x1af4, subsystem: 0x1100 },
    ...{ classCode: 0x00ff00, revision: 0x10 },
  },
  ...{ configSize: 256, interruptPin: 1 },
  capabilities: [messageSignalledInterrupts(1), advancedFeatures()],
  bars: [bar(0, 'memory32', 1 << 20), bar(1, 'io', 32), bar(2, 'memory64', 1 << 14)],
};

const EXPRESS: FunctionLayout = {
  ...CONVENTIONAL,
  configSize: 4096,
  capabilities: [
    powerManagement(),
    messageSignalledInterrupts(4),
    express(EXPRESS_TYPE.ENDPOINT, true),
    msix({ vectors: 17, bar: 2, table: 0x2000, pending: 0x3000 }),
    advancedErrors(),
    serialNumber(0x0123_4567_89ab_cdefn),
    accessControl(),
    alternativeRouting(1),
    addressTranslation(),
    pageRequests(32),
    processAddressSpaces(20),
    latencyTolerance(),
    singleRootVirtualization({
      ...{ totalVfs: 4, firstVfOffset: 1, vfStride: 1, vfDevice: 0x2022 },
      vfBars: [{ index: 0, size: 1 << 14, wide: true }],
    }),
  ],
};

function write(space: ConfigSpace, offset: number, ...bytes: number[]): void {
  space.write(offset, new Uint8Array(bytes));
}

describe('configuration space (PCI Local Bus Specification 3.0, 6.1)', () => {
  test('the header has the identity, the class above the revision, and the pin', () => {
    const space = new ConfigSpace(CONVENTIONAL);
    expect(space.get32(PCI_CONFIG.VENDOR)).toBe(0x11e8_1234);
    expect(space.get32(PCI_CONFIG.REVISION)).toBe(0x00ff_0010);
    expect(space.get32(PCI_CONFIG.SUBSYSTEM_VENDOR)).toBe(0x1100_1af4);
    expect(space.get8(PCI_CONFIG.INTERRUPT_PIN)).toBe(1);
  });

  test('a BAR takes only the bits above its size, and says its type in the lowest ones (6.2.5.1)', () => {
    const space = new ConfigSpace(CONVENTIONAL);
    write(space, PCI_CONFIG.BAR0, ...new Array(24).fill(0xff));
    expect([0, 1, 2, 3, 4].map((i) => space.get32(PCI_CONFIG.BAR0 + 4 * i))).toEqual([
      0xfff0_0000, 0xffff_ffe1, 0xffff_c004, 0xffff_ffff, 0,
    ]);
  });

  test('every capability is reached by the chain, in the order of the layout, and without an end beyond 0xff', () => {
    const space = new ConfigSpace(EXPRESS);
    const chain: number[] = [];
    for (let at = space.get8(PCI_CONFIG.CAPABILITY_POINTER); at !== 0; at = space.get8(at + 1))
      chain.push(space.get8(at));
    expect(chain).toEqual([CAPABILITY.PM, CAPABILITY.MSI, CAPABILITY.EXPRESS, CAPABILITY.MSIX]);
    const extended: number[] = [];
    for (let at: number = PCI_CONFIG.EXTENDED; at !== 0; at = space.get32(at) >>> 20) {
      expect(at % 4).toBe(0);
      extended.push(space.get32(at) & 0xffff);
    }
    expect(extended).toEqual([
      ...[EXTENDED.AER, EXTENDED.DSN, EXTENDED.ACS, EXTENDED.ARI, EXTENDED.ATS, EXTENDED.PRI],
      ...[EXTENDED.PASID, EXTENDED.LTR, EXTENDED.SRIOV],
    ]);
    expect(space.find(CAPABILITY.AF)).toBeUndefined();
  });

  test('without capabilities of the first 256 bytes the status bit and the pointer are 0', () => {
    const space = new ConfigSpace({ ...CONVENTIONAL, capabilities: [] });
    expect(space.get16(PCI_CONFIG.STATUS)).toBe(0);
    expect(space.get8(PCI_CONFIG.CAPABILITY_POINTER)).toBe(0);
  });

  test('an extended capability has no place in 256 bytes', () => {
    expect(() => new ConfigSpace({ ...CONVENTIONAL, capabilities: [advancedErrors()] })).toThrow(RangeError);
  });

  test('error bits are cleared by writing ones, and never set', () => {
    const space = new ConfigSpace(EXPRESS);
    const status = (space.findExtended(EXTENDED.AER) ?? 0) + 4;
    space.set32(status, 0x0010_4000);
    write(space, status, 0xff, 0x40, 0, 0);
    expect(space.get32(status)).toBe(0x0010_0000);
    write(space, status, 0xff, 0xff, 0xff, 0xff);
    expect(space.get32(status)).toBe(0);
  });

  test('no write changes a read-only bit, and a reset gives back the first state', () => {
    for (const layout of [CONVENTIONAL, EXPRESS]) {
      const fresh = new Uint8Array(layout.configSize);
      new ConfigSpace(layout).read(0, fresh);
      fc.assert(
        fc.property(
          fc.array(fc.tuple(fc.nat(layout.configSize - 8), fc.uint8Array({ minLength: 1, maxLength: 8 })), {
            maxLength: 30,
          }),
          (writes) => {
            const space = new ConfigSpace(layout);
            for (const [offset, bytes] of writes) space.write(offset, bytes);
            const now = new Uint8Array(layout.configSize);
            space.read(0, now);
            const kept = (bytes: Uint8Array) => bytes.map((byte, at) => byte & ~space.writableBits(at));
            expect(kept(now)).toEqual(kept(fresh));
            space.reset();
            space.read(0, now);
            expect(now).toEqual(fresh);
          },
        ),
        { numRuns: 50 },
      );
    }
  });

  test('addresses that firmware assigned keep the bits that say what a BAR is, and come back after a reset', () => {
    const space = new ConfigSpace(CONVENTIONAL);
    space.assign(0, 0xe010_0000n);
    space.assign(1, 0x3020n);
    space.assign(2, 0x20_0000_4000n);
    const registers = (): number[] => [0, 1, 2, 3, 4].map((index) => space.get32(PCI_CONFIG.BAR0 + 4 * index));
    const assigned = [0xe010_0000, 0x3021, 0x4004, 0x20, 0];
    expect(registers()).toEqual(assigned);
    space.write(PCI_CONFIG.BAR0, new Uint8Array(16).fill(0xff));
    space.reset();
    expect(registers()).toEqual(assigned);
  });
});
