/** Debian's own storage tools drive the virtual NVMe controller over VFIO, unmodified. Skipped where they are not installed. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { exec } from './run.js';

const installed = (program: string): boolean => spawnSync(program, ['--version']).status === 0;
const DISK = 'nvme://0000:07:00.0/1';

describe.skipIf(!installed('qemu-io'))('qemu-utils (skipped without qemu-io)', { timeout: 240_000 }, () => {
  test('qemu-io writes, reads back and verifies', () => {
    const io = ['qemu-io', '-f', 'raw', '-c', 'write -P 7 0 64k', '-c', 'read -P 7 0 64k', DISK];
    const { status, stdout, stderr } = exec(io);
    expect(stderr).toBe('');
    expect(stdout).toContain('read 65536/65536 bytes at offset 0');
    expect(stdout).not.toContain('failed');
    expect(status).toBe(0);
  });

  test('qemu-io finds a wrong pattern: the check is one', () => {
    const { stdout } = exec(['qemu-io', '-f', 'raw', '-c', 'write -P 7 0 64k', '-c', 'read -P 8 0 64k', DISK]);
    expect(stdout).toContain('Pattern verification failed');
  });

  test('qemu-img says how large the disk is, and keeps 32 commands on their way', () => {
    expect(exec(['qemu-img', 'info', DISK]).stdout).toContain('virtual size: 64 MiB (67108864 bytes)');
    const { status, stdout } = exec(['qemu-img', 'bench', '-c', '2000', '-d', '32', '-s', '4096', '-f', 'raw', DISK]);
    expect(stdout).toContain('Run completed');
    expect(status).toBe(0);
  });
});
