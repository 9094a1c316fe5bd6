/** A policy's rules in words, and as a module that has the interface of a policy. */
import type { Question, Size } from './family.js';
import { type Rule, type Rules, uniform } from './rules.js';

const LABELS: Readonly<Record<Question, string>> = {
  fileRight: 'right(F)',
  vmRight: 'right(V), by a proof',
  mayShow: 'a file may be shown to a VM',
  mayEndNeed: 'the last needing device may go',
  fileChanged: 'a file remembers, when something about it changes',
  proofShown: 'a proof remembers, when it is shown',
  proofChanged: 'a proof remembers, when something about its file changes',
  vmShown: 'a VM remembers, when it is shown a file',
  vmListed: 'a VM remembers, for each proof when its list changes',
};
const YES_NO: ReadonlySet<Question> = new Set(['fileRight', 'vmRight', 'mayShow', 'mayEndNeed']);

/** True if nothing but the natural answer is given. */
const silent = (rules: Rules, natural: (rule: Rule) => number): boolean =>
  rules.rules.every((rule) => rule.cases.length === 1 && rule.cases[0]?.answer === natural(rule));

function naturalOf(question: Question): (rule: Rule) => number {
  if (question === 'mayShow' || question === 'mayEndNeed') return () => 1;
  const kept = { fileChanged: 'file', proofChanged: 'proof', vmShown: 'vm', vmListed: 'vm' } as const;
  const name = question in kept ? kept[question as keyof typeof kept] : undefined;
  return ({ at }) => (name ? (at[name] ?? 0) : 0);
}

/** The arguments of a rule that tell it from the others of its question. */
const telling = ({ at }: Rule, { rules }: Rules): [string, number][] =>
  Object.entries(at).filter(([name, value]) => rules.some((other) => other.at[name] !== value));

function place(rule: Rule, rules: Rules): string {
  const words = telling(rule, rules).map(([name, value]) => {
    if (name === 'others') return value ? 'another VM holds it' : 'no other VM holds it';
    return name === 'clock' ? `clock ${value}` : `memory of the ${name} ${value}`;
  });
  return words.length > 0 ? `${words.join(', ')}: ` : '';
}

function answers({ cases }: Rule, question: Question): string {
  const said = (answer: number): string => (YES_NO.has(question) ? (answer ? 'yes' : 'no') : String(answer));
  return cases
    .map(({ condition, answer }, i) => {
      if (i === cases.length - 1) return i === 0 ? said(answer) : `else ${said(answer)}`;
      return `${said(answer)} if ${condition.words}`;
    })
    .join(', ');
}

/** The rules in words, a line each; what is natural (it keeps its memory, refuses nothing) is left out. */
export function inWords(all: readonly Rules[]): string[] {
  const order: Question[] = [
    'fileRight',
    'vmRight',
    'mayShow',
    'mayEndNeed',
    'fileChanged',
    'proofShown',
    'proofChanged',
    'vmShown',
    'vmListed',
  ];
  return order.flatMap((question) =>
    all
      .filter((rules) => rules.question === question && !silent(rules, naturalOf(question)))
      .flatMap((rules) => {
        const label = rules.empty
          ? LABELS[question].replace(/, (by|for each) .*/, ', without a proof')
          : LABELS[question];
        const rows = uniform(rules) ? rules.rules.slice(0, 1) : rules.rules;
        return rows.map((rule) => `${label}: ${uniform(rules) ? '' : place(rule, rules)}${answers(rule, question)}`);
      }),
  );
}

/** What an argument is called in the code of a question. */
const CODE: Readonly<Record<Question, Readonly<Record<string, string>>>> = {
  fileChanged: { file: 'memory' },
  fileRight: { file: 'memory' },
  vmShown: { vm: 'memory', file: 'file', clock: 'now' },
  vmListed: { vm: 'memory', proof: 'proof.memory', file: 'proof.file' },
  proofShown: { file: 'file' },
  proofChanged: { proof: 'memory' },
  vmRight: { vm: 'memory', clock: 'now', proof: 'proof.memory', file: 'proof.file' },
  mayShow: { others: 'others' },
  mayEndNeed: { others: 'vms' },
};

