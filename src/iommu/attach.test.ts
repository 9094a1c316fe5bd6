import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { requester as functionOf, UNIT } from '../../test/hardware.js';
import { refused } from '../../test/refused.js';
import { CpuCaches } from '../memory/cpu-caches.js';
import {
  attach,
  bindHostDriver,
  claim,
  detach,
  plug,
  release,
  replace,
  routeOf,
  type Target,
  unbindHostDriver,
  unplug,
} from './attach.js';
import { DMA_FAULT, type Domain } from './domain.js';
import { PasidPool, PasidTable, type Route, type SharedPasids } from './pasid-table.js';
import { IommuGroup, type Requester } from './requester.js';

const domain = (): Domain => ({ enforceSnoop: true, translate: () => DMA_FAULT.NOT_MAPPED });
const route = (): Route => ({ domain: domain() });

function requester(name: string, group: IommuGroup, table = new PasidTable()): Requester {
  return functionOf(name, { group, table });
}

describe('ownership of a group', () => {
  test('has one owner at a time, who may claim it as often as it likes: EPERM for others', () => {
    const group = new IommuGroup(1);
    const [one, two] = [{}, {}];
    claim(group, one);
    claim(group, one);
    expect(refused(() => claim(group, two))).toBe('EPERM');
    release(group, one);
    expect(refused(() => claim(group, two))).toBe('EPERM');
    release(group, one);
    expect(refused(() => claim(group, two))).toBe('ok');
  });

  test('ends with every route of the group', () => {
    const group = new IommuGroup(1);
    const who = requester('a', group);
    const owner = {};
    claim(group, owner);
    attach(group, undefined, route());
    attach(who, 5, route());
    release(group, owner);
    expect([routeOf(who, undefined), routeOf(who, 5)]).toEqual([undefined, undefined]);
    expect(who.table.entries.size).toBe(0);
  });

  test('is the host’s while a host driver is bound: EPERM to claim it; EBUSY to bind one to an owned group', () => {
    const group = new IommuGroup(1);
    const [a, b] = [requester('a', group), requester('b', group)];
    bindHostDriver(a, 'e1000e');
    bindHostDriver(b, 'e1000e');
    expect(refused(() => claim(group, {}))).toBe('EPERM');
    unbindHostDriver(a);
    expect(refused(() => claim(group, {}))).toBe('EPERM');
    unbindHostDriver(b);
    const owner = {};
    claim(group, owner);
    expect(refused(() => bindHostDriver(a, 'e1000e'))).toBe('EBUSY');
    expect(a.hostDriver).toBeUndefined();
  });
});

describe('routes', () => {
  test('attach needs none, replace needs one, detach needs nothing', () => {
    const group = new IommuGroup(1);
    const who = requester('a', group);
    const [first, second] = [route(), route()];
    expect(refused(() => replace(who, undefined, first))).toBe('EINVAL');
    attach(who, undefined, first);
    expect(refused(() => attach(who, undefined, second))).toBe('EBUSY');
    expect(routeOf(who, undefined)).toBe(first);
    replace(who, undefined, second);
    expect(routeOf(who, undefined)).toBe(second);
    detach(who, undefined);
    detach(who, undefined);
    expect(routeOf(who, undefined)).toBeUndefined();
  });

  test('an attach of a group that fails at one function leaves all of them as they were', () => {
    const group = new IommuGroup(1);
    // The second of the two has a parent whose only number is taken.
    const pool = new PasidPool(1);
    pool.allocate();
    const [free, full] = [requester('free', group), requester('full', group, new PasidTable(pool))];
    claim(group, {});
    expect(refused(() => attach(group, 5, route()))).toBe('ENOSPC');
    expect([routeOf(free, 5), routeOf(full, 5)]).toEqual([undefined, undefined]);
    expect([free.wire.size, free.table.entries.size]).toEqual([0, 0]);
  });

  test('mediated devices of one owner share a number if their parents take ENQCMD, and each has its own entry', () => {
    const shared: SharedPasids = new Map();
    const pool = new PasidPool(20);
    const groups = [new IommuGroup(1), new IommuGroup(2), new IommuGroup(3)];
    const [a, b, other] = groups.map((group, i) => requester(`m${i}`, group, new PasidTable(pool, shared)));
    if (!a || !b || !other) throw new Error('three requesters');
    const owner = {};
    claim(a.group, owner);
    claim(b.group, owner);
    claim(other.group, {});
    for (const who of [a, b, other]) attach(who, 5, route());
    expect(a.wire.get(5)).toBe(b.wire.get(5));
    expect(other.wire.get(5)).not.toBe(a.wire.get(5));
    for (const who of [a, b, other]) detach(who, 5);
    expect([pool.allocate(), shared.size]).toEqual([2 ** 20 - 1, 0]);
  });

  test('a number that devices of one parent share goes to one domain: EEXIST for another', () => {
    const table = new PasidTable(new PasidPool(20), new Map());
    const [a, b] = [requester('a', new IommuGroup(1), table), requester('b', new IommuGroup(2), table)];
    const owner = {};
    claim(a.group, owner);
    claim(b.group, owner);
    const first = route();
    attach(a, 5, first);
    expect(refused(() => attach(b, 5, route()))).toBe('EEXIST');
    attach(b, 5, first);
    expect(refused(() => replace(a, 5, route()))).toBe('EEXIST');
    expect([routeOf(a, 5), routeOf(b, 5)]).toEqual([first, first]);
  });

  test('a function that comes is blocked, one that goes loses its routes, and the owner hears of both', () => {
    const group = new IommuGroup(1);
    const [a, b] = [requester('a', group), requester('b', group)];
    const heard: number[] = [];
    claim(group, {}, ({ members }) => heard.push(members.size));
    attach(group, undefined, route());
    attach(b, 7, route());
    unplug(b);
    expect([routeOf(b, undefined), routeOf(b, 7), heard]).toEqual([undefined, undefined, [1]]);
    plug(b);
    expect([routeOf(a, undefined) !== undefined, routeOf(b, undefined), heard]).toEqual([true, undefined, [1, 2]]);
  });
});

