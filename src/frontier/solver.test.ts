import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Solver } from './solver.js';

const VARIABLES = 7;
const literal = fc.tuple(fc.integer({ min: 1, max: VARIABLES }), fc.boolean()).map(([v, yes]) => (yes ? v : -v));
const clause = fc.array(literal, { minLength: 1, maxLength: 4 });

const holds = (values: readonly boolean[], clauses: readonly number[][]): boolean =>
  clauses.every((literals) => literals.some((each) => values[Math.abs(each)] === each > 0));

/** By trying every assignment. */
function satisfiable(clauses: readonly number[][]): boolean {
  return Array.from({ length: 1 << VARIABLES }, (_, bits) => bits).some((bits) =>
    holds([false, ...Array.from({ length: VARIABLES }, (_, i) => (bits & (1 << i)) !== 0)], clauses),
  );
}

describe('the SAT solver', () => {
  test('agrees with trying every assignment, as clauses are added and literals assumed', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(clause, fc.array(literal, { maxLength: 3 })), { maxLength: 30 }), (steps) => {
        const solver = new Solver();
        for (let i = 0; i < VARIABLES; i++) solver.variable(i % 2 === 0);
        const clauses: number[][] = [];
        for (const [added, assumed] of steps) {
          clauses.push(added);
          solver.add(added);
          const all = [...clauses, ...assumed.map((each) => [each])];
          const values = solver.solve(assumed);
          expect(values !== undefined).toBe(satisfiable(all));
          if (values) expect(holds(values, all)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('gives a variable its preferred value where nothing says otherwise', () => {
    const solver = new Solver();
    const [a, b, c] = [solver.variable(true), solver.variable(false), solver.variable(false)];
    solver.add([-a, c]);
    expect(solver.solve()).toEqual([false, true, false, true]);
    expect(solver.solve([b, -c])).toEqual([false, false, true, false]);
  });

  test('proves that six pigeons do not fit into five holes', () => {
    const solver = new Solver();
    const at = Array.from({ length: 6 }, () => Array.from({ length: 5 }, () => solver.variable(false)));
    for (const holes of at) solver.add(holes);
    for (let hole = 0; hole < 5; hole++)
      for (let i = 0; i < 6; i++)
        for (let j = 0; j < i; j++) solver.add([-(at[i]?.[hole] as number), -(at[j]?.[hole] as number)]);
    expect(solver.solve()).toBeUndefined();
  });
});
