import { describe, expect, test } from 'vitest';
import { compile, exec } from './run.js';

describe('--coherency=strict', () => {
  const program = () => compile('examples/forgotten-flush.c');
  const strict = ['--coherency=strict'];

  test('a program that forgets its flush reads a wrong byte every time, and the report says where', () => {
    for (let i = 0; i < 3; i++) {
      const { status, stdout, stderr } = exec([program()], strict);
      expect(status).toBe(1);
      expect(stdout).toBe('the device copied: ""\n');
      expect(stderr).toContain('stale data was met 2 times');
      expect(stderr).toMatch(/0000:01:00.0 read old data at address 0x[0-9a-f]+ \(iova 0x10000\): no flush between/);
      expect(stderr).toMatch(/what 0000:01:00.0 wrote at address 0x[0-9a-f]+ was never seen: no flush after the DMA/);
    }
  });

  test.each(['flush', 'enforce'])('with %s the same program is clean', (how) => {
    expect(exec([program(), how], strict)).toEqual({
      status: 0,
      stdout: 'the device copied: "new bytes"\n',
      stderr: '',
    });
  });

  test('evictions are random, and the same with the same seed', () => {
    const outcomes = Array.from({ length: 12 }, (_, seed) => {
      const [first, second] = [0, 1].map(() => exec([program()], [...strict, '--eviction', `seeded:${seed}`]).stdout);
      expect(second).toBe(first);
      return first;
    });
    // Some day an eviction hides the forgotten flush of the store, most days it does not.
    expect(outcomes).toContain('the device copied: ""\n');
    expect(exec([program()], [...strict, '--eviction', 'sometimes'])).toMatchObject({
      status: 125,
      stdout: '',
      stderr: expect.stringContaining('seeded:NUMBER'),
    });
  });

  test('without it the program is right by luck, as on most machines', () => {
    expect(exec([program()])).toEqual({ status: 0, stdout: 'the device copied: "new bytes"\n', stderr: '' });
  });
});
