import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { procField, procText } from './proc-text.js';

test('a file is read as a whole, also where it is longer than one piece', () => {
  expect(procText('/proc/version')).toBe(readFileSync('/proc/version', 'latin1'));
  const modules = procText('/proc/kallsyms');
  expect(modules.length).toBeGreaterThan(100_000);
  expect(modules.endsWith('\n')).toBe(true);
});

test('a process that is gone is an error with its number', () => {
  expect(() => procText('/proc/999999999/status')).toThrow(/No such file/);
});

test.each([
  ['Name', 'a'],
  ['Uid', '1\t2\t3\t4'],
  ['Last', 'x'],
  ['Groups', ''],
  ['id', undefined],
  ['Nothing', undefined],
])('field %s', (field, value) => {
  expect(procField('Name:\ta\nUid:\t1\t2\t3\t4\nGroups:\t \nLast:\tx', field)).toBe(value);
});
