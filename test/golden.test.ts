/** Golden traces: recorded runs of the examples (`npm run golden`), replayed on the machine as it is now. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseMachine } from '../src/machine/file/parse.js';
import { replay } from '../src/replay/replay.js';
import { tellOutcome } from '../src/replay/tell.js';
import { parseHeader, parseSteps } from '../src/replay/trace/parse.js';
import { root } from './run.js';

const golden = join(root, 'test/golden');
const traces = readdirSync(golden);

test('there is one of each corrected driver, of all three kinds', () => {
  for (const kind of ['ioasid', 'iommufd', 'container'])
    expect(traces.filter((name) => name.endsWith(`.${kind}.trace`)).length).toBeGreaterThan(10);
});

test.each(traces)('%s: every answer is the same', (name) => {
  const [first = '', ...lines] = readFileSync(join(golden, name), 'utf8').split('\n');
  const header = parseHeader(first);
  const machine = parseMachine(header.machine.text, name);
  const outcome = replay(header, parseSteps(lines), { machine });
  expect(outcome.difference, tellOutcome(outcome).join('\n')).toBeUndefined();
  expect(outcome.calls).toBeGreaterThan(2);
});
