/** What was found out, case by case: the common form of every report that a CI system reads. */

/** `error` is a failure of the tool, not of what it looked at. */
export type Outcome = 'pass' | 'fail' | 'skip' | 'error';

export interface Case {
  readonly name: string;
  readonly outcome: Outcome;
  /** How long it took, seconds; undefined: not measured. */
  readonly seconds?: number | undefined;
  /** Why it failed or was skipped: one line. */
  readonly reason?: string | undefined;
  /** What a reader of the failure wants to see: lines of text. */
  readonly detail?: readonly string[] | undefined;
}

/** The cases of one program, scenario or run. */
export interface Suite {
  readonly name: string;
  readonly cases: readonly Case[];
}

/** How many cases had this outcome. */
export function count({ cases }: Suite, outcome: Outcome): number {
  return cases.filter((one) => one.outcome === outcome).length;
}

/** Did anything fail? */
export function failed(suite: Suite): boolean {
  return suite.cases.some(({ outcome }) => outcome === 'fail' || outcome === 'error');
}
