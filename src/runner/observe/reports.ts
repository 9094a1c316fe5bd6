/** Reports of a run, a torture or a play for CI systems: the files that --junit and --ktap name. */
import { writeFileSync } from 'node:fs';
import { type Finding, formatFinding } from '../../report/finding.js';
import { formatJunit } from '../../report/junit.js';
import { formatKtap } from '../../report/ktap.js';
import type { Case, Suite } from '../../report/result.js';

export interface ReportOptions {
  /** A file for JUnit XML. */
  readonly junit?: string | undefined;
  /** A file for KTAP. */
  readonly ktap?: string | undefined;
}

/** Writes the reports that are asked for. @throws the system's error */
export function writeReports(suites: readonly Suite[], { junit, ktap }: ReportOptions): void {
  if (junit !== undefined) writeFileSync(junit, formatJunit(suites));
  if (ktap !== undefined) writeFileSync(ktap, formatKtap(suites));
}

/**
 * A run as a case: it fails with its program, and with what was found.
 * @param command the program and its arguments; @param status its exit status; @param seconds that it took
 */
export function caseOfRun(
  command: readonly string[],
  status: number,
  seconds: number,
  findings: readonly Finding[],
): Case {
  const found = findings.length > 0 ? [`${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`] : [];
  const reasons = [...(status !== 0 ? [`the program ended with status ${status}`] : []), ...found];
  const name = command.join(' ');
  if (reasons.length === 0) return { name, outcome: 'pass', seconds };
  return { name, outcome: 'fail', seconds, reason: reasons.join(', '), detail: findings.flatMap(formatFinding) };
}
