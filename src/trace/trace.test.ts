import { describe, expect, test } from 'vitest';
import { Errno } from '../abi/errno.js';
import { callEvent, noteEvent } from './json.js';
import { COLORS, formatCall, formatNote } from './text.js';

const MAP = {
  ...{ pid: 7, tid: 8, call: 'ioctl', fd: 5, file: '/dev/ioasid', name: 'IOASID_MAP_DMA', request: 0x3bc6 },
  input: { argsz: 40, flags: 3, ioasid: 1, resv: 0, iova: 0x1000n, size: 0x2000n },
  result: 0,
};

describe('a trace for people', () => {
  test('has the thread, the file, the name, the fields that are not zero, and the result', () => {
    expect(formatCall(MAP)).toBe(
      '[8] ioctl(5</dev/ioasid>, IOASID_MAP_DMA, {flags=0x3, ioasid=1, iova=0x1000, size=0x2000}) = 0',
    );
  });

  test('tells what came back where it is another than what went in', () => {
    const output = { ...MAP.input, size: 0x1000n };
    expect(formatCall({ ...MAP, output })).toContain(' => {size=0x1000})');
    expect(formatCall({ ...MAP, output: MAP.input })).not.toContain('=>');
  });

  test('tells the error and its reason', () => {
    const error = new Errno('EINVAL', 'iova 0x1 is not a multiple of 4096');
    expect(formatCall({ ...MAP, result: -1, error })).toMatch(/= -1 EINVAL \(iova 0x1 is not a multiple of 4096\)$/);
    expect(formatCall({ ...MAP, result: -1, error }, COLORS)).toContain('\u001b[31m-1 EINVAL\u001b[0m');
  });

  test('has a value as it is, an unknown ioctl by its number, a path in quotes', () => {
    expect(formatCall({ ...MAP, input: { value: 3n } })).toContain('IOASID_MAP_DMA, 3) = 0');
    const { name: _, input: __, ...unknown } = MAP;
    expect(formatCall(unknown)).toBe('[8] ioctl(5</dev/ioasid>, 0x3bc6) = 0');
    expect(formatCall({ pid: 1, tid: 1, call: 'openat', file: '/dev/kvm', result: 3 })).toBe(
      '[1] openat("/dev/kvm") = 3',
    );
  });

  test('has notes between dashes', () => {
    expect(formatNote('vfio0', 'was unplugged')).toBe('--- vfio0: was unplugged ---');
  });
});

describe('a trace for programs', () => {
  test('is JSON: 64-bit values are hexadecimal strings, and what is not known is not there', () => {
    const event = callEvent(1.5, MAP);
    expect(JSON.parse(JSON.stringify(event))).toEqual({
      ...{ time: 1.5, pid: 7, tid: 8, call: 'ioctl', fd: 5, file: '/dev/ioasid', ioctl: 'IOASID_MAP_DMA' },
      ...{ request: 0x3bc6, result: 0 },
      args: { argsz: 40, flags: 3, ioasid: 1, resv: 0, iova: '0x1000', size: '0x2000' },
    });
  });

  test('has the name of an error and its reason', () => {
    const event = callEvent(0, {
      pid: 1,
      tid: 1,
      call: 'open',
      result: -1,
      error: new Errno('ENOENT', 'no such file'),
    });
    expect([event.errno, event.reason, 'fd' in event]).toEqual(['ENOENT', 'no such file', false]);
  });

  test('tells notes as such', () => {
    expect(noteEvent(2, 'VM 1', 'its right ended')).toEqual({
      ...{ time: 2, call: 'note', subject: 'VM 1', text: 'its right ended' },
    });
  });
});
