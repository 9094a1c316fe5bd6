import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Errno } from '../abi/errno.js';
import { DMAE } from '../abi/ioasid/constants.js';
import { IOASID_IOCTLS, VFIO_IOASID_IOCTLS } from '../abi/ioasid/ioctls.js';
import { bootMachine, repeatable } from '../boot.js';
import type { Process } from '../kernel/process.js';
import { Recording } from './record/recording.js';
import { type PlayedMachine, replay } from './replay.js';
import { tellOutcome } from './tell.js';
import type { StepEvent, TraceHeader } from './trace/format.js';
import { parseHeader, parseSteps, TraceError } from './trace/parse.js';

const HEADER: TraceHeader = {
  ...{ trace: 2, version: '0', machine: { name: 'default', text: '', set: [] } },
  ...{ seed: 7, cpus: 1, uid: 0, gid: 0 },
};

/** Records what a process does on the default machine. Returns the lines. */
function record(act: (process: Process, machine: ReturnType<typeof bootMachine>) => void): string[] {
  const lines: string[] = [];
  let now = 0;
  const recording = new Recording(
    () => (now += 0.25),
    (line) => lines.push(line),
  );
  const machine = bootMachine({ now: recording.now, random: repeatable(HEADER.seed) });
  recording.start(machine.kernel, HEADER);
  act(machine.spawn(), machine);
  return lines;
}

const play = (lines: readonly string[], options: PlayedMachine = {}) =>
  replay(parseHeader(lines[0] ?? ''), parseSteps(lines.slice(1)), options);

/** Carries on after a refusal, as a program does. */
function attempt(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
  }
}

const { ALLOC, GET_INFO, MAP_DMA, UNMAP_DMA, FREE } = IOASID_IOCTLS;
const { BIND_IOASID_FD, ATTACH_IOASID, DETACH_IOASID } = VFIO_IOASID_IOCTLS;
const PAGE = 4096n;

/** A driver of the DMA engine, with the calls that it can make, in any order. */
function driver(process: Process) {
  const [context, device] = [process.open('/dev/ioasid'), process.open('/dev/vfio/devices/vfio2')];
  const [memory, word] = [process.memory.mmap(4n * PAGE), process.memory.mmap(PAGE)];
  const set = (register: number, value: bigint, size = 8): void => {
    process.memory.write(word, new Uint8Array(new BigUint64Array([value]).buffer));
    process.pwrite(device, word, size, BigInt(register));
  };
  return {
    bind: () => process.call(device, BIND_IOASID_FD, { ioasid_fd: context, cookie: 1n }),
    alloc: () => process.call(context, ALLOC),
    attach: (ioasid: number) => process.call(device, ATTACH_IOASID, { ioasid }),
    info: (ioasid: number) => process.call(context, GET_INFO, { ioasid }),
    detach: (ioasid: number) => process.call(device, DETACH_IOASID, { ioasid }),
    map: (ioasid: number, page: number) =>
      process.call(context, MAP_DMA, {
        ioasid,
        flags: 3,
        vaddr: memory + BigInt(Math.floor(page)) * PAGE,
        iova: BigInt(page * 4096),
        size: PAGE,
      }),
    unmap: (ioasid: number, page: number) =>
      process.call(context, UNMAP_DMA, { ioasid, iova: BigInt(page) * PAGE, size: PAGE }),
    free: (ioasid: number) => process.ioctl(context, FREE.request, ioasid),
    fill: (page: number) => {
      set(DMAE.IOASID_DMAE_REG_COMMAND, 1n, 4);
      set(DMAE.IOASID_DMAE_REG_PATTERN, 0x55aan);
      set(DMAE.IOASID_DMAE_REG_DST, BigInt(page) * PAGE);
      set(DMAE.IOASID_DMAE_REG_LENGTH, 256n, 4);
      set(DMAE.IOASID_DMAE_REG_DOORBELL, 1n, 4);
      process.pread(device, word, 4, BigInt(DMAE.IOASID_DMAE_REG_STATUS));
    },
    store: (page: number) => void process.memory.write(memory + BigInt(page) * PAGE, new Uint8Array([page, 1])),
    close: () => process.close(device),
  } as const;
}

const ACTIONS = ['bind', 'alloc', 'attach', 'detach', 'map', 'unmap', 'free', 'fill', 'store', 'close'] as const;
const action = fc.record({
  name: fc.constantFrom(...ACTIONS),
  ioasid: fc.integer({ min: 1, max: 2 }),
  page: fc.nat({ max: 3 }),
});

function carryOut(
  process: Process,
  actions: readonly { name: (typeof ACTIONS)[number]; ioasid: number; page: number }[],
): void {
  const calls = driver(process);
  for (const { name, ioasid, page } of actions)
    attempt(() => {
      if (name === 'fill' || name === 'store') calls[name](page);
      else if (name === 'map' || name === 'unmap') calls[name](ioasid, page);
      else calls[name](ioasid);
    });
}

const USUAL = [
  ...(['bind', 'alloc', 'attach', 'map', 'fill', 'unmap', 'fill'] as const).map((name) => ({
    name,
    ioasid: 1,
    page: 0,
  })),
];

