/** A leaf of an argument as a scenario that `ioasid play` plays, under a policy that answers as the leaf says. */
import type { Policy } from '../authority/policy.js';
import { CHECKED_POLICIES, checkedPolicy, worldOf } from '../check/check.js';
import type { Property } from '../check/properties.js';
import { replay } from '../check/story.js';
import { scenarioOf } from '../scenario/emit.js';
import { TICK_MS } from '../scenario/play.js';
import { tableOf } from './answer.js';
import type { Leaf } from './argument.js';
import { tablePolicy } from './family/family.js';
import { rulesOf } from './family/rules.js';
import { moduleText } from './family/wording.js';
import type { Search } from './search.js';

/** Does the leaf's story violate its property under a policy? */
function violates(search: Search, policy: Policy, { steps, other }: Leaf, property: Property): boolean {
  const world = worldOf(policy, search.options, property.world === 'caches');
  try {
    const { before, action, outcome } = replay(world, steps);
    const rights = world.rights();
    if (other) {
      replay(world, other);
      return world.rights() !== rights;
    }
    return action !== undefined && typeof property.judge(world, action, outcome, before, rights) !== 'boolean';
  } catch {
    // The story cannot happen under it.
    return false;
  }
}

/** @param name of the module, without its end. Returns the module too, if none of the known policies will do */
export function scenarioOfLeaf(search: Search, leaf: Leaf, name: string): { scenario: string; module?: string } {
  const property = search.property(leaf.property);
  const known = CHECKED_POLICIES.find((each) => violates(search, checkedPolicy(each), leaf, property));
  if (known) {
    const label = known === 'timeout' ? `timeout:${TICK_MS}ms` : known;
    return { scenario: scenarioOf(checkedPolicy(known), label, leaf, property, search.options) };
  }
  const { family } = search;
  const table = tableOf(family, leaf.exclusion);
  const summary = `a policy that answers so that ${leaf.property} is violated`;
  const policy = tablePolicy(family, table, name, summary);
  const rules = rulesOf(family, table, new Set(family.entries.keys()));
  return {
    scenario: scenarioOf(policy, `./${name}.mjs`, leaf, property, search.options),
    module: moduleText(rules, family.size, name, summary),
  };
}
