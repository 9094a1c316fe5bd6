/** `ioasid check`: the policies on as many CPUs as there are, the table, the stories. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { CHECKED_POLICIES, type CheckOptions, type Means, type PolicyCheck } from '../../check/check.js';
import { PROPERTIES } from '../../check/properties.js';
import { legend, neverPossible, remarks, stories, table } from '../../check/table.js';
import { isPolicyFile } from '../../runner/policy-file.js';
import { scenarioOf } from '../../scenario/emit.js';
import { TICK_MS } from '../../scenario/play.js';
import { type CheckCommand, meansOf, optionsOf } from './check-options.js';
import { type CheckMessage, type CheckRequest, policyToCheck } from './check-worker.js';

/** How often a check tells how far it is where no terminal shows it at once, milliseconds. */
const TELL_EVERY = 30_000;

/** Checks policies on several Workers. */
export function checkAll(
  policies: readonly string[],
  options: CheckOptions,
  { means, workers: most }: { readonly means: Means; readonly workers: number },
  progress: (text: string) => void,
): Promise<PolicyCheck[]> {
  const start = Date.now();
  const results = new Map<string, PolicyCheck>();
  // The largest worlds first, so that no Worker sits alone at the end.
  const order = ['sticky', 'timeout', 'one-time', 'linux', 'notifier'];
  const rank = (policy: string): number => (order.includes(policy) ? order.indexOf(policy) : order.length);
  const waiting = [...policies].sort((a, b) => rank(a) - rank(b));
  const states = new Map<string, number>();
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      for (const each of workers) void each.terminate();
      reject(error);
    };
    const workers: Worker[] = Array.from({ length: most }, () => {
      const worker = new Worker(new URL('./check-worker.js', import.meta.url));
      let policy = '';
      const next = (): void => {
        policy = waiting.shift() ?? '';
        const request: CheckRequest = { policy, options, means };
        if (policy) worker.postMessage(request);
        else void worker.terminate();
      };
      worker.on('error', fail);
      worker.on('message', (message: CheckMessage) => {
        if (message.kind === 'failed') return fail(new RangeError(message.message));
        if (message.kind === 'progress') {
          states.set(policy, message.states);
          const all = [...states.values()].reduce((a, b) => a + b, 0);
          const speed = (all / Math.max(Date.now() - start, 1)) * 1000;
          progress(`${results.size} of ${policies.length} policies, ${all} states, ${speed.toFixed(0)} states/s`);
          return;
        }
        states.set(policy, message.check.states);
        results.set(policy, message.check);
        if (results.size < policies.length) return next();
        for (const each of workers) void each.terminate();
        resolve(policies.flatMap((name) => results.get(name) ?? []));
      });
      next();
      return worker;
    });
  });
}

/** Writes each refutation as a scenario file. Returns how many. */
async function emit(
  directory: string,
  names: readonly string[],
  checks: readonly PolicyCheck[],
  options: CheckOptions,
): Promise<number> {
  mkdirSync(directory, { recursive: true });
  let count = 0;
  for (const [i, { refutations }] of checks.entries()) {
    const name = names[i] ?? '';
    const policy = await policyToCheck(name);
    const label = isPolicyFile(name) ? resolve(name) : name === 'timeout' ? `timeout:${TICK_MS}ms` : name;
    for (const refutation of refutations) {
      const property = PROPERTIES.find(({ id }) => id === refutation.property);
      if (!property) continue;
      const text = scenarioOf(policy, label, refutation, property, options);
      writeFileSync(join(directory, `${policy.name}-${property.id}.yaml`), text);
      count++;
    }
  }
  return count;
}

/** Returns the exit status: 0 if the check ran, whatever it found; 2 for wrong options. */
export async function check(command: CheckCommand): Promise<number> {
  const terminal = process.stderr.isTTY === true;
  let told = Date.now();
  const progress = (text: string): void => {
    if (terminal) process.stderr.write(`\r${text}\u001b[K`);
    else if (text && Date.now() - told >= TELL_EVERY) {
      told = Date.now();
      process.stderr.write(`${text}\n`);
    }
  };
  try {
    const options = optionsOf(command);
    const named = command.policy ?? (command.authority ? [] : CHECKED_POLICIES);
    const policies = [...named, ...(command.authority ?? [])];
    const unknown = named.find((policy) => !CHECKED_POLICIES.includes(policy));
    if (unknown) throw new RangeError(`no policy '${unknown}' to check; there are: ${CHECKED_POLICIES.join(', ')}`);
    const way = meansOf(command, policies.length);
    const checks = await checkAll(policies, options, way, progress);
    progress('');
    if (command.emitScenario) {
      const count = await emit(command.emitScenario, policies, checks, options);
      process.stderr.write(`${count} scenarios are in ${command.emitScenario}\n`);
    }
    const answer = command.json
      ? JSON.stringify(
          { options, ...way.means, properties: PROPERTIES.map(({ id, name }) => ({ id, name })), checks },
          null,
          2,
        )
      : [
          table(checks),
          legend(way.means.bitState !== undefined),
          ...checks.map(stories),
          checks.map(remarks).join('\n'),
          neverPossible(checks, command.verbose ?? false),
        ]
          .filter(Boolean)
          .join('\n\n');
    process.stdout.write(`${answer}\n`);
    return 0;
  } catch (error) {
    progress('');
    process.stderr.write(`ioasid: ${(error as Error).message}\n`);
    return 2;
  }
}
