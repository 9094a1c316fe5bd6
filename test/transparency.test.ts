/** Ordinary programs see nothing of the runner: the same output and the same status with it and without it. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { ioasid } from './run.js';

/** Runs a script whose `$RUN` stands before the program: empty, or `ioasid exec --`. */
function script(text: string, run: string): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync('bash', ['-c', text], {
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 1 << 26,
    env: { ...process.env, RUN: run },
  });
  return { status, stdout, stderr };
}

const SCRIPTS = {
  'a slow reader of a pipe gets every byte': 'set -o pipefail; $RUN seq 400000 | (sleep 1; tail -1)',
  'stderr is a pipe with a slow reader': '$RUN sh -c "seq 200000 >&2" 2>&1 >/dev/null | (sleep 0.5; tail -1)',
  'one write of two megabytes is whole':
    '$RUN python3 -c "import sys; sys.stdout.write(\'x\' * 2000000)" | (sleep 0.5; wc -c)',
};

describe('with and without ioasid exec', () => {
  test.each(Object.entries(SCRIPTS))('%s', (_name, text) => {
    const plain = script(text, '');
    expect(script(text, `${ioasid} exec --`)).toEqual(plain);
    expect(plain.stdout).not.toBe('');
  });
});
