/** Workflow commands of GitHub Actions: a failure becomes an annotation of the run. */
import { type Finding, formatFinding } from './finding.js';
import type { Suite } from './result.js';

/** The message part of a command: one line, percent-encoded. */
function message(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** A property's value: commas and colons separate properties. */
function property(text: string): string {
  return message(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

function error(title: string, lines: readonly string[]): string {
  return `::error title=${property(title)}::${message(lines.join('\n'))}\n`;
}

/** One annotation a finding. */
export function annotateFindings(findings: readonly Finding[]): string {
  return findings.map((finding) => error(`ioasid: ${finding.rule}`, formatFinding(finding))).join('');
}

/** One annotation a failed case. */
export function annotateSuites(suites: readonly Suite[]): string {
  return suites
    .flatMap(({ name, cases }) =>
      cases
        .filter(({ outcome }) => outcome === 'fail' || outcome === 'error')
        .map((one) => error(`${name}: ${one.name}`, [one.reason ?? one.outcome, ...(one.detail ?? [])])),
    )
    .join('');
}
