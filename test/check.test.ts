/** The checker: what it finds, that a wrong policy is caught, and that its world is the virtual kernel's. */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Policy } from '../src/authority/policy.js';
import { fileName, vmName } from '../src/check/action.js';
import { actionsOf } from '../src/check/actions.js';
import {
  boundsOf,
  CHECKED_POLICIES,
  type CheckOptions,
  checkedPolicy,
  DEFAULT_OPTIONS,
  worldOf,
} from '../src/check/check.js';
import { explore } from '../src/check/explore.js';
import { World } from '../src/check/world.js';
import { renderAuthorityPage } from '../src/cli/authority-page.js';
import { generated } from '../src/cli/generated.js';
import { Player } from '../src/scenario/play.js';
import { parseScenario, playScenario } from '../src/scenario/scenario.js';
import type { ScenarioStep } from '../src/scenario/schema.js';
import { random, seed } from './random.js';
import { root, run, workDirectory } from './run.js';

/** Bounds that are enough for every refutation, and quick. */
const SMALL: CheckOptions = { ...DEFAULT_OPTIONS, files: 1, devices: 1, vms: 2, ticks: 2 };

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
  // A policy that is no function of its facts: it counts how often it is asked.
  P6: (p) => {
    let asked = 0;
    return { ...p, fileRight: () => ++asked % 2 === 0 };
  },
  P7: (p) => ({ ...p, mayEndNeed: () => false }),
  P8: (p) => ({ ...p, vmRight: (_memory, proofs) => proofs.some((proof) => proof.facts.need) }),
  P9: (p) => ({ ...p, vmRight: () => false }),
  P10: (p) => ({ ...p, fileRight: () => true }),
  P11: (p) => ({ ...p, mayShow: (others, facts) => facts.need && p.mayShow(others, facts) }),
};

describe('ioasid check', () => {
  test('an honest answer is not vacuous: the number of states is known', () => {
    const { states, transitions, deadlocks, never } = explore(worldOf(checkedPolicy('mediated'), SMALL, false));
    expect({ states, transitions, deadlocks }).toEqual({ states: 1146, transitions: 9353, deadlocks: 0 });
    expect(never.map((step) => step.do)).toEqual(['dup', 'dup']);
  });

  test.each(CHECKED_POLICIES)('a wrong %s is caught, whatever property it had', (name) => {
    const policy = checkedPolicy(name);
    const missed = satisfied(name).filter((id) => MUTATIONS[id] && !refuted(MUTATIONS[id](policy)).includes(id));
    expect(missed).toEqual([]);
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
    const wrong = new Wrong(boundsOf(SMALL, false), checkedPolicy('mediated'), 3);
    expect(explore(wrong).refutations.map(({ property }) => property)).toContain('P12');
  });

  test.each(CHECKED_POLICIES)('P13 and P14 are the mechanism’s: %s loses them without it, and P9 too', (name) => {
    const policy = checkedPolicy(name);
    const without = refuted(policy, { ...SMALL, flushAllCpus: false, flushOnMap: false });
    expect(without).toContain('P14');
    expect(without).toContain('P9');
    // Where no process may flush there is no flush that could miss a CPU.
    if (name !== 'linux') expect(without).toContain('P13');
  });

  test('options that are wrong are told', () => {
    expect(run(['check', '--vms', '9'])).toMatchObject({ status: 2, stderr: expect.stringContaining('from 1 to 3') });
    expect(run(['check', '--policy', 'nobody'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('there are'),
    });
  });
});

describe('refinement', () => {
  test.each(CHECKED_POLICIES)(
    `the checker’s world and the virtual kernel agree on long random walks under %s (IOASID_SEED=${seed})`,
    (name) => {
      const pick = random(seed);
      const options: CheckOptions = { ...DEFAULT_OPTIONS, devices: 5, descriptors: 2, ticks: 5 };
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
  const { stdout, status } = run(['check', '--json', '--emit-scenario', directory]);
  const files = readdirSync(directory);

  test('is written as a scenario', () => {
    expect(status).toBe(0);
    expect(files.length).toBeGreaterThan(30);
  });

  test.each(files)('%s happens on the virtual kernel', (file) => {
    const played = playScenario(parseScenario(readFileSync(join(directory, file), 'utf8'), file));
    expect(played.flatMap((step, i) => step.wrong.map((wrong) => `step ${i + 1}: ${wrong}`))).toEqual([]);
  });

  test('and the page of docs/ is current', () => {
    const page = readFileSync(join(root, 'docs/authority.md'), 'utf8');
    expect(renderAuthorityPage(page, JSON.parse(stdout).checks)).toBe(page);
  });
});

test('the generated files are current (scripts/generate.mjs)', () => {
  for (const [file, text] of Object.entries(generated()))
    expect(readFileSync(join(root, file), 'utf8'), file).toBe(text);
});
