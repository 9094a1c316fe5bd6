/** The answers of a check as a module of the page: which property of which policy is refuted, by which story. */
import type { PolicyCheck } from '../../check/check.js';

/** @returns the text of web/src/question/answers.ts */
export function renderAnswers(checks: readonly PolicyCheck[]): string {
  const answers = checks.map(({ policy, summary, states, covered, standing, refutations }) => ({
    ...{ policy, summary, states, covered, standing, refutations },
  }));
  return `/** What \`ioasid check\` answers: printed by scripts/generate.mjs, and played again by the page. */
import type { Answer } from './answer.js';

export const ANSWERS: readonly Answer[] = ${JSON.stringify(answers)};
`;
}
