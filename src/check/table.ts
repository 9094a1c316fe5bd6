/** The answers of a check as text: the table of policies and properties, and the story of each refuted cell. */
import type { PolicyCheck } from './check.js';
import { PROPERTIES } from './properties.js';
import { sentence } from './steps.js';

/** One row a policy: `proved`, or the number of steps of the shortest counterexample. */
export function table(checks: readonly PolicyCheck[]): string {
  const width = 10;
  const head = `${''.padEnd(width)}${PROPERTIES.map(({ id }) => id.padStart(5)).join('')}`;
  const rows = checks.map(({ policy, refutations }) => {
    const cells = PROPERTIES.map(({ id }) => {
      const found = refutations.find((refutation) => refutation.property === id);
      return (found ? String(found.steps.length) : 'ok').padStart(5);
    });
    return `${policy.padEnd(width)}${cells.join('')}`;
  });
  return [head, ...rows].join('\n');
}

/** What the columns are. */
export function legend(): string {
  const names = PROPERTIES.map(({ id, name }) => `${id} ${name}`).join(', ');
  return `ok: proved within the bounds; a number: refuted, by a story of so many steps\n${names}`;
}

/** The stories of a policy's refuted properties. */
export function stories({ policy, refutations }: PolicyCheck): string {
  const order = (id: string): number => Number(id.slice(1));
  return [...refutations]
    .sort((a, b) => order(a.property) - order(b.property))
    .map(({ property, steps, wrong }) => {
      const name = PROPERTIES.find(({ id }) => id === property)?.name ?? '';
      const lines = steps.map((step, i) => `  ${i + 1}. ${sentence(step)}`);
      return `${policy}, ${property} (${name}) is refuted:\n${lines.join('\n')}\n     => ${wrong}`;
    })
    .join('\n\n');
}

/** What else an exploration tells. */
export function remarks({
  policy,
  states,
  transitions,
  seconds,
  deadlocks,
  never,
  bytesPerState,
}: PolicyCheck): string {
  const speed = Math.round(states / Math.max(seconds, 0.001));
  const actions = never.length > 0 ? `; never possible: ${never.map(sentence).join(', ')}` : '';
  return `${policy}: ${states} states, ${transitions} steps, ${speed} states/s, ${bytesPerState.toFixed(0)} bytes/state, ${deadlocks} deadlocks${actions}`;
}
