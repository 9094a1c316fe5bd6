/** Hostile clients on every virtual file; the long form is npm run torture. */
import { expect, test } from 'vitest';
import { torture } from './torture.js';

test('hostile clients that are killed at random leave nothing behind: no object, no descriptor, no complaint', () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  expect({ seed, ...torture({ seed, calls: 1000, clients: 16, kills: 8 }) }).toEqual({
    seed,
    status: 0,
    complaints: '',
    state: { contexts: [], vms: [] },
    descriptors: 0,
  });
});
