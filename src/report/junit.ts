/** JUnit XML, in the dialect that Jenkins, GitLab and GitHub's reporters read (the Ant JUnit schema's elements). */
import { type Case, count, type Suite } from './result.js';

/** Characters that XML 1.0 has no way to write (production 2, Char). */
const UNWRITABLE = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu;
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** As a C string shows it. */
function escaped(char: string): string {
  return `\\x${(char.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`;
}

function text(value: string): string {
  return value.replaceAll(UNWRITABLE, escaped).replaceAll(/[&<>"]/g, (char) => ENTITIES[char] ?? char);
}

/** An attribute's value: a parser would turn line ends into blanks. */
function attribute(name: string, value: string | number): string {
  const written = text(String(value)).replaceAll('\n', '&#10;').replaceAll('\t', '&#9;').replaceAll('\r', '&#13;');
  return ` ${name}="${written}"`;
}

const ELEMENT = { fail: 'failure', error: 'error', skip: 'skipped' } as const;

function testcase(suite: string, { name, outcome, seconds, reason = '', detail = [] }: Case): string {
  const time = attribute('time', (seconds ?? 0).toFixed(3));
  const head = `    <testcase${attribute('classname', suite)}${attribute('name', name)}${time}`;
  if (outcome === 'pass') return `${head}/>`;
  const element = ELEMENT[outcome];
  const body = detail.length > 0 ? `>${text(detail.join('\n'))}</${element}>` : '/>';
  return `${head}>\n      <${element}${attribute('message', reason)}${body}\n    </testcase>`;
}

function time({ cases }: Suite): number {
  return cases.reduce((sum, { seconds }) => sum + (seconds ?? 0), 0);
}

/** A whole report. */
export function formatJunit(suites: readonly Suite[]): string {
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites>'];
  for (const suite of suites) {
    const counts =
      attribute('tests', suite.cases.length) +
      attribute('failures', count(suite, 'fail')) +
      attribute('errors', count(suite, 'error')) +
      attribute('skipped', count(suite, 'skip'));
    lines.push(`  <testsuite${attribute('name', suite.name)}${counts}${attribute('time', time(suite).toFixed(3))}>`);
    for (const one of suite.cases) lines.push(testcase(suite.name, one));
    lines.push('  </testsuite>');
  }
  lines.push('</testsuites>');
  return `${lines.join('\n')}\n`;
}
