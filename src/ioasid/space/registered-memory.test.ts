import { describe, expect, test } from 'vitest';
import { refused } from '../../../test/refused.js';
import { Mm } from '../../memory/mm.js';
import { SimulatedMemory } from '../../memory/simulated-memory.js';
import { RegisteredMemory } from './registered-memory.js';

const PAGE = 4096n;

function setup(limit?: bigint) {
  const memory = new SimulatedMemory(limit);
  return { memory, mm: new Mm(memory), at: memory.mmap(8n * PAGE), registered: new RegisteredMemory() };
}

describe('registered memory (uapi-ioasid.md, 2.1)', () => {
  test('is charged once, and given back as it was named', () => {
    const { mm, at, registered } = setup();
    registered.register(mm, at, 3n * PAGE);
    expect([mm.lockedPages, registered.any]).toEqual([3, true]);
    expect(refused(() => registered.unregister(mm, at, 2n * PAGE))).toBe('ENOENT');
    registered.unregister(mm, at, 3n * PAGE);
    expect([mm.lockedPages, registered.any]).toEqual([0, false]);
  });

  test.each([
    ['within a page', 1n, PAGE, 'EINVAL'],
    ['of a part of a page', 0n, 100n, 'EINVAL'],
    ['of nothing', 0n, 0n, 'EINVAL'],
    ['beyond what is mapped', 0n, 9n * PAGE, 'EFAULT'],
  ] as const)('%s is refused, and nothing is charged: %s', (_, offset, size, code) => {
    const { mm, at, registered } = setup();
    expect([refused(() => registered.register(mm, at + offset, size)), mm.lockedPages]).toEqual([code, 0]);
  });

  test('that wraps is EOVERFLOW, over the limit ENOMEM', () => {
    const { mm, at, registered } = setup(2n * PAGE);
    expect(refused(() => registered.register(mm, (1n << 64n) - PAGE, 2n * PAGE))).toBe('EOVERFLOW');
    expect([refused(() => registered.register(mm, at, 3n * PAGE)), registered.any]).toEqual(['ENOMEM', false]);
  });

  test('does not overlap another of the same process: EEXIST; another process has its own', () => {
    const { mm, at, memory, registered } = setup();
    registered.register(mm, at, 2n * PAGE);
    expect(refused(() => registered.register(mm, at + PAGE, PAGE))).toBe('EEXIST');
    expect(refused(() => registered.register(mm, at + 2n * PAGE, PAGE))).toBe('ok');
    expect(refused(() => registered.register(new Mm(memory.fork()), at, PAGE))).toBe('ok');
  });

  test('in which something is mapped is EBUSY', () => {
    const { mm, at, registered } = setup();
    registered.register(mm, at, 2n * PAGE);
    const region = registered.find(mm, at + PAGE, PAGE);
    if (!region) throw new Error('not found');
    region.mappings++;
    expect([refused(() => registered.unregister(mm, at, 2n * PAGE)), mm.lockedPages]).toEqual(['EBUSY', 2]);
  });

  test('holds a range that lies in one registration, not in two neighbours', () => {
    const { mm, at, registered } = setup();
    registered.register(mm, at, PAGE);
    registered.register(mm, at + PAGE, PAGE);
    expect([registered.find(mm, at, PAGE) !== undefined, registered.find(mm, at, 2n * PAGE)]).toEqual([
      true,
      undefined,
    ]);
  });

  test('of a process that has ended binds nobody', () => {
    const { mm, at, registered } = setup();
    registered.register(mm, at, PAGE);
    mm.end();
    expect(registered.any).toBe(false);
  });

  test('is given back when the context closes', () => {
    const { mm, at, registered } = setup();
    registered.register(mm, at, 5n * PAGE);
    registered.clear();
    expect([mm.lockedPages, registered.any]).toEqual([0, false]);
  });
});
