import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Errno } from '../../abi/errno.js';
import type { CallRecord } from '../../kernel/watchers.js';
import { callEvent, noteEvent } from '../../trace/json.js';
import { Clock } from './clock.js';
import { ROOM } from './field-ring.js';
import { Gate, Held } from './gate.js';
import { Recorder, RING, UNREAD } from './recorder.js';
import { Watch } from './watch.js';

const record = (result: number): CallRecord => ({
  pid: 1,
  tid: 1,
  call: 'ioctl',
  name: 'IOASID_ALLOC',
  file: '/dev/ioasid',
  result,
});

test('the clock stands still while a call is held, and goes on from there', async () => {
  const clock = new Clock();
  clock.hold(true);
  const then = clock.now();
  await sleep(20);
  expect(clock.now()).toBe(then);
  clock.hold(false);
  expect(clock.now() - then).toBeLessThan(15);
  await sleep(5);
  expect(clock.now()).toBeGreaterThan(then);
});

describe('the gate', () => {
  const map = { call: 'ioctl', name: 'IOASID_MAP_DMA', file: '/dev/ioasid' };
  const served = (gate: Gate, passes: boolean, ...entered: (typeof map)[]): string => {
    gate.begin(passes);
    try {
      for (const call of entered) gate.enter(call);
      return 'served';
    } catch (error) {
      return error instanceof Held ? 'held' : String((error as { code?: string }).code);
    }
  };

  test('holds each call while it is paused, and lets one through that was held', () => {
    const gate = new Gate(() => 0);
    expect(served(gate, false, map)).toBe('served');
    gate.paused = true;
    expect(served(gate, false, map)).toBe('held');
    expect(served(gate, true, map)).toBe('served');
    expect(served(gate, false, map)).toBe('held');
  });

  test('never holds a call that has done a part of its work: it would do it twice', () => {
    const gate = new Gate(() => 0);
    gate.stops = [{ call: 'IOASID_MAP_DMA' }];
    expect(served(gate, false, { ...map, name: 'IOASID_ALLOC' }, map)).toBe('served');
    expect(served(gate, false, map)).toBe('held');
  });

  test('fails the next call that matches, once', () => {
    const gate = new Gate(() => 0);
    gate.failing = { stop: { call: 'IOASID_MAP_DMA' }, errno: 'ENOMEM' };
    expect(served(gate, false, { ...map, name: 'IOASID_ALLOC' })).toBe('served');
    expect(served(gate, false, map)).toBe('ENOMEM');
    expect(served(gate, false, map)).toBe('served');
  });

  test('holds the answer of a refused call, not the call', () => {
    const gate = new Gate(() => 0);
    gate.stops = [{ errno: 'EINVAL' }];
    expect(served(gate, false, map)).toBe('served');
    gate.served({ time: 0, call: 'ioctl', ioctl: 'IOASID_MAP_DMA', errno: 'EINVAL' });
    expect(gate.end()).toMatchObject({ errno: 'EINVAL' });
    expect(gate.end()).toBeUndefined();
  });
});

test.each([
  ['somebody reads', true, RING],
  ['nobody reads', false, UNREAD],
])('while %s, the recorder keeps the newest of too many, in order, and says how many are lost', (_who, read, room) => {
  const recorder = new Recorder();
  recorder.read = read;
  for (let i = 0; i < room + 10; i++) recorder.call(i, record(i));
  const { events, lost } = recorder.take(3);
  expect({ lost, results: events.map(({ result }) => result) }).toEqual({ lost: 10, results: [10, 11, 12] });
  expect(recorder.take(RING + 1)).toMatchObject({ lost: 0 });
  expect(recorder.waiting).toBe(0);
});

