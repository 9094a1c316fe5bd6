import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { refused } from '../../test/refused.js';
import { injectFailures } from '../memory/allocation.js';
import { IommufdObject, ObjectTable } from './objects.js';

class Thing extends IommufdObject {
  readonly kind: string = 'thing';
  readonly gone: string[];

  constructor(gone: string[] = []) {
    super();
    this.gone = gone;
  }

  destroy(): void {
    this.gone.push(`${this.kind} ${this.id}`);
  }
}
class Other extends Thing {
  override readonly kind = 'other';
}

describe('ids of iommufd objects (linux-iommufd.md, 3)', () => {
  test('are the lowest free, from 1 on', () => {
    const table = new ObjectTable();
    const [a, b, c] = [0, 1, 2].map(() => table.finalize(table.reserve(new Thing())));
    expect([a?.id, b?.id, c?.id]).toEqual([1, 2, 3]);
    table.destroy(2);
    table.destroy(1);
    expect([table.reserve(new Thing()).id, table.reserve(new Thing()).id, table.reserve(new Thing()).id]).toEqual([
      1, 2, 4,
    ]);
  });

  test('mean nothing until the object is complete, and are taken all the same', () => {
    const table = new ObjectTable();
    const thing = table.reserve(new Thing());
    expect([table.find(thing.id), refused(() => table.destroy(thing.id)), table.empty]).toEqual([
      undefined,
      'ENOENT',
      false,
    ]);
    table.abort(thing);
    expect([table.empty, thing.gone]).toEqual([true, ['thing 1']]);
  });

  test('name one kind of object: ENOENT for another', () => {
    const table = new ObjectTable();
    const { id } = table.finalize(table.reserve(new Thing()));
    expect(refused(() => table.get(id, Other))).toBe('ENOENT');
    expect(table.get(id, Thing).id).toBe(id);
    expect(refused(() => table.get(0, Thing))).toBe('ENOENT');
  });

  test('of objects in use cannot be destroyed: EBUSY, and the object stays', () => {
    const table = new ObjectTable();
    const thing = table.finalize(table.reserve(new Thing()));
    thing.users = 1;
    expect([refused(() => table.destroy(thing.id)), table.find(thing.id), thing.gone]).toEqual(['EBUSY', thing, []]);
  });

  test('of buried objects are never given again', () => {
    const table = new ObjectTable();
    const thing = table.finalize(table.reserve(new Thing()));
    table.bury(thing);
    expect([table.find(1), table.reserve(new Thing()).id, table.empty]).toEqual([undefined, 2, false]);
  });

  test('are not taken by an object for which there is no memory; it lets go of what it holds', () => {
    const table = new ObjectTable();
    const thing = new Thing();
    injectFailures(() => true);
    try {
      expect(refused(() => table.reserve(thing))).toBe('ENOMEM');
    } finally {
      injectFailures(undefined);
    }
    expect([table.empty, thing.gone.length]).toEqual([true, 1]);
  });

  test('end with the context: each object after those that use it, whatever the order they were made in', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(), { nil: undefined }), { maxLength: 12 }), (uses) => {
        const gone: string[] = [];
        const table = new ObjectTable();
        const all: (Thing & { of?: Thing })[] = [];
        for (const use of uses) {
          const of = use === undefined ? undefined : all[use % Math.max(1, all.length)];
          class User extends Thing {
            override destroy(): void {
              super.destroy();
              if (of) of.users--;
            }
          }
          const made = table.finalize(table.reserve(new User(gone)));
          if (of) of.users++;
          all.push(Object.assign(made, of && { of }));
        }
        table.destroyAll();
        expect([table.empty, gone.length]).toEqual([true, uses.length]);
        for (const { id, of } of all) {
          if (of) expect(gone.indexOf(`thing ${id}`)).toBeLessThan(gone.indexOf(`thing ${of.id}`));
        }
      }),
    );
  });
});
