import { expect, test } from 'vitest';
import { addressOf } from '../host/libc.js';
import { PathText } from './text.js';

const tops = ['dev', 'sys', 'proc'];
function reaches(path: string): boolean {
  const bytes = new Uint8Array(new ArrayBuffer(path.length + 1));
  bytes.set(Buffer.from(path, 'latin1'));
  const text = new PathText(tops);
  expect(text.read(process.pid, addressOf(bytes))).toBe(true);
  expect(text.toString()).toBe(path);
  return text.reaches;
}

test.each(['/dev', '/dev/ioasid', '//dev/x', '/./sys/x', '/', '/.', '/..', '//', '/usr/../dev/x', '../../dev/x', '..'])(
  '%s may lead into the tree or above it',
  (path) => {
    expect(reaches(path)).toBe(true);
  },
);

test.each([
  '/usr/lib',
  '/devices/x',
  '/usr/dev/x',
  'dev/x',
  '/usr/lib/../include/x',
  './x',
  'a/..b/c',
  '/home/sys',
  '.',
])('%s is the host’s', (path) => {
  expect(reaches(path)).toBe(false);
});

test('names that are no UTF-8 keep their bytes', () => {
  expect(reaches('/dev/\xff\xfe')).toBe(true);
});

test('a path that ends at an address which is not mapped cannot be read', () => {
  expect(new PathText(tops).read(process.pid, 8)).toBe(false);
});
