/**
 * KTAP version 1, as Linux's kselftest prints it and its tools read it (Documentation/dev-tools/ktap.rst): one test a
 * suite, its cases as subtests, indented by two columns. Diagnostics stand before the line of their result.
 */
import { type Case, count, failed, type Suite } from './result.js';

/** A description ends at `#`, where the directive begins, and at the end of the line. */
function description(text: string): string {
  return text.replaceAll('#', '').replaceAll(/\s+/g, ' ').trim();
}

function line(number: number, { name, outcome, reason }: Case): string {
  const what = `${number} ${description(name)}`;
  if (outcome === 'skip') return `ok ${what} # SKIP ${description(reason ?? '')}`.trimEnd();
  return `${outcome === 'pass' ? 'ok' : 'not ok'} ${what}`;
}

function diagnostics({ outcome, reason, detail = [] }: Case): string[] {
  if (outcome === 'pass' || outcome === 'skip') return [];
  const all = reason === undefined ? detail : [reason, ...detail];
  return all.flatMap((text) => text.split('\n')).map((text) => `# ${text}`);
}

/** A whole report. An empty suite is a skipped test, as a plan of 0 says. */
export function formatKtap(suites: readonly Suite[]): string {
  const lines = ['KTAP version 1', `1..${suites.length}`];
  for (const [index, suite] of suites.entries()) {
    const { cases } = suite;
    const inner = ['KTAP version 1', `1..${cases.length}`];
    for (const [i, one] of cases.entries()) inner.push(...diagnostics(one), line(i + 1, one));
    const skipped = count(suite, 'skip');
    inner.push(
      `# pass:${count(suite, 'pass')} fail:${count(suite, 'fail') + count(suite, 'error')} skip:${skipped} total:${cases.length}`,
    );
    lines.push(...inner.map((text) => `  ${text}`));
    const result = failed(suite) ? 'not ok' : 'ok';
    const all = skipped === cases.length ? ' # SKIP nothing ran' : '';
    lines.push(`${result} ${index + 1} ${description(suite.name)}${all}`);
  }
  return `${lines.join('\n')}\n`;
}
