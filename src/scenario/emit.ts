/** A counterexample of the checker as a scenario file, with the answers and rights that the checker saw. */
import { stringify } from 'yaml';
import type { Policy } from '../authority/policy.js';
import { actionsOf } from '../check/actions.js';
import { type CheckOptions, worldOf } from '../check/check.js';
import type { Property } from '../check/properties.js';
import { fileName, type Step, sentence, vmName } from '../check/steps.js';
import type { Refutation } from '../check/story.js';
import type { Action, World } from '../check/world.js';

const same = (a: Step, b: Step): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Who may flush now, by name, for what is open. */
function rightsOf(world: World): Record<string, boolean> {
  const rights: Record<string, boolean> = {};
  for (let f = 0; f < world.bounds.files; f++) if (world.fileOpen(f)) rights[fileName(f)] = world.fileRight(f);
  for (let v = 0; v < world.bounds.vms; v++)
    if (world.at(world.layout.vmOpen + v)) rights[vmName(v)] = world.vmRight(v);
  return rights;
}

/** What the virtual kernel answers to a step, by the checker's world. */
function answerOf(world: World, action: Action, outcome: string): string {
  const { step } = action;
  if (outcome === 'refused') return 'EBUSY';
  if (step.do === 'flush') return 'flushed';
  if (step.do === 'flush-and-look') return world.at(world.layout.stale) ? 'stale' : 'fresh';
  return 'ok';
}

/**
 * The file's text: YAML. P2 is told by two stories, the machine restarted between them.
 * @param label the policy as a scenario names it
 * @param property that the story violates
 */
export function scenarioOf(
  policy: Policy,
  label: string,
  refutation: Refutation,
  { id, name, world: kind }: Pick<Property, 'id' | 'name' | 'world'>,
  options: CheckOptions,
): string {
  const { steps, other, wrong } = refutation;
  const told = (way: readonly Step[]): object[] => {
    const world = worldOf(policy, options, kind === 'caches');
    const actions = actionsOf(world);
    return way.map((step, i) => {
      const action = actions.find((each) => same(each.step, step));
      if (!action) throw new Error(`no action for: ${sentence(step)}`);
      const outcome = action.run(world);
      const last = i === way.length - 1 && (way === steps || !other);
      return {
        ...step,
        expect: answerOf(world, action, outcome),
        rights: rightsOf(world),
        ...(last && { why: wrong }),
      };
    });
  };
  return stringify({
    title: `${policy.name}: ${id} (${name}) is refuted: ${wrong}`,
    policy: label,
    steps: other ? [...told(other), { do: 'restart' }, ...told(steps)] : told(steps),
  });
}
