/** The answers of the search as text: arguments as trees, and the picture of what can be had together. */
import { type Step, sentence } from '../check/steps.js';
import type { Argument, Leaf } from './argument.js';
import { DECIDED } from './search.js';

export const isLeaf = (argument: Argument): argument is Leaf => 'property' in argument;

/** The leaves from left to right: they are numbered so. */
export function leavesOf(argument: Argument): Leaf[] {
  return isLeaf(argument) ? [argument] : [...leavesOf(argument.no), ...leavesOf(argument.yes)];
}

export const nameOf = (id: string): string => DECIDED.find((property) => property.id === id)?.name ?? '';

const told = (steps: readonly Step[]): string => steps.map((step) => sentence(step)).join('; ');

/** The steps that come after those that were told already. */
function since(steps: readonly Step[], before: readonly Step[]): string {
  const shared = before.every((step, i) => JSON.stringify(step) === JSON.stringify(steps[i]));
  if (!shared || before.length === 0) return told(steps) || 'at the beginning';
  return steps.length === before.length ? 'then' : `then ${told(steps.slice(before.length))}`;
}

/** An argument as indented lines. */
export function argumentLines(argument: Argument): string[] {
  let leaf = 0;
  const lines = (tree: Argument, before: readonly Step[], indent: string): string[] => {
    if (isLeaf(tree)) {
      const { property, steps, other, wrong } = tree;
      const way = JSON.stringify(steps) === JSON.stringify(before) ? [] : [`${indent}${since(steps, before)}`];
      const second = other ? [`${indent}and the other way: ${told(other)}`] : [];
      return [...way, ...second, `${indent}=> ${wrong}: against ${property}, ${nameOf(property)} [leaf ${++leaf}]`];
    }
    const { reason, no, yes } = tree;
    const question = reason.asked[0]?.toUpperCase() + reason.asked.slice(1);
    return [
      `${indent}${reason.after.length > 0 ? `${since(reason.after, before)}. ` : ''}${question}`,
      ...[
        `${indent}- ${reason.words[0]}:`,
        ...lines(no, reason.after, `${indent}    `),
        `${indent}- ${reason.words[1]}:`,
        ...lines(yes, reason.after, `${indent}    `),
      ],
    ];
  };
  return lines(argument, [], '');
}

/** A policy in the picture: the properties that it has, as bits. */
export interface Marked {
  readonly name: string;
  readonly set: number;
}

const within = (set: number, other: number): boolean => (set & other) === set;

/** What can be had together: under each maximal set the policies that have a part of it, nested by what they have. */
export function picture(properties: readonly string[], maximal: readonly Marked[], marked: readonly Marked[]): string {
  const width = 34;
  const rows: string[] = [`${''.padEnd(width)}${properties.map((id) => id.padStart(4)).join('')}`];
  const row = (tree: string, { name, set }: Marked): void => {
    const cells = properties.map((_, i) => (set & (1 << i) ? '●' : '·').padStart(4)).join('');
    rows.push(`${`${tree}${name}`.padEnd(width)}${cells}`);
  };
  const nest = (above: Marked, others: readonly Marked[], indent: string): void => {
    const covered = others.filter(
      (each) => !others.some((other) => other !== each && other.set !== each.set && within(each.set, other.set)),
    );
    covered.forEach((each, i) => {
      const last = i === covered.length - 1;
      row(`${indent}${last ? '└─ ' : '├─ '}`, each);
      const below = others.filter((other) => other.set !== each.set && within(other.set, each.set));
      nest(above, below, `${indent}${last ? '   ' : '│  '}`);
    });
  };
  for (const top of maximal) {
    row('', top);
    nest(
      top,
      marked.filter(({ set, name }) => name !== top.name && within(set, top.set)),
      '',
    );
  }
  return rows.join('\n');
}
