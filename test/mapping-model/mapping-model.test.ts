/** Map, unmap, nesting, dirty tracking and accounting against a naive model, page by page and byte by byte. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seed } from '../random.js';
import { operations } from './commands.js';
import { Model } from './model.js';
import { World } from './world.js';

const OPERATIONS = 100_000;

test('short runs agree with the model; one that does not is told in its shortest form', { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(fc.commands([operations], { maxCommands: 100, size: 'max' }), (commands) => {
      fc.modelRun(() => ({ model: new Model(), real: new World() }), commands);
    }),
    { numRuns: 100, seed },
  );
});

test(`${OPERATIONS} operations in a row agree with the model (IOASID_SEED=${seed})`, { timeout: 120_000 }, () => {
  const [model, real] = [new Model(), new World()];
  for (const [i, operation] of fc.sample(operations, { numRuns: OPERATIONS, seed }).entries()) {
    try {
      operation.run(model, real);
    } catch (error) {
      expect.fail(`IOASID_SEED=${seed}, operation ${i}, ${operation}: ${(error as Error).message}`);
    }
  }
});
