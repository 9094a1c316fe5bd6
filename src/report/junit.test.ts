import { DOMParser } from '@xmldom/xmldom';
import { describe, expect, it } from 'vitest';
import { formatJunit } from './junit.js';

function parse(xml: string) {
  const problems: string[] = [];
  const document = new DOMParser({
    onError: (level, message) => problems.push(`${level}: ${message}`),
  }).parseFromString(xml, 'text/xml');
  expect(problems).toEqual([]);
  return document;
}

describe('JUnit XML', () => {
  it('is well-formed whatever a name or a message holds, and gives it back', () => {
    const name = 'a<b> & "c" \'d\'\n\te]]>';
    const document = parse(
      formatJunit([{ name, cases: [{ name, outcome: 'fail', reason: name, detail: [name, 'two'] }] }]),
    );
    const [testcase] = [...document.getElementsByTagName('testcase')];
    expect(testcase?.getAttribute('name')).toBe(name);
    expect(testcase?.getAttribute('classname')).toBe(name);
    const [failure] = [...document.getElementsByTagName('failure')];
    expect(failure?.getAttribute('message')).toBe(name);
    expect(failure?.textContent).toBe(`${name}\ntwo`);
  });

  it('shows characters that XML cannot write as C does', () => {
    const document = parse(
      formatJunit([{ name: 's', cases: [{ name: '\u0000\u001b[31mred\ud800', outcome: 'pass' }] }]),
    );
    expect(document.getElementsByTagName('testcase')[0]?.getAttribute('name')).toBe('\\x00\\x1b[31mred\\xd800');
  });

  it('counts failures, errors and skipped cases, and adds the times up', () => {
    const document = parse(
      formatJunit([
        {
          name: 's',
          cases: [
            { name: 'a', outcome: 'pass', seconds: 0.5 },
            { name: 'b', outcome: 'skip', reason: 'why' },
            { name: 'c', outcome: 'error', seconds: 1 },
            { name: 'd', outcome: 'fail' },
          ],
        },
      ]),
    );
    const suite = document.getElementsByTagName('testsuite')[0];
    const facts = ['tests', 'failures', 'errors', 'skipped', 'time'].map((key) => suite?.getAttribute(key));
    expect(facts).toEqual(['4', '1', '1', '1', '1.500']);
  });
});
