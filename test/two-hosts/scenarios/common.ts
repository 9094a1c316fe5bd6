/** What the scenarios of two hosts share. */
import { Errno, type Process } from '../../../src/index.js';
import { user } from '../../simulated.js';
import type { Stage } from '../record.js';

/** Scenarios by what they are of. */
export type Scenarios = Readonly<Record<string, (stage: Stage) => void>>;

export const PAGE = 4096n;
export const IOVA = 0x10_0000n;

/** Every call is wanted, refused or not: the answers are what counts. */
export function attempt(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
  }
}

export function started(stage: Stage) {
  return user(stage.machine, stage.spawn());
}

/** The ioctl boundary: each ioctl of a file with a bad pointer, short, with unknown flags, and with reserved fields set. */
export function boundary(
  process: Process,
  fd: number,
  table: Readonly<Record<string, { request: number; argument: unknown }>>,
) {
  for (const { request, argument } of Object.values(table)) {
    for (const pointer of [0n, 0x1000n, 1n << 63n, (1n << 64n) - 1n])
      attempt(() => process.ioctl(fd, request, pointer));
    if (typeof argument !== 'object' || argument === null || !('size' in argument)) continue;
    const size = Number(argument.size);
    const page = process.memory.mmap(PAGE);
    for (const given of [0, 4, 8, size - 1, size, size + 1, 4096, 2 ** 32 - 1]) {
      for (const fill of [0, 1, 0xff]) {
        const bytes = new Uint8Array(size).fill(fill);
        new DataView(bytes.buffer).setUint32(0, given, true);
        // At the end of the page: what follows cannot be read.
        const at = page + PAGE - BigInt(size);
        process.memory.write(at, bytes);
        attempt(() => process.ioctl(fd, request, at));
        process.memory.read(at, bytes);
      }
    }
    process.memory.munmap(page, PAGE);
  }
  for (const request of [0x3b00, 0x3bff, 0xc0043b90, 0xae99]) attempt(() => process.ioctl(fd, request));
}
