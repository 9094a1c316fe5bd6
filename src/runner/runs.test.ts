import { existsSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { newRun, runs, runsDirectory, sweep } from './runs.js';

let base = '';
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'ioasid-runs-'));
});

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Where runs are with these variables of the environment. */
function directoryWith(variables: Record<string, string>): string {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  return runsDirectory();
}

test('a run that goes on is found and not swept, however its process id is called elsewhere', () => {
  const directory = newRun(base);
  sweep(base);
  expect(existsSync(directory)).toBe(true);
  expect(runs(base)).toEqual([expect.objectContaining({ pid: process.pid, directory })]);
});

test('what nobody holds is swept, and it is no run', () => {
  mkdirSync(join(base, '1-abcdef'));
  writeFileSync(join(base, '1-abcdef/control'), '');
  expect(runs(base)).toEqual([]);
  sweep(base);
  expect(readdirSync(base)).toEqual([]);
});

test('nothing is swept that a run did not make, and nothing through a link', () => {
  const foreign = mkdtempSync(join(tmpdir(), 'ioasid-foreign-'));
  writeFileSync(join(foreign, 'letter'), 'dear');
  mkdirSync(join(base, 'photos'));
  writeFileSync(join(base, '999999999'), '');
  symlinkSync(foreign, join(base, '1-abcdef'));
  sweep(base);
  expect(readdirSync(base).sort()).toEqual(['1-abcdef', '999999999', 'photos']);
  expect(readdirSync(foreign)).toEqual(['letter']);
});

test('a link in place of the runs directory is refused', () => {
  const foreign = mkdtempSync(join(tmpdir(), 'ioasid-foreign-'));
  mkdirSync(join(foreign, '1-abcdef'));
  symlinkSync(foreign, join(base, `ioasid-${process.getuid?.()}`));
  expect(() => directoryWith({ XDG_RUNTIME_DIR: '', TMPDIR: base })).toThrow('must belong to you alone');
  expect(readdirSync(foreign)).toEqual(['1-abcdef']);
});

test('XDG_RUNTIME_DIR that cannot be written to is not used; TMPDIR that is not there is told and not created', () => {
  const mine = directoryWith({ XDG_RUNTIME_DIR: '/proc', TMPDIR: base });
  expect(mine).toBe(join(base, `ioasid-${process.getuid?.()}`));
  expect(() => directoryWith({ XDG_RUNTIME_DIR: '', TMPDIR: `${base}/nope` })).toThrow('ENOENT');
  expect(existsSync(`${base}/nope`)).toBe(false);
});
