/** Findings that are known and wanted: one a line, `RULE` or `RULE:TEXT`, where TEXT is part of the report; # comments. */
import { type Finding, formatFinding } from '../report/finding.js';
import { RULES } from './rules.js';

/** @throws RangeError a line that names no rule, by its number */
export function parseSuppressions(text: string, file: string): (finding: Finding) => boolean {
  const wanted = text.split('\n').flatMap((line, i) => {
    const [rule = '', ...part] = line.replace(/#.*/, '').trim().split(':');
    if (rule === '') return [];
    if (rule !== '*' && !(rule in RULES)) {
      throw new RangeError(`${file}:${i + 1}: no rule '${rule}'; there are: *, ${Object.keys(RULES).join(', ')}`);
    }
    return [{ rule, text: part.join(':') }];
  });
  return (finding) =>
    wanted.some(
      ({ rule, text: part }) =>
        (rule === '*' || rule === finding.rule) && formatFinding(finding).some((line) => line.includes(part)),
    );
}
