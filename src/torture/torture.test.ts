import { describe, expect, it } from 'vitest';
import { parseRule } from '../inject/rule.js';
import { plan, ruleOf, type ServedCall } from './plan.js';
import { judge } from './verdict.js';

const calls: readonly ServedCall[] = [
  { nth: 1, name: 'openat', file: '/dev/vfio/devices/vfio1' },
  { nth: 2, name: 'VFIO_DEVICE_BIND_IOMMUFD', file: '/dev/vfio/devices/vfio1' },
];

describe('the plan of a torture', () => {
  it('fails each call with each plausible error, then takes away the devices that are open', () => {
    expect(plan(calls).map(ruleOf)).toEqual([
      '*:ENOENT,nth=1',
      '*:EACCES,nth=1',
      '*:EBUSY,nth=1',
      '*:EMFILE,nth=1',
      '*:EBUSY,nth=2',
      '*:EPERM,nth=2',
      '*:EINVAL,nth=2',
      '*:unplug=vfio1,nth=2',
    ]);
  });

  it('is made of rules that --inject takes', () => {
    for (const trial of plan(calls)) expect(parseRule(ruleOf(trial)).nth).toBe(trial.call.nth);
  });
});

describe('the verdict', () => {
  const seen = { status: 0, timedOut: false, said: '', fired: 1, verified: undefined };
  it.each([
    ['survives', seen],
    ['survives', { ...seen, verified: 0 }],
    ['lies', { ...seen, verified: 1 }],
    ['ends', { ...seen, status: 1, said: 'cannot map\n' }],
    ['silent', { ...seen, status: 1, said: ' \n' }],
    ['crashes', { ...seen, status: 139, said: 'Segmentation fault' }],
    ['crashes', { ...seen, status: 134, fired: 0 }],
    ['hangs', { ...seen, status: null, timedOut: true }],
    ['missed', { ...seen, fired: 0 }],
  ])('%s', (verdict, what) => {
    expect(judge(what)).toBe(verdict);
  });
});
