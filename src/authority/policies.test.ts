import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Authority, type FileRecord, type VmRecord } from './authority.js';
import { POLICY_NAMES, parseDuration, policyByName } from './policies.js';
import type { FileFacts } from './policy.js';

/** A file whose facts the test sets. */
class Source {
  now: FileFacts = { need: false, bound: false, unenforced: false };
  facts(): FileFacts {
    return this.now;
  }
}

/** A history of one file and one VM, written down; the definitions below look at it. */
interface History {
  readonly facts: FileFacts;
  readonly now: number;
  readonly listed: boolean;
  /** need(F) held once. */
  readonly everNeeded: boolean;
  /** The clock when the proof was shown while need(F) held, last; undefined: never. */
  readonly shownNeeding: number | undefined;
  /** right(F) of the sticky policy held when the proof was shown. */
  readonly shownSticky: boolean;
  /** need(F) held when it was shown, and ever since. */
  readonly unbroken: boolean;
  /** A listed file had a device behind a unit that cannot enforce, when the list changed last. */
  readonly unenforcedAtChange: boolean;
}

/** The table of authority.md, literally: right(F) and right(V). */
const DEFINITION: Readonly<Record<string, (h: History) => [boolean, boolean]>> = {
  mediated: (h) => [h.facts.need, h.listed && h.facts.need],
  'one-time': (h) => [h.facts.need, h.shownNeeding !== undefined],
  reference: (h) => [h.facts.need, h.listed && h.facts.need],
  exclusive: (h) => [h.facts.need, h.listed && h.facts.need],
  notifier: (h) => [h.facts.need, h.listed && h.unbroken],
  'timeout:5ms': (h) => [h.facts.need, h.shownNeeding !== undefined && h.now < h.shownNeeding + 5],
  linux: (h) => [false, h.unenforcedAtChange],
  xen: (h) => [h.facts.bound, h.listed && h.facts.bound],
  sticky: (h) => [h.everNeeded || h.facts.need, h.shownSticky],
};

type Event = { do: 'facts'; need: boolean; bound: boolean; unenforced: boolean } | { do: 'show' | 'withdraw' | 'tick' };

const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ do: fc.constant('facts' as const), need: fc.boolean(), bound: fc.boolean(), unenforced: fc.boolean() }),
  fc.record({ do: fc.constantFrom('show' as const, 'withdraw' as const, 'tick' as const) }),
);

function replay(name: string, events: readonly Event[]): void {
  const definition = DEFINITION[name];
  if (!definition) throw new Error(`no definition of ${name}`);
  let now = 0;
  const source = new Source();
  const authority = new Authority(policyByName(name), () => now);
  const told: string[] = [];
  const file: FileRecord = authority.addFile(source, (held) => told.push(`file ${held}`));
  const vm: VmRecord = authority.addVm((held) => told.push(`vm ${held}`));
  let h: History = {
    ...{ facts: source.now, now, listed: false, everNeeded: false, shownNeeding: undefined },
    ...{ shownSticky: false, unbroken: false, unenforcedAtChange: false },
  };
  for (const e of events) {
    if (e.do === 'facts') {
      // What needs, or is unenforced, is bound.
      source.now = { need: e.need, bound: e.bound || e.need || e.unenforced, unenforced: e.unenforced };
      authority.changed(file);
      h = { ...h, facts: source.now, everNeeded: h.everNeeded || e.need, unbroken: h.unbroken && e.need };
    } else if (e.do === 'show') {
      authority.show(vm, file);
      const { need, unenforced } = h.facts;
      h = { ...h, listed: true, unbroken: need, unenforcedAtChange: unenforced };
      h = { ...h, shownNeeding: need ? now : h.shownNeeding, shownSticky: h.shownSticky || h.everNeeded };
    } else if (e.do === 'withdraw' && h.listed) {
      authority.withdraw(vm, file);
      h = { ...h, listed: false, unbroken: false, unenforcedAtChange: false };
    } else if (e.do === 'tick') {
      now += 2;
      authority.refresh();
      h = { ...h, now };
    }
    const [fileRight, vmRight] = definition(h);
    expect(authority.mayFlush(file)).toBe(fileRight);
    expect(authority.guestMayFlush(vm)).toBe(vmRight);
    // Whoever listens was told of each change.
    expect(told.findLast((line) => line.startsWith('file')) ?? 'file false').toBe(`file ${fileRight}`);
    expect(told.findLast((line) => line.startsWith('vm')) ?? 'vm false').toBe(`vm ${vmRight}`);
  }
  authority.disable(vm);
  expect(authority.guestMayFlush(vm)).toBe(false);
}

describe('each policy is its line of the table', () => {
  test.each(Object.keys(DEFINITION))('%s', (name) => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => replay(name, events)),
      { numRuns: 300 },
    );
  });

  test('all of them are defined here', () => {
    expect(
      Object.keys(DEFINITION)
        .map((name) => name.replace(/:.*/, ':DURATION'))
        .sort(),
    ).toEqual([...POLICY_NAMES]);
  });
});

describe('names', () => {
  test('a duration is a number and ms, s, m or h', () => {
    expect([parseDuration('250ms'), parseDuration('30s'), parseDuration('5m'), parseDuration('1h')]).toEqual([
      250, 30_000, 300_000, 3_600_000,
    ]);
    for (const text of ['', '5', 's', '0s', '-1s', '1.5s', '1 s', '99999999999999999h'])
      expect(parseDuration(text)).toBeUndefined();
  });

  test('an unknown name says which there are', () => {
    expect(() => policyByName('sudo')).toThrow("no authority policy 'sudo'; there are: exclusive, linux, mediated");
    expect(() => policyByName('timeout:soon')).toThrow('timeout:30s');
  });
});
