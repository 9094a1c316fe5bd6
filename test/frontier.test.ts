/** The search and policies of a user's own, from the command line: modules that run, arguments that play. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { checkedPolicy } from '../src/check/check.js';
import { Family } from '../src/frontier/family/family.js';
import { bootMachine, type Policy, policyOfModule } from '../src/index.js';
import { compile, exec, ioasid, root, run, workDirectory } from './run.js';

const directory = mkdtempSync(join(workDirectory, 'frontier-'));
const SMALL = ['--files', '1', '--devices', '1', '--descriptors', '1'];
const EXAMPLE = 'examples/until-unbound.mjs';

function moduleFile(name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
}

describe('ioasid check --synthesize', { timeout: 120_000 }, () => {
  const file = join(directory, 'found.mjs');
  const properties = 'P1,P2,P3,P4,P5,P6,P7,P9,P10,P11,P12';
  const found = run(['check', '--synthesize', properties, ...SMALL, '--out', file, '--json']);

  test('finds the policy that has everything but P8, and judges it on all properties', () => {
    expect(found).toMatchObject({ status: 0, stderr: '' });
    const answer = JSON.parse(found.stdout);
    expect(answer).toMatchObject({ possible: true, size: { file: 1, proof: 1, vm: 1, clock: 1 } });
    expect(Object.entries(answer.check.standing).filter(([, standing]) => standing === 'refuted')).toEqual([
      ['P8', 'refuted'],
    ]);
  });

  test('as a module that answers as exclusive does, and compiles against the interface', async () => {
    const family = new Family({ file: 1, proof: 1, vm: 1, clock: 1 });
    const policy = policyOfModule(await import(pathToFileURL(file).href), file);
    expect(family.tableOf(policy)).toEqual(family.tableOf(checkedPolicy('exclusive')));
    const types = moduleFile(
      'tsconfig.json',
      JSON.stringify({
        compilerOptions: {
          ...{
            checkJs: true,
            allowJs: true,
            noEmit: true,
            strict: true,
            module: 'nodenext',
            target: 'es2023',
            types: [],
          },
          paths: { ioasid: [join(root, 'dist/index.d.ts')] },
        },
        files: [file, join(root, EXAMPLE)],
      }),
    );
    const tsc = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', types], {
      encoding: 'utf8',
    });
    expect(tsc.stdout).toBe('');
  });

  test('and the module runs: real programs see exclusive', () => {
    const { status, stderr } = run(
      ['exec', '--authority', file, '--', compile('test/programs/policies.c'), 'exclusive'],
      {
        env: { ...process.env, IOASID: ioasid },
      },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test('what is impossible is told as a tree, and each leaf plays', () => {
    const leaves = join(directory, 'leaves');
    const answer = run(['check', '--synthesize', 'P2,P3,P8,P10', ...SMALL, '--emit-scenario', leaves]);
    expect(answer.stdout).toContain('impossible, whatever a policy remembers: P2, P3, P8, P10');
    expect(answer.stdout).toContain('against P10, nothing survives the last close [leaf 6]');
    const files = readdirSync(leaves).filter((name) => name.endsWith('.yaml'));
    expect(files).toHaveLength(6);
    for (const name of files) {
      const { status, stdout } = run(['play', join(leaves, name)]);
      expect({ name, status, stdout }).toMatchObject({ status: 0, stdout: expect.stringContaining('all as expected') });
    }
  });

  test('goes on from what is kept, and refuses what is not true', () => {
    const kept = join(directory, 'kept.json');
    const search = (): { candidates: number; exclusions: number } =>
      JSON.parse(run(['check', '--synthesize', 'P1,P8', ...SMALL, '--resume', kept, '--json']).stdout);
    const first = search();
    expect(first.candidates).toBeGreaterThan(50);
    expect(search()).toMatchObject({ candidates: 0, exclusions: first.exclusions });
    const file = JSON.parse(readFileSync(kept, 'utf8'));
    for (const exclusion of file.exclusions) exclusion.steps = exclusion.steps.slice(0, -1);
    writeFileSync(kept, JSON.stringify(file));
    expect(run(['check', '--synthesize', 'P1,P8', ...SMALL, '--resume', kept])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('does not violate'),
    });
    expect(run(['check', '--synthesize', 'P1,P8', '--resume', kept]).stderr).toContain('a search in other bounds');
  });

  test('a property that a policy does not decide is told', () => {
    expect(run(['check', '--synthesize', 'P1,P14'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('P14'),
    });
  });
});

describe('--authority FILE', { timeout: 60_000 }, () => {
  test('exec, check and play take a policy of one’s own', () => {
    const wbinvd = exec([compile('examples/wbinvd.c')], ['--authority', EXAMPLE]);
    expect({ status: wbinvd.status, stderr: wbinvd.stderr }).toEqual({ status: 0, stderr: '' });
    const check = run(['check', '--authority', EXAMPLE, ...SMALL]);
    expect(check.stdout).toMatch(/^until-unbound +6 /m);
    expect(run(['play', 'scenarios/hot-unplug.yaml', '--policy', EXAMPLE])).toMatchObject({ status: 0, stderr: '' });
  });

  test('the library too', () => {
    const always: Policy = { ...checkedPolicy('mediated'), name: 'always', fileRight: () => true };
    const machine = bootMachine({ authority: always });
    expect(machine.authority.policy.name).toBe('always');
    machine.setAuthority(checkedPolicy('linux'));
    expect(machine.authority.policy.name).toBe('linux');
  });

  test('a policy that throws or is impure is told: exec goes on without the right, check says so', () => {
    const text = readFileSync(join(root, EXAMPLE), 'utf8');
    const throwing = moduleFile('throwing.mjs', text.replace('facts.need,\n\n', 'facts.nothing.at.all,\n\n'));
    const ran = exec([compile('examples/wbinvd.c')], ['--authority', throwing]);
    expect(ran.stderr).toContain("ioasid: authority policy 'until-unbound' throws in fileRight(0, 0)");
    expect(run(['check', '--authority', throwing, ...SMALL])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('throws in fileRight'),
    });
    const impure = moduleFile(
      'impure.mjs',
      `let n = 0;\n${text.replace('mayShow: () => true', 'mayShow: () => n++ < 7')}`,
    );
    expect(run(['check', '--authority', impure, ...SMALL])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("'until-unbound' is not pure: it answers true to mayShow"),
    });
  });

  test('a file that is no policy is told', () => {
    expect(exec(['true'], ['--authority', './nothing.mjs'])).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('authority policy ./nothing.mjs cannot be loaded'),
    });
    expect(run(['check', '--authority', moduleFile('empty.mjs', '')]).stderr).toContain(
      "exports no object named 'policy'",
    );
  });
});