/** The answer as an expression. */
function expression(rules: Rules, size: Size): string {
  const { question } = rules;
  const said = (answer: number): string => (YES_NO.has(question) ? String(answer === 1) : String(answer));
  const of = ({ cases }: Rule): string => {
    if (YES_NO.has(question) && cases.length === 2)
      return cases[0]?.answer === 1 ? (cases[0]?.condition.code ?? '') : `!(${cases[0]?.condition.code})`;
    return cases.reduceRight(
      (rest, { condition, answer }, i) =>
        i === cases.length - 1 ? said(answer) : `${condition.code} ? ${said(answer)} : ${rest}`,
      '',
    );
  };
  if (uniform(rules)) return of(rules.rules[0] as Rule);
  const condition = (rule: Rule): string =>
    telling(rule, rules)
      .map(([name, value]) => {
        const code = CODE[question][name] ?? name;
        if (name === 'others') return value ? `${code} > 0` : `${code} === 0`;
        return name === 'clock' && value === size.clock - 1 ? `${code} >= ${value}` : `${code} === ${value}`;
      })
      .join(' && ');
  const closed = (code: string): string => (code.includes(' ') ? `(${code})` : code);
  const chosen = rules.rules.reduceRight(
    (rest, rule, i) =>
      i === rules.rules.length - 1 ? closed(of(rule)) : `${condition(rule)} ? ${closed(of(rule))} : ${rest}`,
    '',
  );
  return chosen.replace(/^([^?]*) \? true : false$/, '$1');
}

/** Each function of the interface. */
function functions(all: readonly Rules[], size: Size): string[] {
  const find = (question: Question, empty = false): string =>
    expression(all.find((each) => each.question === question && each.empty === empty) as Rules, size).replaceAll(
      'facts.',
      question === 'vmRight' || question === 'vmListed' ? 'proof.facts.' : 'facts.',
    );
  const naturalList = all
    .filter(({ question }) => question === 'vmListed')
    .every((rules) => silent(rules, naturalOf('vmListed')));
  const none = find('vmRight', true);
  return [
    `fileChanged: (memory, facts) => ${find('fileChanged')},`,
    `fileRight: (memory, facts) => ${find('fileRight')},`,
    `vmShown: (memory, file, facts, now) => ${find('vmShown')},`,
    naturalList
      ? 'vmListed: (memory) => memory,'
      : `vmListed: (memory, proofs) => proofs.length === 0 ? ${find('vmListed', true)} : Math.max(...proofs.map((proof) => ${find('vmListed')})),`,
    `proofShown: (file, facts) => ${find('proofShown')},`,
    `proofChanged: (memory, facts) => ${find('proofChanged')},`,
    `vmRight: (memory, proofs, now) => ${none === 'false' ? '' : `proofs.length === 0 ? ${none} : `}proofs.some((proof) => ${find('vmRight')}),`,
    `mayShow: (others, facts) => ${find('mayShow')},`,
    `mayEndNeed: (vms) => ${find('mayEndNeed')},`,
    'vmDeadline: () => undefined,',
  ];
}

/** A module for `--authority FILE`: JavaScript, with the types in comments. */
export function moduleText(all: readonly Rules[], size: Size, name: string, summary: string): string {
  const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  return `// ${summary}
// Found by: ioasid check --synthesize
/** @type {import('ioasid').Policy} */
export const policy = {
  name: ${quoted(name)},
  summary: ${quoted(summary)},${size.clock > 1 ? '\n  clock: true,' : ''}
  memories: { file: ${size.file}, proof: ${size.proof}, vm: ${size.vm} },
${functions(all, size)
  .map((line) => `  ${line}`)
  .join('\n')}
};
`;
}
