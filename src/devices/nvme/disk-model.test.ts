import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Submission } from '../../../test/nvme-driver.js';
import { BUFFERS, DISK, ioBench, LISTS, lba, OPCODE, PAGE } from '../../../test/nvme-io.js';
import { STATUS } from './status.js';

const { WRITE, READ, WRITE_ZEROES } = OPCODE;

test('any program of I/O, through any depth, data pointers of any shape and resets, is as on a model of a disk', () => {
  const BLOCKS = 2048;
  const operation = fc.record({
    kind: fc.constantFrom('write', 'write', 'write', 'read', 'read', 'read', 'zero', 'reset', 'format'),
    first: fc.nat(BLOCKS - 1),
    count: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 20, max: 300 })),
    offset: fc.nat(1023).map((n) => n * 4),
    shape: fc.constantFrom('prp', 'sgl', 'segments'),
    wait: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(operation, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 2, max: 40 }),
      (operations, entries) => {
        const { driver, memory, at, quad, descriptor, sgl, settle } = ioBench(entries);
        const disk = new Uint8Array(DISK);
        const waiting: { id: number; check: () => void }[] = [];
        let seed = 1;
        let slot = 0;
        const finish = () => {
          driver.ring(1);
          settle();
          for (const { id, status } of driver.reap(1)) {
            const next = waiting.shift();
            expect([id, status]).toEqual([next?.id, STATUS.SUCCESS]);
            next?.check();
          }
          expect(waiting).toEqual([]);
        };
        for (const { kind, first, count: wanted, offset, shape, wait } of operations) {
          if (kind === 'reset') {
            finish();
            driver.configure(0x460000);
            driver.enable();
            driver.createQueue(1, entries);
            continue;
          }
          if (kind === 'format') {
            finish();
            driver.admin({ opcode: 0x80, nsid: 1, dwords: [0] });
            disk.fill(0);
            continue;
          }
          const count = Math.min(wanted, BLOCKS - first);
          const size = count * 512;
          // Four buffers in turn: no two commands that are on their way share one.
          if (waiting.length === Math.min(4, entries - 1)) finish();
          slot = (slot + 1) % 4;
          const buffer = BUFFERS + slot * 64 * PAGE;
          const lists = LISTS + slot * 8 * PAGE;
          const start = shape === 'prp' ? buffer + offset : buffer + offset + 1;
          let pointer: Partial<Submission> = {};
          if (shape === 'sgl') pointer = sgl(0, at(start), size);
          else if (shape === 'segments') {
            const half = Math.floor(size / 2) + 1;
            descriptor(lists, 0, at(start), half);
            descriptor(lists + 16, 3, at(lists + PAGE), 16);
            descriptor(lists + PAGE, 0, at(start + half), size - half);
            pointer = sgl(2, at(lists), 32);
          } else {
            const pages: bigint[] = [];
            for (let page = Math.floor(start / PAGE) + 1; page * PAGE < start + size; page++)
              pages.push(at(page * PAGE));
            // The list begins near the end of a page, so that it chains.
            const list = lists + PAGE - 8 * ((offset % 5) + 2);
            const room = (lists + PAGE - list) / 8;
            pages.forEach((page, i) => {
              const chained = pages.length > room && i >= room - 1;
              quad(chained ? lists + 2 * PAGE + (i - room + 1) * 8 : list + i * 8, page);
            });
            if (pages.length > room) quad(lists + PAGE - 8, at(lists + 2 * PAGE));
            pointer = { prp1: at(start), prp2: pages.length === 1 ? (pages[0] ?? 0n) : at(list) };
          }
          const blocks = disk.subarray(first * 512, first * 512 + size);
          if (kind === 'write') {
            for (let i = 0; i < size; i++) {
              seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
              memory[start + i] = seed >>> 16;
            }
            blocks.set(memory.subarray(start, start + size));
          } else if (kind === 'zero') blocks.fill(0);
          else memory.fill(0xee, start, start + size);
          const expected = blocks.slice();
          const opcode = kind === 'write' ? WRITE : kind === 'zero' ? WRITE_ZEROES : READ;
          const id = driver.put(1, { opcode, nsid: 1, ...pointer, dwords: lba(first, count) });
          waiting.push({
            id,
            check: () => {
              if (kind === 'read') expect(Buffer.compare(memory.subarray(start, start + size), expected)).toBe(0);
            },
          });
          if (wait) finish();
        }
        finish();
      },
    ),
    { numRuns: 60 },
  );
});
