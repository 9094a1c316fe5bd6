import { expect, test } from 'vitest';
import type { ObjectView } from '../../../src/inspect/source.js';
import { columnsOf, FOLD, layoutOf, searched } from './layout.js';

const object = (kind: string, number: number, ...to: string[]): ObjectView => ({
  kind,
  id: `${kind}:${number}`,
  name: `${kind} ${number}`,
  facts: { number },
  links: to.map((each) => ({ to: each, as: 'holds' })),
});

const machine = [
  object('iommu', 1),
  object('device', 1, 'iommu:1'),
  object('ioasid', 1, 'device:1'),
  object('ioasid', 2, 'ioasid:1'),
  object('file', 1, 'ioasid:1', 'ioasid:2'),
  object('vm', 1, 'file:1'),
  object('process', 1, 'file:1', 'vm:1'),
];

test('columns go from holders to what they hold, for any kinds', () => {
  expect(columnsOf(machine)).toEqual(['process', 'vm', 'file', 'ioasid', 'device', 'iommu']);
});

test('kinds that hold each other still get a column each', () => {
  expect(columnsOf([object('a', 1, 'b:1'), object('b', 1, 'a:1')]).sort()).toEqual(['a', 'b']);
});

test('no two objects stand in the same place, and every link between shown objects is a wire', () => {
  const { placed, wires } = layoutOf(machine, new Set(), '');
  expect(new Set([...placed.values()].map(({ x, y }) => `${x} ${y}`)).size).toBe(machine.length);
  expect(wires).toHaveLength(machine.reduce((sum, { links }) => sum + links.length, 0));
});

test('many objects of a kind are folded, those without links first; the chosen one stays', () => {
  const many = [...Array(60).keys()].map((i) => object('device', i, ...(i > 55 ? ['iommu:1'] : [])));
  const all = [...many, object('iommu', 1)];
  const { columns, placed } = layoutOf(all, new Set(), 'device:7');
  expect(columns.find(({ kind }) => kind === 'device')).toMatchObject({ count: 60, folded: 60 - FOLD });
  for (const id of ['device:56', 'device:59', 'device:7']) expect(placed.has(id)).toBe(true);
  expect(layoutOf(all, new Set(['device']), '').placed.size).toBe(61);
});

test('a search shows what it names and its neighbours', () => {
  expect(searched(machine, 'VM').map(({ id }) => id)).toEqual(['file:1', 'vm:1', 'process:1']);
});
