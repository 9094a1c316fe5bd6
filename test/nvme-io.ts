/** I/O on a bench: commands of the NVM command set, and data pointers of all kinds in memory. */
import { MemoryStore } from '../src/devices/block-store.js';
import { nvmeBench } from './nvme-bench.js';
import { DATA, type Submission } from './nvme-driver.js';

export const PAGE = 4096;
/** Bytes of each of the two disks. */
export const DISK: number = 1 << 20;
export const OPCODE = { FLUSH: 0, WRITE: 1, READ: 2, COMPARE: 5, WRITE_ZEROES: 8, DATASET: 9 } as const;
const SGL = 0x40;

/** Memory: rings below DATA, lists in 32 pages there, then data. */
export const LISTS = DATA;
export const BUFFERS: number = DATA + 32 * PAGE;

/** Two disks, and I/O queue 1. @param entries of the queue */
export function ioBench(entries = 8) {
  const flushes = { count: 0 };
  const stores = [new MemoryStore(DISK), new MemoryStore(DISK)].map((store) =>
    Object.assign(store, {
      flush: (done: () => void) => {
        flushes.count++;
        done();
      },
    }),
  );
  const bench = nvmeBench(stores);
  const { driver } = bench;
  driver.enable();
  driver.createQueue(1, entries);
  const io = (submission: Submission) => driver.run(1, { nsid: 1, ...submission });
  const quad = (offset: number, value: bigint) => driver.memory.setBigUint64(offset, value, true);
  /** An SGL descriptor in memory. */
  const descriptor = (offset: number, type: number, address: bigint, length: number) => {
    quad(offset, address);
    quad(offset + 8, BigInt(length) | (BigInt(type) << 60n));
  };
  /** The same as the two halves of a data pointer. */
  const sgl = (type: number, address: bigint, length: number) => ({
    ...{ flags: SGL, prp1: address, prp2: BigInt(length) | (BigInt(type) << 60n) },
  });
  return { ...bench, io, quad, descriptor, sgl, flushes, at: (offset: number) => driver.at(offset) };
}

/** Dwords 10 to 12 of a command on blocks. */
export const lba = (first: number, count: number, flags = 0): number[] => [first, 0, (count - 1) | flags];
