import { expect, test } from 'vitest';
import { PasidPool } from './pasid-table.js';

test('a pool hands out numbers from the top, never 0, each once, and again when they are free', () => {
  const pool = new PasidPool(2);
  expect([pool.allocate(), pool.allocate(), pool.allocate(), pool.allocate()]).toEqual([3, 2, 1, undefined]);
  pool.free(2);
  expect([pool.allocate(), pool.allocate()]).toEqual([2, undefined]);
});
