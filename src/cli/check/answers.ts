/** The answers of a check as a module of the page: which property of which policy is refuted, by which story. */
import type { PolicyCheck } from '../../check/check.js';

/** A policy's answer on a few lines: each refutation has its own, so that a difference can be read. */
function answerText({ policy, summary, states, covered, standing, refutations }: PolicyCheck): string {
  const head = JSON.stringify({ policy, summary, states, covered, standing }).slice(0, -1);
  const told = refutations.map((refutation) => `    ${JSON.stringify(refutation)},\n`);
  return `  ${head},"refutations":[\n${told.join('')}  ]},\n`;
}

/** @returns the text of web/src/question/answers.ts */
export function renderAnswers(checks: readonly PolicyCheck[]): string {
  return `/** What \`ioasid check\` answers: printed by scripts/generate.mjs, and played again by the page. */
import type { Answer } from './answer.js';

export const ANSWERS: readonly Answer[] = [
${checks.map(answerText).join('')}];
`;
}
