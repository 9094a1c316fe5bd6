/** What can be done to the model and to what it stands for, with the same answer: commands that fast-check can shrink. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { type Model, PAGES } from './model.js';
import type { Mapping, Place, World } from './world.js';

type Operation = fc.Command<Model, World>;

/** A command with the answers of both sides. */
function operation(text: string, model: (it: Model) => string, real: (it: World) => string): Operation {
  return {
    check: () => true,
    run: (m, r) => {
      expect(real(r)).toBe(model(m));
      // In every state: pages charged equal pages mapped.
      expect(r.process.mm.lockedPages).toBe(m.root.pages);
    },
    toString: () => text,
  };
}

const page = fc.integer({ min: 0, max: PAGES - 1 });
const place = (most: number): fc.Arbitrary<Place> =>
  fc.record({ start: page, pages: fc.integer({ min: 0, max: most }) });
const mapping = (most: number, targets: number): fc.Arbitrary<Mapping> =>
  fc.record({
    ...{ start: page, pages: fc.integer({ min: 0, max: most }), flags: fc.integer({ min: 0, max: 3 }) },
    target: fc.integer({ min: 0, max: targets - 1 }),
  });
const bitmap = fc.record({
  ...{ shift: fc.integer({ min: 0, max: 2 }), first: fc.nat(PAGES - 1), count: fc.nat(PAGES - 1), keep: fc.boolean() },
});

/** The kinds, each as often as its weight says. */
export const operations: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 20,
    arbitrary: mapping(5, PAGES - 6).map((it) =>
      operation(
        `map root ${JSON.stringify(it)}`,
        (m) => m.mapRoot(it),
        (r) => r.map(r.root, it),
      ),
    ),
  },
  {
    weight: 20,
    arbitrary: place(9).map((it) =>
      operation(
        `unmap root ${JSON.stringify(it)}`,
        (m) => m.unmapRoot(it.start, it.pages),
        (r) => r.unmap(r.root, it),
      ),
    ),
  },
  {
    weight: 20,
    arbitrary: mapping(3, PAGES).map((it) =>
      operation(
        `map child ${JSON.stringify(it)}`,
        (m) => m.mapChild(it),
        (r) => r.map(r.child, it),
      ),
    ),
  },
  {
    weight: 20,
    arbitrary: place(9).map((it) =>
      operation(
        `unmap child ${JSON.stringify(it)}`,
        (m) => m.unmapChild(it.start, it.pages),
        (r) => r.unmap(r.child, it),
      ),
    ),
  },
  {
    weight: 20,
    arbitrary: fc.record({ at: page, value: fc.nat(255) }).map(({ at, value }) =>
      operation(
        `write ${value} to page ${at}`,
        (m) => m.write(at, value),
        (r) => r.write(at, value),
      ),
    ),
  },
  {
    weight: 20,
    arbitrary: page.map((at) =>
      operation(
        `read page ${at}`,
        (m) => m.read(at),
        (r) => r.read(at),
      ),
    ),
  },
  {
    weight: 20,
    arbitrary: bitmap.map(({ shift, first, count, keep }) => {
      const unit = 1 << shift;
      const start = first - (first % unit);
      const pages = unit * (1 + (count >> shift));
      return operation(
        `dirty pages of ${pages} from ${start}, ${unit} a bit${keep ? ', kept' : ''}`,
        (m) => m.dirtyBits(start, pages, unit, keep),
        (r) => r.dirtyBits(start, pages, unit, keep),
      );
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constant(
      operation(
        'attach to the child, or detach',
        (m) => {
          m.inChild = !m.inChild;
          return '';
        },
        (r) => {
          r.change();
          return '';
        },
      ),
    ),
  },
);
