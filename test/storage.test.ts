/** Debian's own storage tools drive the virtual NVMe controller over VFIO, unmodified. Skipped where they are not installed. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { ioasid, type Outcome, root } from './run.js';

const DISK = 'nvme://0000:07:00.0/1';

function call(command: readonly string[]): Outcome {
  const [program = '', ...args] = command;
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', cwd: root, timeout: 240_000 });
  return { status, stdout, stderr };
}
const installed = (program: string): boolean => call([program, '--version']).status === 0;

const NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
const users = [
  { user: 'as whoever runs the tests', as: [], possible: true },
  {
    user: 'as an ordinary user (skipped if setpriv(1) may not change to one who may read this checkout)',
    as: NOBODY,
    possible: call([...NOBODY, 'test', '-x', ioasid]).status === 0,
  },
];
const tools = installed('qemu-io') && installed('qemu-img');

describe.each(users)('$user', { timeout: 240_000 }, ({ as, possible }) => {
  const exec = (program: readonly string[], flags: readonly string[] = []) =>
    call([...as, ioasid, 'exec', ...flags, '--', ...program]);

  describe.skipIf(!tools || !possible)('qemu-utils (skipped without qemu-io and qemu-img)', () => {
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

    test('qemu-img says how large the disk is', () => {
      const { status, stdout, stderr } = exec(['qemu-img', 'info', DISK]);
      expect(stderr).toBe('');
      expect(stdout).toContain('virtual size: 64 MiB (67108864 bytes)');
      expect(status).toBe(0);
    });

    test('qemu-img keeps 32 commands on their way, and the sanitizer finds nothing wrong', () => {
      const bench = ['qemu-img', 'bench', '-c', '2000', '-d', '32', '-s', '4096', '-f', 'raw', DISK];
      const { status, stdout, stderr } = exec(bench, ['--sanitize', 'dma,coherency']);
      expect(stderr).toBe('');
      expect(stdout).toContain('Run completed');
      expect(status).toBe(0);
    });
  });
});
