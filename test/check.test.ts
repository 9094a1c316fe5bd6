/** The checker: what it finds, that a wrong policy is caught, and that its world is the virtual kernel's. */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Policy } from '../src/authority/policy.js';
import { actionsOf } from '../src/check/actions.js';
import {
  boundsOf,
  CHECKED_POLICIES,
  type CheckOptions,
  checkedPolicy,
  DEFAULT_OPTIONS,
  type PolicyCheck,
  worldOf,
} from '../src/check/check.js';
import { type Exploration, explore } from '../src/check/explore.js';
import { fileName, vmName } from '../src/check/steps.js';
import { neverPossible } from '../src/check/table.js';
import { World } from '../src/check/world.js';
import { renderAuthorityPage } from '../src/cli/check/authority-page.js';
import { generated } from '../src/cli/generated.js';
import { marksOf, pictureOf } from '../src/frontier/frontier.js';
import { Explorer } from '../src/frontier/lattice.js';
import { DECIDED, Search } from '../src/frontier/search.js';
import { Player } from '../src/scenario/play.js';
import { parseScenario, playScenario } from '../src/scenario/scenario.js';
import type { ScenarioStep } from '../src/scenario/schema.js';
import { random, seed } from './random.js';
import { root, run, workDirectory } from './run.js';

/** Bounds that are enough for every refutation, and quick. */
const SMALL: CheckOptions = { ...DEFAULT_OPTIONS, files: 1, devices: 1, vms: 2, ticks: 2, descriptors: 1 };

/** Refuted properties, of both worlds. */
function refuted(policy: Policy, options: CheckOptions = SMALL): string[] {
  return [false, true].flatMap((caches) =>
    explore(worldOf(policy, options, caches)).refutations.map(({ property }) => property),
  );
}

const ALL = Array.from({ length: 14 }, (_, i) => `P${i + 1}`);
const satisfied = (name: string): string[] => ALL.filter((id) => !refuted(checkedPolicy(name)).includes(id));

/** A change of a policy that breaks a property which the policy has. */
const MUTATIONS: Readonly<Record<string, (policy: Policy) => Policy>> = {
  // What was shown once is kept for ever.
  P1: (p) => ({
    ...p,
    vmShown: () => 1,
    vmRight: (memory, proofs, now) => memory === 1 || p.vmRight(memory, proofs, now),
  }),
  P2: (p) => ({
    ...p,
    vmShown: () => 1,
    vmRight: (memory, proofs, now) => memory === 1 || p.vmRight(memory, proofs, now),
  }),
  P3: (p) => ({
    ...p,
    vmShown: () => 1,
    vmRight: (memory, proofs, now) => memory === 1 || p.vmRight(memory, proofs, now),
  }),
  // The guest never gets what the process has.
  P4: (p) => ({ ...p, fileRight: (_memory, facts) => facts.need, vmRight: () => false }),
  P5: (p) => ({ ...p, mayShow: () => true }),
  P7: (p) => ({ ...p, mayEndNeed: () => false }),
  P8: (p) => ({ ...p, vmRight: (_memory, proofs) => proofs.some((proof) => proof.facts.need) }),
  P9: (p) => ({ ...p, vmRight: () => false }),
  P10: (p) => ({ ...p, fileRight: () => true }),
  P11: (p) => ({ ...p, mayShow: (others, facts) => facts.need && p.mayShow(others, facts) }),
};

/** Coherency is judged, but only where another VM holds the file. */
const SLY_P11 = (p: Policy): Policy => ({ ...p, mayShow: (others, facts) => others === 0 || facts.need });

