/** The answers of a check as text: the table of policies and properties, and the story of each refuted cell. */
import type { PolicyCheck, Standing } from './check.js';
import { PROPERTIES } from './properties.js';
import { type Step, sentence } from './steps.js';
import type { Refutation } from './story.js';

const SIGNS: Readonly<Record<Standing, string>> = {
  proved: 'ok',
  'by construction': 'ok=',
  vacuous: 'ok~',
  refuted: '',
  'not refuted': '?',
  'not judged': '-',
};

/** One row a policy: how each property stands, or the number of steps of the shortest counterexample. */
export function table(checks: readonly PolicyCheck[]): string {
  const width = Math.max(10, ...checks.map(({ policy }) => policy.length + 1));
  const head = `${''.padEnd(width)}${PROPERTIES.map(({ id }) => id.padStart(5)).join('')}`;
  const rows = checks.map(({ policy, refutations, standing }) => {
    const cells = PROPERTIES.map(({ id }) => {
      const found = refutations.find((refutation) => refutation.property === id);
      return (found ? String(found.steps.length) : SIGNS[standing[id] ?? 'proved']).padStart(5);
    });
    return `${policy.padEnd(width)}${cells.join('')}`;
  });
  return [head, ...rows].join('\n');
}

/** What bit-state hashing cannot promise. */
const UNSURE = `?: not refuted by the states that were seen, which is no proof: with bit-state hashing some states are taken for known, and
what only they lead to is missed; -: not judged, because it needs every state. What is refuted is refuted.
`;

/** What the signs and the columns are. @param unsure the states were gone through by bit-state hashing */
export function legend(unsure: boolean): string {
  const names = PROPERTIES.map(({ id, name }) => `${id} ${name}`).join(', ');
  return `ok: proved within the bounds; ok=: by construction, whatever the policy does; ok~: vacuous, what it speaks of never
happens; a number: refuted, by a story of so many steps
${unsure ? UNSURE : ''}${names}`;
}

/** The stories of a policy's refuted properties. */
export function stories({ policy, refutations }: PolicyCheck): string {
  const order = (id: string): number => Number(id.slice(1));
  const lines = (steps: readonly Step[]): string => steps.map((step, i) => `  ${i + 1}. ${sentence(step)}`).join('\n');
  return [...refutations]
    .sort((a, b) => order(a.property) - order(b.property))
    .map(({ property, steps, other, wrong }: Refutation) => {
      const name = PROPERTIES.find(({ id }) => id === property)?.name ?? '';
      const second = other ? `\n  and the other way to the same objects and attachments:\n${lines(other)}` : '';
      return `${policy}, ${property} (${name}) is refuted:\n${lines(steps)}${second}\n     => ${wrong}`;
    })
    .join('\n\n');
}

/** What the exploration was: a short line. */
export function remarks({
  policy,
  states,
  covered,
  transitions,
  seconds,
  bytesPerState,
  deadlocks,
  omission,
}: PolicyCheck): string {
  const speed = Math.round(states / Math.max(seconds, 0.001));
  const stuck = deadlocks > 0 ? `, ${deadlocks} deadlocks` : '';
  const least = omission === undefined ? '' : 'at least ';
  const missed =
    omission === undefined ? '' : `, at the end 1 new state of ${(1 / omission).toPrecision(2)} was taken for known`;
  return `${policy}: ${least}${states} states (${covered} with renamings), ${transitions} steps, ${speed} states/s, ${bytesPerState.toFixed(0)} bytes/state${stuck}${missed}`;
}

/**
 * Actions that never could happen, folded: under every policy at once, or what they are under some.
 * @param verbose false: only those that no policy made possible, which is a defect of the bounds
 */
export function neverPossible(checks: readonly PolicyCheck[], verbose: boolean): string {
  const under = new Map<string, string[]>();
  for (const { policy, never } of checks)
    for (const what of new Set(never.map((step) => step.do))) under.set(what, [...(under.get(what) ?? []), policy]);
  return [...under]
    .filter(([, policies]) => verbose || (policies.length === checks.length && checks.length > 1))
    .map(([what, policies]) => {
      const who = policies.length === checks.length ? 'any policy' : policies.join(', ');
      const count = checks.flatMap(({ never }) => never.filter((step) => step.do === what)).length;
      return `never possible under ${who}: ${what} (${count} ${count === 1 ? 'action' : 'actions'})`;
    })
    .join('\n');
}
