import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compile, exec, workDirectory } from './run.js';

const sh = (script: string) => exec(['sh', '-c', script]);

describe('paths of the virtual kernel’s files', () => {
  test('by every way, and with the errors of path_resolution(7)', () => {
    const work = mkdtempSync(join(workDirectory, 'paths-'));
    const { status, stderr } = exec([compile('test/programs/paths.c'), work]);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  test('ls and find show directories and devices as they are', () => {
    const { status, stdout, stderr } = sh('ls -la /dev/vfio && find /dev/vfio/devices -type c | sort | head -3');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^drwxr-xr-x .* devices$/m);
    expect(stdout).toContain('\n/dev/vfio/devices/vfio0\n/dev/vfio/devices/vfio1\n');
  });

  test('a shell goes into a virtual directory, and its children are there', () => {
    const { status, stdout } = sh(
      'cd /dev/vfio/devices && /bin/pwd && ls vfio0 && cd .. && (cd devices; pwd) && cat ../null && cd ../.. && pwd',
    );
    expect(stdout).toBe('/dev/vfio/devices\nvfio0\n/dev/vfio/devices\n/\n');
    expect(status).toBe(0);
  });

  test('ls /dev has what the host has, and what the virtual kernel has', () => {
    const names = sh('ls /dev').stdout.split('\n');
    expect(names).toEqual(expect.arrayContaining(['null', 'zero', 'ioasid', 'vfio']));
    expect(new Set(names).size).toBe(names.length);
  });
});
