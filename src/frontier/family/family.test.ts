import { describe, expect, test } from 'vitest';
import type { Policy, Proof } from '../../authority/policy.js';
import { CHECKED_POLICIES, checkedPolicy } from '../../check/check.js';
import { POSSIBLE_FACTS } from '../../check/world.js';
import { Family, tablePolicy } from './family.js';
import { filledIn, rulesOf } from './rules.js';

const PLAIN = new Family({ file: 2, proof: 2, vm: 2, clock: 1 });
/** The clock shows 0 or 1; a time-out is one tick, so a VM's memory is a time up to 2. */
const CLOCKED = new Family({ file: 1, proof: 1, vm: 3, clock: 2 });
const familyOf = (policy: Policy): Family => (policy.clock ? CLOCKED : PLAIN);

describe('the family of tables', () => {
  test('has an entry for each question, each with a name of its own', () => {
    expect(PLAIN.entries).toHaveLength(156);
    for (const { entries } of [PLAIN, CLOCKED])
      expect(new Set(entries.map(({ name }) => name)).size).toBe(entries.length);
  });

  test.each(CHECKED_POLICIES)(
    'contains %s: its table answers as it does, for lists of up to three proofs too',
    (name) => {
      const policy = checkedPolicy(name);
      const family = familyOf(policy);
      const { file, proof, vm, clock } = family.size;
      const table = tablePolicy(family, family.tableOf(policy), name, '');
      const below = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
      const proofs: Proof[] = below(proof).flatMap((memory) =>
        below(file).flatMap((f) => POSSIBLE_FACTS.map((facts) => ({ memory, file: f, facts }))),
      );
      const lists: Proof[][] = [[], ...proofs.map((p) => [p]), ...proofs.flatMap((p) => proofs.map((q) => [p, q]))];
      lists.push(...proofs.map((p) => [p, ...proofs.slice(0, 2)]));
      for (const facts of POSSIBLE_FACTS) {
        for (const m of below(file)) {
          expect(table.fileChanged(m, facts)).toBe(policy.fileChanged(m, facts));
          expect(table.fileRight(m, facts)).toBe(policy.fileRight(m, facts));
          expect(table.proofShown(m, facts)).toBe(policy.proofShown(m, facts));
          for (const v of below(vm))
            for (const now of below(clock))
              expect(table.vmShown(v, m, facts, now)).toBe(policy.vmShown(v, m, facts, now));
        }
        for (const m of below(proof)) expect(table.proofChanged(m, facts)).toBe(policy.proofChanged(m, facts));
        for (const others of [0, 1, 2]) expect(table.mayShow(others, facts)).toBe(policy.mayShow(others, facts));
      }
      for (const list of lists)
        for (const m of below(vm)) {
          expect(table.vmListed(m, list)).toBe(policy.vmListed(m, list));
          for (const now of below(clock)) expect(table.vmRight(m, list, now)).toBe(policy.vmRight(m, list, now));
        }
      for (const vms of [0, 1, 2]) expect(table.mayEndNeed(vms)).toBe(policy.mayEndNeed(vms));
    },
  );

  test.each(CHECKED_POLICIES)('tells %s in rules that make the same table', (name) => {
    const policy = checkedPolicy(name);
    const family = familyOf(policy);
    const table = family.tableOf(policy);
    expect(filledIn(family, rulesOf(family, table, new Set(family.entries.keys())))).toEqual(table);
  });

  test('refuses a policy that remembers more', () => {
    const counting: Policy = { ...checkedPolicy('sticky'), fileChanged: (memory) => memory + 1 };
    expect(() => PLAIN.tableOf(counting)).toThrow('answers 2 to fileChanged(file 1, nothing): not below 2');
  });
});
