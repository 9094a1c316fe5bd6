import { describe, expect, test } from 'vitest';
import { policyOfModule, watched } from './own-policy.js';
import { policyByName } from './policies.js';
import type { FileFacts, Policy } from './policy.js';

const NEED: FileFacts = { need: true, bound: true, unenforced: false };
const mediated = policyByName('mediated');

function told(policy: Policy, act: (policy: Policy) => void): string[] {
  const lines: string[] = [];
  act(watched(policy, (text) => lines.push(text)));
  return lines;
}

describe('a policy of a user’s own', () => {
  test('is what a module exports as policy, and a missing part is named', () => {
    expect(policyOfModule({ policy: mediated }, 'f')).toBe(mediated);
    expect(() => policyOfModule({}, 'f')).toThrow("f: exports no object named 'policy'");
    expect(() => policyOfModule({ policy: { ...mediated, name: 1 } }, 'f')).toThrow('f: policy.name is no string');
    const { vmRight: _, ...part } = mediated;
    expect(() => policyOfModule({ policy: part }, 'f')).toThrow('f: policy.vmRight is no function');
  });

  test('that is well is not complained of, and answers the same', () => {
    const lines = told(mediated, (policy) => {
      const proof = { memory: 0, file: 0, facts: NEED };
      for (let i = 0; i < 3; i++) {
        expect(policy.fileRight(0, NEED)).toBe(true);
        expect(policy.vmRight(0, [proof], 5)).toBe(true);
        expect(policy.vmRight(0, [], 5)).toBe(false);
        expect([policy.mayShow(1, NEED), policy.mayEndNeed(1), policy.vmDeadline(0)]).toEqual([true, true, undefined]);
      }
    });
    expect(lines).toEqual([]);
  });

  test('that throws gives no right, and is told once', () => {
    const broken: Policy = {
      ...mediated,
      fileRight: () => {
        throw new Error('oh');
      },
    };
    const lines = told(broken, (policy) => {
      expect([policy.fileRight(0, NEED), policy.fileRight(0, NEED)]).toEqual([false, false]);
    });
    expect(lines).toEqual(["authority policy 'mediated' throws in fileRight(0, 3): oh"]);
  });

  test('that counts how often it is asked is told to be impure at once; one that changes its mind, when it does', () => {
    let asked = 0;
    const counting: Policy = { ...mediated, fileRight: () => ++asked % 2 === 0 };
    expect(told(counting, (policy) => void policy.fileRight(0, NEED))).toEqual([
      "authority policy 'mediated' is not pure: it answers true to fileRight(0, 3), and then false",
    ]);
    let late = 0;
    const moody: Policy = { ...mediated, mayEndNeed: () => late === 0 };
    const lines = told(moody, (policy) => {
      policy.mayEndNeed(1);
      late = 1;
      policy.mayEndNeed(1);
    });
    expect(lines).toEqual([
      "authority policy 'mediated' is not pure: it answers true to mayEndNeed(1), and then false",
    ]);
  });

  test('whose memory is no number keeps what it had', () => {
    const odd: Policy = { ...mediated, fileChanged: () => -1 };
    const lines = told(odd, (policy) => expect(policy.fileChanged(1, NEED)).toBe(1));
    expect(lines).toEqual(["authority policy 'mediated' answers -1 to fileChanged(1, 3)"]);
  });
});
