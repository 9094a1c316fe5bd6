/** An NVMe controller on a bench, with a driver for it. */
import { expect } from 'vitest';
import { type BlockStore, MemoryStore } from '../src/devices/block-store.js';
import { Nvme } from '../src/devices/nvme/nvme.js';
import { deviceBench } from './device-bench.js';
import { NvmeDriver } from './nvme-driver.js';

const MIB = 1 << 20;
const PLAIN = { pasidBits: 0, pageRequests: false, virtualFunctions: 0 };

/** @param stores a namespace each: the first one with blocks of 512 bytes, the others with 4096; @param pages of memory */
export function nvmeBench(stores: readonly BlockStore[] = [new MemoryStore(MIB), new MemoryStore(MIB)], pages = 512) {
  const bench = deviceBench(
    (slot) =>
      new Nvme(slot, {
        ...PLAIN,
        nvme: { serial: 'TEST', namespaces: stores.map((store, i) => ({ store, blockSize: i === 0 ? 512 : 4096 })) },
      }),
    pages,
  );
  return { ...bench, driver: new NvmeDriver(bench) };
}

/** Enabled, with I/O queue 1 of eight entries and its interrupt vector 1. */
export function readyNvme(pages?: number) {
  const made = nvmeBench(undefined, pages);
  made.driver.enable();
  expect(made.driver.createQueue(1, 8, 1)).toBe(0);
  return made;
}
