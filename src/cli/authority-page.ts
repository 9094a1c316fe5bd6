/** The generated part of docs/authority.md: the table and the stories of `ioasid check`. */
import { policyByName } from '../authority/policies.js';
import type { PolicyCheck } from '../check/check.js';
import { PROPERTIES } from '../check/properties.js';
import { sentence } from '../check/steps.js';

const BEGIN = '<!-- printed by scripts/generate.mjs from ioasid check -->';
const END = '<!-- end of the printed part -->';

function summary(policy: string): string {
  return policyByName(policy === 'timeout' ? 'timeout:1s' : policy).summary;
}

function grid(checks: readonly PolicyCheck[]): string {
  const head = `| policy | ${PROPERTIES.map(({ id }) => id).join(' | ')} |`;
  const line = `| --- |${' --- |'.repeat(PROPERTIES.length)}`;
  const rows = checks.map(({ policy, refutations }) => {
    const cells = PROPERTIES.map(({ id }) => refutations.find(({ property }) => property === id)?.steps.length ?? '✓');
    return `| ${policy} | ${cells.join(' | ')} |`;
  });
  return [head, line, ...rows].join('\n');
}

function storiesOf({ policy, refutations }: PolicyCheck): string {
  const items = PROPERTIES.flatMap(({ id, name }) => {
    const found = refutations.find(({ property }) => property === id);
    if (!found) return [];
    const steps = found.steps.map((step) => sentence(step));
    return [`- **${id}, ${name}**: ${steps.join('; ')}. *Then ${found.wrong}.*`];
  });
  return `### ${policy}: ${summary(policy)}\n\n${items.length > 0 ? items.join('\n') : 'Nothing is refuted.'}`;
}

/** Puts the answers of a check into the page. @throws Error the page has no place for them */
export function renderAuthorityPage(page: string, checks: readonly PolicyCheck[]): string {
  const [start, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (start < 0 || end < start) throw new Error('the page has no place for the printed part');
  const printed = [grid(checks), ...checks.map(storiesOf)].join('\n\n');
  return `${page.slice(0, start)}${BEGIN}\n\n${printed}\n\n${page.slice(end)}`;
}
