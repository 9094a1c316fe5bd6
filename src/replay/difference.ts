/** Compares what a step answered with what it answered when it was recorded. */
import { errnoName } from '../abi/errno.js';
import type { StepEvent, Wrote } from './trace/format.js';

/** What a program gets of a step. */
export interface Answer {
  readonly result?: number | undefined;
  readonly errno?: string | undefined;
  readonly reason?: string | undefined;
  /** The struct as it was written back. */
  readonly out?: Readonly<Record<string, number | string>> | undefined;
  readonly wrote?: readonly Wrote[] | undefined;
  readonly signals?: readonly (readonly [eventfd: string, times: number])[] | undefined;
}

/** One thing that is different, in words. Undefined: it was not there. */
export interface Unlike {
  readonly what: string;
  readonly recorded?: string | undefined;
  readonly now?: string | undefined;
}

/** The result of a call, or what is wrong and why. */
export function outcome({ result, errno, reason }: Answer): string {
  return errno === undefined ? `${result ?? 0}` : `-1 ${errno} (${reason ?? errnoName(0)})`;
}

/** Everything that is different; nothing: a program cannot tell them apart. */
export function differences(recorded: Answer, now: Answer): Unlike[] {
  const unlike: Unlike[] = [];
  if (recorded.errno !== now.errno || (recorded.result ?? 0) !== (now.result ?? 0))
    unlike.push({ what: 'result', recorded: outcome(recorded), now: outcome(now) });
  const fields = unlikeFields(recorded.out ?? {}, now.out ?? {});
  const bytes = unlikeBytes(recorded.wrote ?? [], now.wrote ?? []);
  // The fields of a struct say it better than its bytes.
  if (bytes.length > 0) unlike.push(...fields);
  if (fields.length === 0 || bytes.length > 1) unlike.push(...bytes);
  unlike.push(...unlikeSignals(recorded.signals ?? [], now.signals ?? []));
  return unlike;
}

/** The answer that a line of a trace has. */
export function answerOf(event: StepEvent): Answer {
  const { call, result, errno, reason, out, wrote, signals } = event;
  // What a look at registers found is no answer: only what came of it is.
  return { result: call === 'poll' ? undefined : result, errno, reason, out, wrote, signals };
}

type Fields = Readonly<Record<string, number | string>>;

function unlikeFields(recorded: Fields, now: Fields): Unlike[] {
  const names = new Set([...Object.keys(recorded), ...Object.keys(now)]);
  return [...names]
    .filter((name) => recorded[name] !== now[name])
    .map((name) => ({ what: name, recorded: textOf(recorded[name]), now: textOf(now[name]) }));
}

const textOf = (value: number | string | undefined): string | undefined =>
  value === undefined ? undefined : String(value);

function unlikeBytes(recorded: readonly Wrote[], now: readonly Wrote[]): Unlike[] {
  const [before, after] = [byPlace(recorded), byPlace(now)];
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((place) => before.get(place) !== after.get(place))
    .map((place) => ({ what: `bytes at ${place}`, recorded: before.get(place), now: after.get(place) }));
}

function byPlace(wrote: readonly Wrote[]): Map<string, string> {
  return new Map(wrote.map(([target, address, size, bytes]) => [`${address} of ${target}`, `${size} bytes ${bytes}`]));
}

function unlikeSignals(recorded: NonNullable<Answer['signals']>, now: NonNullable<Answer['signals']>): Unlike[] {
  const [before, after] = [new Map(recorded), new Map(now)];
  const times = (count: number | undefined): string => (count === undefined ? 'not signalled' : `signalled ${count}×`);
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((name) => before.get(name) !== after.get(name))
    .map((name) => ({ what: `eventfd ${name}`, recorded: times(before.get(name)), now: times(after.get(name)) }));
}
