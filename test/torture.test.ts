/** Hostile clients on every virtual file; the long form is npm run torture. */
import { expect, test } from 'vitest';
import { MOST_MEMORY, nothing, torture } from './torture.js';

test('hostile clients that are killed at random leave nothing behind: no object, no descriptor, no complaint', () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const { memory, calls, ioctls, ...found } = torture({ seed, calls: 1000, clients: 16, kills: 8 });
  expect({ seed, ...found }).toEqual({ seed, ...nothing });
  expect(memory).toBeLessThan(MOST_MEMORY);
  expect(calls).toBeGreaterThan(10_000);
  expect(ioctls).toBeGreaterThan(3000);
});
