/** The generated part of docs/authority.md: the table and the stories of `ioasid check`. */
import type { PolicyCheck, Standing } from '../../check/check.js';
import { PROPERTIES } from '../../check/properties.js';
import { type Step, sentence } from '../../check/steps.js';

const BEGIN = '<!-- printed by scripts/generate.mjs from ioasid check -->';
const END = '<!-- end of the printed part -->';

const SIGNS: Readonly<Record<Standing, string>> = {
  proved: '✓',
  'by construction': '✓ⁿ',
  vacuous: '✓ᵛ',
  refuted: '',
  'not refuted': '?',
  'not judged': '–',
};

function grid(checks: readonly PolicyCheck[]): string {
  const head = `| policy | ${PROPERTIES.map(({ id }) => id).join(' | ')} |`;
  const line = `| --- |${' --- |'.repeat(PROPERTIES.length)}`;
  const rows = checks.map(({ policy, refutations, standing }) => {
    const cells = PROPERTIES.map(
      ({ id }) => refutations.find(({ property }) => property === id)?.steps.length ?? SIGNS[standing[id] ?? 'proved'],
    );
    return `| ${policy} | ${cells.join(' | ')} |`;
  });
  return [head, line, ...rows].join('\n');
}

const told = (steps: readonly Step[]): string => steps.map((step) => sentence(step)).join('; ');

function storiesOf({ policy, summary, refutations }: PolicyCheck): string {
  const items = PROPERTIES.flatMap(({ id, name }) => {
    const found = refutations.find(({ property }) => property === id);
    if (!found) return [];
    const other = found.other ? ` *The other way:* ${told(found.other)}.` : '';
    return [`- **${id}, ${name}**: ${told(found.steps)}.${other} *Then ${found.wrong}.*`];
  });
  return `### ${policy}: ${summary}\n\n${items.length > 0 ? items.join('\n') : 'Nothing is refuted.'}`;
}

const PICTURE = '<!-- printed by scripts/generate.mjs from ioasid check --frontier -->';
const PICTURE_END = '<!-- end of the picture -->';

function replaced(page: string, begin: string, end: string, printed: string): string {
  const [start, stop] = [page.indexOf(begin), page.indexOf(end)];
  if (start < 0 || stop < start) throw new Error('the page has no place for the printed part');
  return `${page.slice(0, start)}${begin}\n\n${printed}\n\n${page.slice(stop)}`;
}

/**
 * Puts the answers of a check, and the picture of the frontier, into the page.
 * @throws Error the page has no place for them
 */
export function renderAuthorityPage(page: string, checks: readonly PolicyCheck[], picture: string): string {
  const answers = [grid(checks), ...checks.map(storiesOf)].join('\n\n');
  const drawn = `\`\`\`\n${picture}\n\`\`\``;
  return replaced(replaced(page, BEGIN, END, answers), PICTURE, PICTURE_END, drawn);
}
