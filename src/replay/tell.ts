/** Tells a person how a replay went. */
import { ERRNO, Errno, type ErrnoName } from '../abi/errno.js';
import type { CallRecord } from '../kernel/watchers.js';
import { formatCall } from '../trace/text.js';
import type { Difference, Outcome } from './replay.js';
import type { StepEvent } from './trace/format.js';

/** Differences that are told; of more only the number is. */
const MOST = 12;
/** Longest text of bytes, characters. */
const LONGEST = 96;

const cut = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);

/** Lines for a person. */
export function tellOutcome({ steps, calls, difference }: Outcome): string[] {
  if (!difference) return [`${calls} calls and ${steps - calls} other steps were replayed: every answer is the same`];
  const { step, line, event, unlike, unknown } = difference;
  const seconds = (event.time / 1000).toFixed(3);
  const more = unlike.length - MOST;
  return [
    `the first answer that differs is that of step ${step}, line ${line} of the trace, at ${seconds} s:`,
    `  ${what(event)}`,
    ...unlike
      .slice(0, MOST)
      .flatMap((each) => [
        `    ${each.what}`,
        `      recorded  ${cut(each.recorded ?? 'nothing')}`,
        `      now       ${cut(each.now ?? 'nothing')}`,
      ]),
    ...(more > 0 ? [`    and ${more} more`] : []),
    ...notKnown(unknown),
  ];
}

function notKnown(unknown: Difference['unknown']): string[] {
  if (unknown.length === 0) return [];
  return [
    '    the kernel asked for what the recorded run never looked at, and went on with a guess:',
    ...unknown.map((each) => `      ${each}`),
  ];
}

const SIDE: Readonly<Record<string, string>> = {
  released: 'a descriptor is closed',
  gone: 'a process ends, or executes another program',
  poll: 'devices look at their registers, and work',
  tick: 'time passes',
};

/** A step as people read it. */
function what(event: StepEvent): string {
  const { call, file, name, open } = event;
  if (event.raw !== undefined) return formatCall(recordOf(event));
  const told = SIDE[call] ?? call;
  const object = name ?? file ?? (open === undefined ? undefined : `open file ${open}`);
  return object === undefined ? told : `${told}: ${object}`;
}

function recordOf(event: StepEvent): CallRecord {
  const { pid = 0, tid = 0, call, fd, file, ioctl, request, args, out, result = 0, errno, reason = '' } = event;
  return {
    ...{ pid, tid, call, fd, file, name: ioctl, request, result },
    input: args && numbers(args),
    output: out && numbers(out),
    error: errno !== undefined && errno in ERRNO ? new Errno(errno as ErrnoName, reason) : undefined,
  };
}

function numbers(values: Readonly<Record<string, number | string>>): Record<string, number | bigint> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, typeof value === 'string' ? BigInt(value) : value]),
  );
}
