/** Reports that CI systems read, of runs and plays. The files are judged by parsers of their own. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compile, exec, run, workDirectory } from './run.js';

const [junit, ktap] = [join(workDirectory, 'report.xml'), join(workDirectory, 'report.ktap')];
const files = ['--junit', junit, '--ktap', ktap];

/** The report as Python's XML parser has it: counts of the suite, and of each case its name, outcome, message and text. */
function parsed() {
  const script = `
import json, sys, xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot()[0]
cases = [[c.get('name'), *[x for f in c for x in (f.tag, f.get('message'), f.text)]] for c in suite]
print(json.dumps({'tests': suite.get('tests'), 'failures': suite.get('failures'), 'cases': cases}))`;
  const { stdout, stderr } = spawnSync('python3', ['-c', script, junit], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

describe.skipIf(spawnSync('python3', ['--version']).status !== 0)('a run (skipped without python3)', () => {
  test('that ends with 0 is a case that passed', () => {
    expect(exec(['sh', '-c', 'true < /dev/ioasid'], files).status).toBe(0);
    expect(parsed()).toEqual({ tests: '1', failures: '0', cases: [['sh -c true < /dev/ioasid']] });
    expect(readFileSync(ktap, 'utf8')).toMatch(/^ {2}ok 1 sh -c true < \/dev\/ioasid$/m);
  });

  test('that ends otherwise is a failure with its status, which the run keeps', () => {
    expect(exec(['sh', '-c', 'exit 7'], files).status).toBe(7);
    const cases = [['sh -c exit 7', 'failure', 'the program ended with status 7', null]];
    expect(parsed()).toEqual({ tests: '1', failures: '1', cases });
    expect(readFileSync(ktap, 'utf8')).toMatch(/^ {2}# the program ended with status 7\n {2}not ok 1 sh -c exit 7$/m);
  });

  test('in which something was found is a failure that tells it', () => {
    const program = compile('examples/faulty/dma-never-mapped.c');
    expect(exec([program], ['--sanitize', 'dma', ...files]).status).toBe(99);
    const [[, outcome, message, text]] = parsed().cases;
    expect([outcome, message]).toEqual(['failure', '1 finding']);
    expect(text).toMatch(/ERROR: dma-never-mapped: /);
    expect(readFileSync(ktap, 'utf8')).toMatch(/^ {2}# .*ERROR: dma-never-mapped: /m);
  });

  test('of a scenario is a case a policy', () => {
    const { status } = run(['play', 'scenarios/hot-unplug.yaml', '--policy', 'all', ...files]);
    const { tests, cases } = parsed();
    expect(Number(tests)).toBe(cases.length);
    expect(cases.map(([name]: string[]) => name)).toEqual(expect.arrayContaining(['mediated', 'linux', 'sticky']));
    expect(cases.some(([, outcome]: string[]) => outcome === 'failure')).toBe(status === 1);
  });
});
