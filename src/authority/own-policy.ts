/**
 * A policy of a user's own (`--authority FILE`): is it one, does it answer what it is asked, and is it a function of
 * what it is given? A policy that fails gives no right and refuses nothing, and whoever runs it is told.
 */
import type { FileFacts, Policy, Proof } from './policy.js';

const FUNCTIONS = [
  'fileChanged',
  'fileRight',
  'vmShown',
  'vmListed',
  'proofShown',
  'proofChanged',
  'vmRight',
  'mayShow',
  'mayEndNeed',
  'vmDeadline',
] as const;
type Asked = (typeof FUNCTIONS)[number];

/** Answers that are remembered, to compare with later ones. */
const MOST_SEEN = 1 << 16;

/**
 * The policy that a module exports as `policy`.
 * @param exports the module's exports
 * @param file its name, for messages
 * @throws RangeError that says what is missing
 */
export function policyOfModule(exports: unknown, file: string): Policy {
  const { policy } = exports as { policy?: Partial<Record<string, unknown>> };
  if (typeof policy !== 'object' || policy === null) throw new RangeError(`${file}: exports no object named 'policy'`);
  for (const text of ['name', 'summary'])
    if (typeof policy[text] !== 'string') throw new RangeError(`${file}: policy.${text} is no string`);
  for (const name of FUNCTIONS)
    if (typeof policy[name] !== 'function') throw new RangeError(`${file}: policy.${name} is no function`);
  return policy as unknown as Policy;
}

const factsKey = ({ need, bound, unenforced }: FileFacts): number =>
  (need ? 1 : 0) + (bound ? 2 : 0) + (unenforced ? 4 : 0);
const proofsKey = (proofs: readonly Proof[]): string =>
  proofs.map(({ memory, file, facts }) => `${memory}.${file}.${factsKey(facts)}`).join();

/**
 * A policy that is watched.
 * @param told what is wrong, in words; each thing once. It may throw, to end what is going on
 */
export function watched(policy: Policy, told: (text: string) => void): Policy {
  const seen = new Map<string, unknown>();
  const said = new Set<string>();
  const complain = (text: string): void => {
    if (said.has(text)) return;
    said.add(text);
    told(`authority policy '${policy.name}' ${text}`);
  };
  const ask = <T>(name: Asked, key: string, answer: () => T, fits: (answer: T) => boolean, instead: T): T => {
    const question = `${name}(${key})`;
    let now: T;
    let before: unknown;
    try {
      now = answer();
      // Asked twice where nothing is remembered, so that what counts its calls is seen at once.
      before = seen.has(question) ? seen.get(question) : answer();
    } catch (error) {
      complain(`throws in ${question}: ${(error as Error).message}`);
      return instead;
    }
    if (!fits(now)) {
      complain(`answers ${String(now)} to ${question}`);
      return instead;
    }
    if (before !== now) complain(`is not pure: it answers ${String(before)} to ${question}, and then ${String(now)}`);
    if (seen.size >= MOST_SEEN) seen.clear();
    seen.set(question, now);
    return now;
  };
  const memory = (answer: number): boolean => Number.isInteger(answer) && answer >= 0;
  const yesNo = (answer: boolean): boolean => typeof answer === 'boolean';
  return {
    ...policy,
    fileChanged: (m, facts) =>
      ask('fileChanged', `${m}, ${factsKey(facts)}`, () => policy.fileChanged(m, facts), memory, m),
    fileRight: (m, facts) =>
      ask('fileRight', `${m}, ${factsKey(facts)}`, () => policy.fileRight(m, facts), yesNo, false),
    vmShown: (m, file, facts, now) =>
      ask('vmShown', `${m}, ${file}, ${factsKey(facts)}, ${now}`, () => policy.vmShown(m, file, facts, now), memory, m),
    vmListed: (m, proofs) =>
      ask('vmListed', `${m}, [${proofsKey(proofs)}]`, () => policy.vmListed(m, proofs), memory, m),
    proofShown: (file, facts) =>
      ask('proofShown', `${file}, ${factsKey(facts)}`, () => policy.proofShown(file, facts), memory, 0),
    proofChanged: (m, facts) =>
      ask('proofChanged', `${m}, ${factsKey(facts)}`, () => policy.proofChanged(m, facts), memory, m),
    vmRight: (m, proofs, now) =>
      ask('vmRight', `${m}, [${proofsKey(proofs)}], ${now}`, () => policy.vmRight(m, proofs, now), yesNo, false),
    mayShow: (others, facts) =>
      ask('mayShow', `${others}, ${factsKey(facts)}`, () => policy.mayShow(others, facts), yesNo, true),
    mayEndNeed: (vms) => ask('mayEndNeed', `${vms}`, () => policy.mayEndNeed(vms), yesNo, true),
    vmDeadline: (m) => {
      const time = (answer: number | undefined): boolean => answer === undefined || Number.isFinite(answer);
      return ask('vmDeadline', `${m}`, () => policy.vmDeadline(m), time, undefined);
    },
  };
}