describe('a recorded run', () => {
  test('is replayed with the same answers, whatever was done', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 25 }), (actions) => {
        const lines = record((process) => carryOut(process, [...USUAL.slice(0, 3), ...actions]));
        expect(play(lines).difference).toBeUndefined();
      }),
      { numRuns: 25 },
    );
  });

  test('is replayed in full: an answer that is changed in the trace is found, at its line', () => {
    const lines = record((process) => carryOut(process, USUAL));
    let changed = 0;
    for (const [i, line] of lines.entries()) {
      const event = JSON.parse(line) as StepEvent;
      if (event.raw === undefined) continue;
      const others: StepEvent[] = [{ ...event, result: (event.result ?? 0) + 1 }];
      if (event.wrote) others.push({ ...event, wrote: event.wrote.map(([a, b, c]) => [a, b, c, '#0']) });
      for (const other of others) {
        changed++;
        const { difference } = play(lines.with(i, JSON.stringify(other)));
        expect(difference?.line).toBe(i + 1);
      }
    }
    expect(changed).toBeGreaterThan(20);
  });

  test('has processes that fork, hand descriptors over, execute programs and end', () => {
    const lines = record((process, machine) => {
      const { bind, alloc, attach, map, fill } = driver(process);
      bind();
      alloc();
      attach(1);
      map(1, 1);
      const child = process.fork();
      const other = machine.spawn();
      process.send(process.open('/dev/ioasid'), other);
      child.exec();
      fill(1);
      process.exit();
      child.exit();
      other.exit();
    });
    expect(lines.filter((line) => line.includes('"gone"'))).toHaveLength(4);
    expect(play(lines).difference).toBeUndefined();
  });

  test('has what somebody at the machine did', () => {
    const lines = record((process, machine) => {
      const { bind, alloc, map, attach } = driver(process);
      bind();
      alloc();
      attach(1);
      machine.unplug('vfio2');
      attempt(() => map(1, 0));
      attempt(() => attach(1));
      machine.setAuthority('sticky');
      machine.tick();
    });
    expect(play(lines).difference).toBeUndefined();
  });
});

describe('a replay', () => {
  test('on another machine shows the first answer that differs, field by field, with both sentences', () => {
    const lines = record((process) => {
      const { bind, alloc, attach, info, map } = driver(process);
      bind();
      attach(alloc().result);
      info(1);
      attempt(() => map(1, 0.5));
    });
    const told = (event: Partial<StepEvent>, find: string): string =>
      tellOutcome(
        play(lines.map((line) => (line.includes(find) ? JSON.stringify({ ...JSON.parse(line), ...event }) : line))),
      ).join('\n');
    expect(tellOutcome(play(lines))[0]).toMatch(/every answer is the same$/);
    const text = told({ errno: 'EPERM', reason: 'because' }, 'IOASID_MAP_DMA');
    expect(text).toContain('recorded  -1 EPERM (because)');
    expect(text).toMatch(/now {7}-1 EINVAL \(.*0x800.*\)/);
    const other = play(
      lines.map((line) => {
        const event = JSON.parse(line) as StepEvent;
        if (event.ioctl !== 'IOASID_GET_INFO') return line;
        return JSON.stringify({ ...event, out: { ...event.out, addr_width: 39 }, wrote: [['mm1', '0x0', 1, 'AA==']] });
      }),
    );
    expect(other.difference?.unlike[0]).toEqual({ what: 'addr_width', recorded: '39', now: '48' });
  });

  test('says what it asked for and the recorded run never looked at', () => {
    const lines = record((process) => carryOut(process, USUAL));
    const blind = lines.map((line) => {
      const event = JSON.parse(line) as StepEvent;
      return event.ioctl === 'VFIO_BIND_IOASID_FD' ? JSON.stringify({ ...event, in: [] }) : line;
    });
    const { difference } = play(blind);
    expect(difference?.event.ioctl).toBe('VFIO_BIND_IOASID_FD');
    expect(difference?.unknown.join()).toMatch(/\d+ bytes at 0x[0-9a-f]+ of mm1/);
  });
});

describe('a trace that cannot be replayed is told from one that differs', () => {
  const lines = record((process) => carryOut(process, USUAL.slice(0, 2)));

  test.each([
    ['{"time":1,"call":"open"}', /version 1.*--record/],
    ['{"trace":9}', /version 9/],
    ['{"trace":2}', /line 1: version: /],
    ['{"trace":2,"version":"1","machine":{"name":"x","text":"","set":{}}}', /line 1: machine.set: /],
    ['[]', /not that of a trace/],
    ['nonsense', /line 1 is no JSON/],
  ])('%s', (first, sentence) => expect(() => parseHeader(first)).toThrow(sentence));

  test.each([
    ['{"time":1', /line 2 is no JSON/],
    ['{"call":"poll"}', /line 2: time: /],
    ['{"time":1,"call":"poll","in":[["bar","vfio2 BAR0",4,"?"]]}', /line 2: in.0: \(bar\) 2: is no base64/],
    ['{"time":1,"call":"poll","in":[["read","mm1","0x0",1,"AAAA"]]}', /line 2: in.0: \(read\) has more bytes/],
    ['{"time":1,"call":"poll","in":[["heard",1]]}', /line 2: in.0: \(heard\) is of no kind/],
    ['{"time":1,"call":"poll","in":[["bar","vfio2 BAR2",99999999,"AAAA"]]}', /line 2 cannot be replayed/],
    ['{"time":1,"call":"splice","raw":[]}', /does not replay splice/],
    ['{"time":1,"call":"ioctl","raw":["1","2"],"open":1,"mm":"mm1"}', /line 2: raw.0: is no 64-bit number/],
    ['{"time":1,"call":"ioctl","raw":["0x1","0x2"]}', /names no open file/],
    [
      '{"time":1,"call":"ioctl","raw":["0x1","0x2"],"open":1,"mm":"mm1","file":"/proc/self/fail-nth"}',
      /fail-nth, which was not opened/,
    ],
    ['{"time":1,"call":"authority","name":"mine"}', /another policy/],
  ])('%s', (second, sentence) => {
    const damaged = [lines[0] ?? '', second];
    expect(() => play(damaged)).toThrow(TraceError);
    expect(() => play(damaged)).toThrow(sentence);
  });
});