describe('the model of the caches', () => {
  const followed = (enforceSnoop = false) => {
    let count = 0;
    const follow = (_caches: CpuCaches, change: 1 | -1): void => {
      count += change;
    };
    return { route: { domain: { enforceSnoop, translate: () => DMA_FAULT.NOT_MAPPED, follow } }, count: () => count };
  };
  const unit = { ...UNIT, caches: new CpuCaches(true) };

  test('follows what a function that can pass by them is routed to: each route counts once, until it goes', () => {
    const [one, two] = [followed(), followed()];
    const group = new IommuGroup(1);
    const who = functionOf('a', { group, unit, noSnoop: true });
    claim(group, {});
    attach(who, undefined, one.route);
    attach(who, 5, one.route);
    expect(one.count()).toBe(2);
    replace(who, undefined, two.route);
    expect([one.count(), two.count()]).toEqual([1, 1]);
    detach(who, 5);
    detach(who, 5);
    expect(one.count()).toBe(0);
    unplug(who);
    expect(two.count()).toBe(0);
  });

  test.each([
    ['of a function that always snoops', false, false],
    ['to a domain that enforces snooping', true, true],
  ])('follows no route %s', (_, noSnoop, enforces) => {
    const it = followed(enforces);
    attach(functionOf('a', { unit, noSnoop }), undefined, it.route);
    expect(it.count()).toBe(0);
  });
});

/** What the primitive promises, without its tables: per function and PASID a route, per group an owner and its claims. */
class Model {
  readonly routes = new Map<string, Route>();
  readonly owners = new Map<number, { owner: object; claims: number }>();
}

test('agrees with a model of routes and owners under any sequence of calls', () => {
  const act = fc.record({
    call: fc.constantFrom('claim', 'release', 'attach', 'replace', 'detach', 'unplug', 'plug'),
    who: fc.integer({ min: 0, max: 2 }),
    whole: fc.boolean(),
    pasid: fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined }),
    owner: fc.integer({ min: 0, max: 1 }),
  });
  fc.assert(
    fc.property(fc.array(act, { minLength: 20, maxLength: 80 }), (acts) => {
      const groups = [new IommuGroup(1), new IommuGroup(2)] as const;
      const all = [requester('a', groups[0]), requester('b', groups[0]), requester('c', groups[1])] as const;
      const owners = [{}, {}] as const;
      const model = new Model();
      const key = (who: Requester, pasid: number | undefined) => `${who.name} ${pasid}`;
      for (const { call, who: number, whole, pasid, owner: ownerNumber } of acts) {
        const who = all[number as 0 | 1 | 2];
        const { group } = who;
        const owner = owners[ownerNumber as 0 | 1];
        const target: Target = whole ? group : who;
        const functions = whole ? [...group.members] : [who];
        const held = model.owners.get(group.id);
        const having = functions.filter((each) => model.routes.has(key(each, pasid))).length;
        if (call === 'claim') {
          const free = !held || held.owner === owner;
          expect(refused(() => claim(group, owner))).toBe(free ? 'ok' : 'EPERM');
          if (free) model.owners.set(group.id, { owner, claims: (held?.claims ?? 0) + 1 });
        } else if (call === 'release' && held?.owner === owner) {
          release(group, owner);
          if (--held.claims > 0) continue;
          model.owners.delete(group.id);
          for (const each of group.members) {
            for (const tag of [undefined, 1, 2]) model.routes.delete(key(each, tag));
          }
        } else if (call === 'attach' || call === 'replace') {
          const good = call === 'attach' ? having === 0 : having === functions.length;
          const to = route();
          const answer = refused(() => (call === 'attach' ? attach : replace)(target, pasid, to));
          expect(answer).toBe(good ? 'ok' : call === 'attach' ? 'EBUSY' : 'EINVAL');
          if (good) for (const each of functions) model.routes.set(key(each, pasid), to);
        } else if (call === 'detach') {
          detach(target, pasid);
          for (const each of functions) model.routes.delete(key(each, pasid));
        } else if (call === 'unplug') {
          unplug(who);
          for (const tag of [undefined, 1, 2]) model.routes.delete(key(who, tag));
        } else if (call === 'plug') plug(who);
        for (const each of all) {
          for (const tag of [undefined, 1, 2]) expect(routeOf(each, tag)).toBe(model.routes.get(key(each, tag)));
        }
        for (const each of groups) expect(each.owner).toBe(model.owners.get(each.id)?.owner);
      }
    }),
    { numRuns: 60 },
  );
});
