import { expect, test } from 'vitest';
import type { Fact, ObjectView } from '../../../src/inspect/source.js';
import { History } from './history.js';

const object = (id: string, facts: Record<string, Fact>, to: string[] = []): ObjectView => ({
  kind: 'file',
  id,
  name: id,
  facts,
  links: to.map((each) => ({ to: each, as: 'holds' })),
});

test('a history tells facts and links that changed, and marks the objects', () => {
  const history = new History();
  const at = (time: number, ...objects: ObjectView[]) => history.add({ time, facts: {}, objects });
  at(0, object('a', { need: false }));
  expect(history.recent.size).toBe(0);
  at(1, object('a', { need: true }, ['b']), object('b', {}));
  expect([...history.recent]).toEqual(['a', 'b']);
  at(2, object('a', { need: true }, ['b']), object('b', {}));
  expect([...history.recent]).toEqual(['a', 'b']);
  at(3, object('a', { need: true }));
  expect(history.of('a')).toEqual([
    { time: 1, what: 'need: false → true' },
    { time: 1, what: 'now holds b' },
    { time: 3, what: 'no longer holds b' },
  ]);
  expect(history.of('b').at(-1)).toEqual({ time: 3, what: 'went away' });
});