test('an event that was remembered is told as one that was not, whatever it has', () => {
  const recorder = new Recorder();
  const records: CallRecord[] = [
    record(3),
    { pid: 1, tid: 2, call: 'openat', file: '/dev/kvm', result: -1, error: new Errno('ENOENT', 'no such file') },
    { ...record(0), fd: 5, request: 0x3bc6, input: { argsz: 40, iova: 2n ** 63n }, output: { argsz: 40, iova: 0n } },
    { ...record(0), input: { value: -5n } },
  ];
  for (const each of records) recorder.call(1.5, each);
  recorder.note(2, 'vfio0', 'was unplugged');
  const { events } = recorder.take(10);
  const wanted = [...records.map((each) => callEvent(1.5, each)), noteEvent(2, 'vfio0', 'was unplugged')];
  expect(JSON.stringify(events)).toBe(JSON.stringify(wanted));
});

test('events with many fields are lost before their fields are overwritten', () => {
  const recorder = new Recorder();
  recorder.read = true;
  const wide = (i: number) => Object.fromEntries(Array.from({ length: 64 }, (_, field) => [`field${field}`, i]));
  const count = ROOM / 64 + 10;
  for (let i = 0; i < count; i++) recorder.call(i, { ...record(i), input: wide(i) });
  const { events, lost } = recorder.take(count);
  expect(lost).toBe(10);
  expect(events).toHaveLength(count - 10);
  expect(events[0]?.args).toEqual(wide(10));
  expect(events.at(-1)?.args).toEqual(wide(count - 1));
});

describe('somebody who looks', () => {
  const pair = async (act: (watch: Watch, reader: Socket) => Promise<void>): Promise<void> => {
    const directory = mkdtempSync(join(tmpdir(), 'ioasid-watch-'));
    const server = createServer();
    server.listen(join(directory, 'socket'));
    await once(server, 'listening');
    const reader = connect(join(directory, 'socket'));
    const [socket] = (await once(server, 'connection')) as [Socket];
    socket.setEncoding('utf8');
    await act(
      new Watch(
        socket,
        (ask) => (ask.command === 'snapshot' ? { time: 1, facts: {}, objects: [] } : null),
        () => undefined,
      ),
      reader,
    );
    reader.destroy();
    socket.destroy();
    server.close();
    rmSync(directory, { recursive: true });
  };

  test('a reader that does not read makes nothing grow but the count of what it loses', () =>
    pair(async (watch, reader) => {
      // Who does not listen is told nothing: the latest events wait for him.
      watch.recorder.call(0, record(0));
      watch.idle();
      expect(watch.unsent).toBe(0);
      reader.write('{"id":1,"ask":{"command":"listen","on":true}}\n');
      while (!watch.tells) await sleep(1);
      reader.pause();
      for (let i = 1; i < 3 * RING; i++) {
        watch.recorder.call(i, record(i));
        if (i % 100 === 0) watch.idle();
      }
      for (let i = 0; i < 2000; i++) watch.idle();
      expect(watch.unsent).toBeLessThan(1 << 20);
      expect(watch.recorder.waiting).toBeLessThanOrEqual(RING);
      let text = '';
      reader.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      reader.resume();
      while (watch.recorder.waiting > 0) {
        await sleep(1);
        watch.idle();
      }
      while (!text.includes(`"result":${3 * RING - 1}`)) await sleep(1);
      const lines = text
        .trim()
        .split('\n')
        .filter((line) => !line.includes('"id":1'))
        .map((line) => JSON.parse(line) as { events: unknown[]; lost: number });
      const sum = lines.reduce((all, { events, lost }) => all + events.length + lost, 0);
      expect(sum).toBe(3 * RING);
      expect(lines.some(({ lost }) => lost > 0)).toBe(true);
    }));

  test('a question is answered by its number, and nonsense is refused', () =>
    pair(async (_watch, reader) => {
      let text = '';
      reader.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      reader.write('{"id":7,"ask":{"command":"snapshot"}}\nnonsense\n');
      while (text.split('\n').length < 3) await sleep(1);
      const [answer, refusal] = text.split('\n').map((line) => line && JSON.parse(line));
      expect(answer).toEqual({ id: 7, answer: { time: 1, facts: {}, objects: [] } });
      expect(refusal).toMatchObject({ error: expect.stringContaining('JSON') });
    }));
});
