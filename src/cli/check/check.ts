/** `ioasid check`: the policies on as many CPUs as there are, the table, the stories. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import {
  CHECKED_POLICIES,
  type CheckOptions,
  DEFAULT_OPTIONS,
  MAX_DEVICES,
  type PolicyCheck,
} from '../../check/check.js';
import { PROPERTIES } from '../../check/properties.js';
import { legend, neverPossible, remarks, stories, table } from '../../check/table.js';
import { isPolicyFile } from '../../runner/policy-file.js';
import { scenarioOf } from '../../scenario/emit.js';
import { TICK_MS } from '../../scenario/play.js';
import { type CheckMessage, type CheckRequest, policyToCheck } from './check-worker.js';

export interface CheckCommand {
  readonly policy?: readonly string[];
  /** Files of policies. */
  readonly authority?: readonly string[];
  readonly processes?: string;
  readonly files?: string;
  readonly descriptors?: string;
  readonly devices?: string;
  readonly vms?: string;
  readonly ticks?: string;
  readonly flushOneCpu?: boolean;
  readonly noFlushOnMap?: boolean;
  readonly json?: boolean;
  readonly emitScenario?: string;
  readonly verbose?: boolean;
}

const LIMITS = { processes: 3, files: 3, descriptors: 3, devices: MAX_DEVICES, vms: 3, ticks: 5 } as const;

/** @throws RangeError an option is no number, or out of range */
export function optionsOf(command: CheckCommand): CheckOptions {
  const number = (name: keyof typeof LIMITS): number => {
    const text = command[name];
    if (text === undefined) return DEFAULT_OPTIONS[name];
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1 || value > LIMITS[name]) {
      throw new RangeError(`--${name} ${text}: a number from 1 to ${LIMITS[name]}`);
    }
    return value;
  };
  return {
    processes: number('processes'),
    files: number('files'),
    descriptors: number('descriptors'),
    devices: number('devices'),
    vms: number('vms'),
    ticks: number('ticks'),
    flushAllCpus: !command.flushOneCpu,
    flushOnMap: !command.noFlushOnMap,
  };
}

/** Checks policies on several Workers. */
export function checkAll(
  policies: readonly string[],
  options: CheckOptions,
  progress: (text: string) => void,
): Promise<PolicyCheck[]> {
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
    const workers: Worker[] = Array.from({ length: Math.min(availableParallelism(), waiting.length) }, () => {
      const worker = new Worker(new URL('./check-worker.js', import.meta.url));
      let policy = '';
      const next = (): void => {
        policy = waiting.shift() ?? '';
        const request: CheckRequest = { policy, options };
        if (policy) worker.postMessage(request);
        else void worker.terminate();
      };
      worker.on('error', fail);
      worker.on('message', (message: CheckMessage) => {
        if (message.kind === 'failed') return fail(new RangeError(message.message));
        if (message.kind === 'progress') {
          states.set(policy, message.states);
          progress(
            `${results.size} of ${policies.length} policies, ${[...states.values()].reduce((a, b) => a + b, 0)} states`,
          );
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
  const progress = (text: string): void => {
    if (terminal) process.stderr.write(`\r${text}\u001b[K`);
  };
  try {
    const options = optionsOf(command);
    const named = command.policy ?? (command.authority ? [] : CHECKED_POLICIES);
    const policies = [...named, ...(command.authority ?? [])];
    const unknown = named.find((policy) => !CHECKED_POLICIES.includes(policy));
    if (unknown) throw new RangeError(`no policy '${unknown}' to check; there are: ${CHECKED_POLICIES.join(', ')}`);
    const checks = await checkAll(policies, options, progress);
    progress('');
    if (command.emitScenario) {
      const count = await emit(command.emitScenario, policies, checks, options);
      process.stderr.write(`${count} scenarios are in ${command.emitScenario}\n`);
    }
    const answer = command.json
      ? JSON.stringify({ options, properties: PROPERTIES.map(({ id, name }) => ({ id, name })), checks }, null, 2)
      : [
          table(checks),
          legend(),
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
