/** Debian's DPDK drives the IOAT device, unmodified: its own test of DMA devices. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ioasid } from './run.js';

/** Without huge pages and files of its own. @param memory that it maps, MiB */
const dpdkTest = (memory: number): string =>
  `dpdk-test --no-huge -m ${memory} --no-telemetry --no-shconf --iova-mode=va -l 0 dmadev_autotest`;
const shell = (script: string) =>
  spawnSync('bash', ['-c', script], {
    encoding: 'utf8',
    timeout: 240_000,
    maxBuffer: 1 << 26,
    env: { ...process.env, IOASID: ioasid, HOME: mkdtempSync(join(tmpdir(), 'ioasid-dpdk-')) },
  });

const installed = shell('command -v dpdk-test').status === 0;
const isRoot = process.getuid?.() === 0;
/** What it says, without its counters, which go on in one line. */
const told = (output: string): string => output.replaceAll(/Ops submitted:[^\r\n]*\r?/g, '');

describe.skipIf(!installed)('DPDK (skipped without dpdk-test, of dpdk-dev)', { timeout: 300_000 }, () => {
  test.skipIf(!isRoot)('copies and fills on the IOAT device, as root, and the sanitizer finds nothing wrong', () => {
    const { status, stdout, stderr } = shell(`$IOASID exec --sanitize dma,coherency -- ${dpdkTest(128)}`);
    expect(told(stdout + stderr)).toMatch(/Test dmadev instance \d+ \[0000:05:00.0\]/);
    expect(told(stdout)).toMatch(/^Test OK$/m);
    expect(status).toBe(0);
  });

  const user = 'setpriv --reuid 65534 --regid 65534 --clear-groups env -u XDG_RUNTIME_DIR';

  test.skipIf(!isRoot)('does the same as an ordinary user, in memory that one may lock', () => {
    const { status, stdout, stderr } = shell(`ulimit -l 8192; ${user} HOME=/tmp $IOASID exec -- ${dpdkTest(7)}`);
    expect(told(stdout + stderr)).toMatch(/Test dmadev instance \d+ \[0000:05:00.0\]/);
    expect(told(stdout)).toMatch(/^Test OK$/m);
    expect(status).toBe(0);
  });

  test.skipIf(!isRoot)(
    'is refused the mapping by a lock limit that is too low, and the trace says how high it must be',
    () => {
      const traces = mkdtempSync(join(tmpdir(), 'ioasid-dpdk-'));
      chmodSync(traces, 0o777);
      const { stdout, stderr } = shell(
        `ulimit -l 8192; ${user} HOME=/tmp $IOASID exec --trace ${traces}/trace -- ${dpdkTest(128)}; grep ENOMEM ${traces}/trace`,
      );
      expect(told(stdout + stderr)).toContain('Cannot set up DMA remapping, error 12 (Cannot allocate memory)');
      expect(stdout).toContain('exceed RLIMIT_MEMLOCK of 8388608 bytes: raise it (ulimit -l 131072)');
    },
  );
});
