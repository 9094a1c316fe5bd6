/** The checker's answer about one policy. */
import type { PolicyCheck } from '../../../src/check/check.js';

export type Answer = Pick<PolicyCheck, 'policy' | 'summary' | 'states' | 'covered' | 'standing' | 'refutations'>;

/** The story that refutes a property; undefined: it is proved within the bounds. */
export function refutationOf(answer: Answer, property: string): Answer['refutations'][number] | undefined {
  return answer.refutations.find((refutation) => refutation.property === property);
}