describe('ioasid check', () => {
  test('an honest answer is not vacuous: the number of states is known', () => {
    const { states, covered, transitions, deadlocks, never } = explore(
      worldOf(checkedPolicy('mediated'), SMALL, false),
    );
    // Without a clock, a third of what the world with its two ticks has.
    expect({ states, covered, transitions, deadlocks }).toEqual({
      ...{ states: 208, covered: 382, transitions: 1558, deadlocks: 0 },
    });
    expect(never).toEqual([]);
  });

  test.each(CHECKED_POLICIES)(
    'one state stands for its renamings: %s has the same answers without symmetry',
    (name) => {
      const policy = checkedPolicy(name);
      for (const caches of [false, true]) {
        const options = { ...SMALL, files: 2, descriptors: name === 'timeout' ? 1 : 2, ticks: 1 };
        const folded = explore(worldOf(policy, options, caches));
        const plain = explore(worldOf(policy, options, caches), { symmetry: false });
        expect(folded.covered).toBe(plain.states);
        expect(folded.depth).toBe(plain.depth);
        const lengths = ({ refutations }: Exploration): string[] =>
          refutations.map(({ property, steps }) => `${property} ${steps.length}`).sort();
        expect(lengths(folded)).toEqual(lengths(plain));
        expect(folded.vacuous).toEqual(plain.vacuous);
      }
    },
  );

  test('every action of the default bounds, copies of descriptors too, can happen under one policy at least', () => {
    expect(DEFAULT_OPTIONS.descriptors).toBe(2);
    expect(actionsOf(worldOf(checkedPolicy('mediated'), DEFAULT_OPTIONS, false)).map(({ step }) => step.do)).toContain(
      'dup',
    );
    const never = [false, true].map(
      (caches) => explore(worldOf(checkedPolicy('mediated'), DEFAULT_OPTIONS, caches)).never,
    );
    expect(never).toEqual([[], []]);
    const ticks = explore(worldOf(checkedPolicy('timeout'), { ...SMALL, descriptors: 2 }, false)).never;
    expect(ticks).toEqual([]);
  });

  test('P6 holds for every pure policy; one that counts how often it is asked is told', () => {
    let asked = 0;
    const impure: Policy = { ...checkedPolicy('mediated'), fileRight: () => ++asked % 2 === 0 };
    expect(() => explore(worldOf(impure, SMALL, false))).toThrow("policy 'mediated' is not pure");
  });

  test('a policy whose memory outgrows what it names is told', () => {
    const counting: Policy = { ...checkedPolicy('sticky'), fileChanged: (memory) => memory + 1 };
    expect(() => explore(worldOf(counting, SMALL, false))).toThrow('keeps 2 as memory of a file; it names 2 values');
  });

  test.each(CHECKED_POLICIES)('a wrong %s is caught, whatever property it had', (name) => {
    const policy = checkedPolicy(name);
    const missed = satisfied(name).filter((id) => MUTATIONS[id] && !refuted(MUTATIONS[id](policy)).includes(id));
    expect(missed).toEqual([]);
    expect(refuted(SLY_P11(policy))).toContain('P11');
  });

  test('P12 is the keeper’s: a world that asks the policy of a VM that was forced off is caught', () => {
    class Wrong extends World {
      override vmRight(vm: number): boolean {
        const { vmOpen, vmMemory, clock } = this.layout;
        return (
          this.at(vmOpen + vm) === 1 && this.policy.vmRight(this.at(vmMemory + vm), this.proofs(vm), this.at(clock))
        );
      }
    }
    const wrong = new Wrong(boundsOf(checkedPolicy('mediated'), SMALL, false), checkedPolicy('mediated'), {
      ...{ file: 2, proof: 2, vm: 2 },
    });
    expect(explore(wrong).refutations.map(({ property }) => property)).toContain('P12');
  });

  test.each(CHECKED_POLICIES)('P13 and P14 are the mechanism’s: %s loses them without it, and P9 too', (name) => {
    const policy = checkedPolicy(name);
    const without = refuted(policy, { ...SMALL, flushAllCpus: false, flushOnMap: false });
    expect(without).toContain('P14');
    expect(without).toContain('P9');
    expect(without).toContain('P13');
  });

  test('options that are wrong are told', () => {
    expect(run(['check', '--vms', '9'])).toMatchObject({ status: 2, stderr: expect.stringContaining('from 1 to 3') });
    expect(run(['check', '--bound', 'vast'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('large, huge'),
    });
    expect(run(['check', '--memory', '0'])).toMatchObject({ status: 2, stderr: expect.stringContaining('GiB') });
    expect(run(['check', '--bit-state', '3'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('power of two'),
    });
    expect(run(['check', '--policy', 'nobody'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('there are'),
    });
  });
});

test('ioasid check says what bit-state hashing cannot promise', () => {
  const args = ['check', '--policy', 'mediated', '--bound', 'small', '--bit-state', '1'];
  const { status, stdout } = run(args);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^mediated +\? +- +\? +\? +8 +ok= /m);
  expect(stdout).toContain('which is no proof');
  expect(stdout).toMatch(/^mediated: at least \d+ states .* was taken for known$/m);
  const { checks } = JSON.parse(run([...args, '--json']).stdout);
  expect(checks[0].omission).toBeGreaterThan(0);
  expect(checks[0].standing.P1).toBe('not refuted');
});

describe('refinement', () => {
  test.each(CHECKED_POLICIES)(
    `the checker’s world and the virtual kernel agree on long random walks under %s (IOASID_SEED=${seed})`,
    (name) => {
      const pick = random(seed);
      const options: CheckOptions = { ...DEFAULT_OPTIONS, devices: 5, ticks: 5 };
      for (let walk = 0; walk < 12; walk++) {
        const world = worldOf(checkedPolicy(name), options, false);
        const actions = actionsOf(world);
        const player = new Player(name === 'timeout' ? 'timeout:1s' : name);
        const story: string[] = [];
        for (let i = 0; i < 150; i++) {
          const before = world.s.slice();
          const possible = actions.filter((action) => {
            world.s = before.slice();
            return action.run(world) !== 'impossible';
          });
          const action = possible[pick(possible.length)];
          if (!action) throw new Error('a deadlock');
          world.s = before;
          const outcome = action.run(world);
          story.push(JSON.stringify(action.step));
          const told = (): string => `IOASID_SEED=${seed}, walk ${walk}: ${story.join(' ')}`;
          const answer = player.play(action.step as ScenarioStep);
          expect(answer, told()).toBe(outcome === 'refused' ? 'EBUSY' : 'ok');
          for (let f = 0; f < options.files; f++) {
            if (world.fileOpen(f)) expect(player.right(fileName(f)), told()).toBe(world.fileRight(f));
          }
          for (let v = 0; v < options.vms; v++) expect(player.right(vmName(v)), told()).toBe(world.vmRight(v));
        }
      }
    },
  );
});

describe('scenarios', () => {
  const shipped = readdirSync(join(root, 'scenarios'));

  test('the ten stories of the debate are there', () => expect(shipped).toHaveLength(10));

  test.each(shipped)('%s goes as it says, under every policy', (file) => {
    const scenario = parseScenario(readFileSync(join(root, 'scenarios', file), 'utf8'), file);
    for (const policy of CHECKED_POLICIES) {
      const played = playScenario(scenario, policy === 'timeout' ? 'timeout:1s' : policy);
      expect(played.flatMap((step, i) => step.wrong.map((wrong) => `${policy}, step ${i + 1}: ${wrong}`))).toEqual([]);
    }
  });

  test('ioasid play ends with 1 if something is not as expected, with 2 for a wrong file', () => {
    expect(run(['play', 'scenarios/hot-unplug.yaml', '--policy', 'all'])).toMatchObject({ status: 0, stderr: '' });
    expect(run(['play', 'scenarios/one-proof-two-vms.yaml']).stdout).toContain('EBUSY');
    expect(() => parseScenario('title: x\npolicy: mediated\nsteps:\n  - { do: open, process: A }\n', 'f')).toThrow(
      'f:4:5: steps.0.file: found nothing, expected string',
    );
    expect(run(['play', 'package.json'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('package.json:'),
    });
  });
});

describe('every counterexample', { timeout: 240_000 }, () => {
  const directory = mkdtempSync(join(workDirectory, 'stories-'));
  // One descriptor is enough for every story: a fifth of the states, and the page must be the same.
  const { stdout, status } = run(['check', '--json', '--descriptors', '1', '--emit-scenario', directory]);
  const files = readdirSync(directory);
  const checks: PolicyCheck[] = JSON.parse(stdout).checks;

  test('is written as a scenario', () => {
    expect(status).toBe(0);
    expect(files.length).toBeGreaterThan(30);
  });

  test.each(files)('%s happens on the virtual kernel', (file) => {
    const played = playScenario(parseScenario(readFileSync(join(directory, file), 'utf8'), file));
    expect(played.flatMap((step, i) => step.wrong.map((wrong) => `step ${i + 1}: ${wrong}`))).toEqual([]);
  });

  test.each(files.filter((file) => file.endsWith('-P2.yaml')))('%s shows both ways and both answers', (file) => {
    const { steps } = parseScenario(readFileSync(join(directory, file), 'utf8'), file);
    const cut = steps.findIndex((step) => step.do === 'restart');
    const [other, last] = [steps[cut - 1], steps.at(-1)];
    expect(cut).toBeGreaterThan(0);
    expect(other?.rights).toBeDefined();
    expect(last?.rights).not.toEqual(other?.rights);
    expect(last?.why).toMatch(/may (not )?flush after this way, and may (not )?after the other/);
  });

  test('and what never can happen is told, folded, when asked for', () => {
    expect(neverPossible(checks, false)).toBe('');
    expect(neverPossible(checks, true)).toContain('never possible under linux: enable (5 actions)');
  });

  test('a surprise loss is told as somebody else’s act, where it is one', () => {
    const surprises = checks.flatMap(({ policy, refutations }) =>
      refutations.filter(({ property }) => property === 'P8').map(({ steps }) => [policy, steps.at(-1)?.do]),
    );
    expect(Object.fromEntries(surprises)).toEqual({
      ...{
        mediated: 'unplug',
        exclusive: 'unplug',
        reference: 'unplug',
        notifier: 'unplug',
        xen: 'unplug',
        timeout: 'tick',
      },
      // What Linux shipped looks only when the VM itself is given another proof.
      linux: 'add',
    });
  });

  test('what holds by construction or because nothing happens says so', () => {
    const standing = Object.fromEntries(checks.map((each) => [each.policy, each.standing]));
    expect(standing.linux?.P4).toBe('vacuous');
    expect(standing.linux?.P13).toBe('proved');
    expect(standing.mediated).toMatchObject({ P1: 'proved', P2: 'by construction', P6: 'by construction' });
    expect(
      Object.values(standing)
        .flatMap((each) => Object.values(each))
        .filter((each) => each === 'vacuous'),
    ).toEqual(['vacuous']);
  });

  test('and the page of docs/ is current', () => {
    const page = readFileSync(join(root, 'docs/authority.md'), 'utf8');
    const properties = DECIDED.map(({ id }) => id).filter((id) => id !== 'P0');
    // Quick bounds give the same sets.
    const search = new Search({ file: 2, proof: 2, vm: 2, clock: 1 }, { ...SMALL, ticks: 1 });
    const { maximal } = new Explorer(search, properties, () => {}).explore();
    expect(renderAuthorityPage(page, checks, pictureOf(properties, maximal, marksOf(checks, properties)))).toBe(page);
  });
});

test('the generated files are current (scripts/generate.mjs)', () => {
  for (const [file, text] of Object.entries(generated()))
    expect(readFileSync(join(root, file), 'utf8'), file).toBe(text);
});
