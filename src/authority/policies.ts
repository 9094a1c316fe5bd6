/** The policies by name, as `--authority` takes them. */
import { exclusive } from './policies/exclusive.js';
import { linux } from './policies/linux.js';
import { mediated } from './policies/mediated.js';
import { notifier } from './policies/notifier.js';
import { oneTime } from './policies/one-time.js';
import { reference } from './policies/reference.js';
import { sticky } from './policies/sticky.js';
import { timeout } from './policies/timeout.js';
import { xen } from './policies/xen.js';
import type { Policy } from './policy.js';

const FIXED: readonly Policy[] = [mediated, oneTime, reference, notifier, linux, xen, sticky, exclusive];

/** What may be given as the name of a policy. */
export const POLICY_NAMES: readonly string[] = [...FIXED.map((policy) => policy.name), 'timeout:DURATION'].sort();

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * A duration in words: `250ms`, `30s`, `5m`, `1h`.
 * @returns milliseconds, > 0; undefined if it is no such duration
 */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+)(ms|s|m|h)$/.exec(text);
  const duration = Number(match?.[1]) * (UNIT_MS[match?.[2] ?? ''] ?? Number.NaN);
  return duration > 0 && duration <= Number.MAX_SAFE_INTEGER / 2 ? duration : undefined;
}

/**
 * The policy of a name.
 * @throws RangeError that says what may be given
 */
export function policyByName(name: string): Policy {
  const fixed = FIXED.find((policy) => policy.name === name);
  if (fixed) return fixed;
  if (name.startsWith('timeout:')) {
    const duration = parseDuration(name.slice('timeout:'.length));
    if (duration !== undefined) return timeout(duration, name);
    throw new RangeError(`'${name}': a duration is a number and ms, s, m or h, as in timeout:30s`);
  }
  throw new RangeError(`no authority policy '${name}'; there are: ${POLICY_NAMES.join(', ')}`);
}
