import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ERRNO } from '../abi/errno.js';
import { IOASID_IOCTLS } from '../abi/ioasid/ioctls.js';
import { bootMachine } from '../boot.js';
import { Injector } from './injector.js';
import { injectJsonSchema, parseRule, type Rule, ruleSchema, rulesSchema } from './rule.js';

const ioctl = (name: string, file = '/dev/vfio/vfio') => ({ call: 'ioctl', name, file });

/** Which of n equal calls are refused. */
function refused(rule: Rule, n: number): number[] {
  const injector = new Injector([rule], () => {});
  const numbers = Array.from({ length: n }, (_, i) => i + 1);
  return numbers.filter((_) => {
    try {
      injector.enter(ioctl('VFIO_IOMMU_MAP_DMA'));
      return false;
    } catch {
      return true;
    }
  });
}

describe('a rule of the command line', () => {
  it('names a call, a file, an error and when', () => {
    expect(parseRule('VFIO_IOMMU_MAP_DMA:ENOMEM,nth=3')).toEqual({
      call: 'VFIO_IOMMU_MAP_DMA',
      errno: 'ENOMEM',
      nth: 3,
    });
    expect(parseRule('open@/dev/vfio/devices/by-bdf/0000:01:00.0:EACCES')).toEqual({
      call: 'open',
      file: '/dev/vfio/devices/by-bdf/0000:01:00.0',
      errno: 'EACCES',
    });
    expect(parseRule('*:EIO,probability=0.5,seed=7')).toEqual({ call: '*', errno: 'EIO', probability: 0.5, seed: 7 });
    expect(parseRule('IOMMU_IOAS_MAP:unplug=vfio1')).toEqual({ call: 'IOMMU_IOAS_MAP', unplug: 'vfio1' });
    expect(parseRule('interrupt@vfio1:delay=5ms')).toEqual({ call: 'interrupt', file: 'vfio1', delay: 5 });
    expect(parseRule('interrupt:lose,nth=1')).toEqual({ call: 'interrupt', lose: true, nth: 1 });
  });

  it.each([
    ['nonsense', 'is no rule'],
    ['open:', "'' in 'open:' is neither"],
    ['open:EFOO', "'EFOO'"],
    ['open:nth=3', 'give one of'],
    ['open:EIO,nth=0', 'nth'],
    ['open:EIO,nth=x', 'nth'],
    ['open:EIO,nth=1,probability=0.5', 'exclude'],
    ['open:EIO,seed=1', 'goes with a probability'],
    ['open:lose', 'for interrupt only'],
    ['interrupt:EIO', 'not for interrupt'],
    ['interrupt:delay=5', 'is no time'],
    ['open:EIO,unplug=vfio1', 'give one of'],
  ])('%s is refused with a sentence', (text, why) => {
    expect(() => parseRule(text)).toThrow(why);
  });

  it('reads back whatever the schema takes', () => {
    const rule = fc
      .record(
        {
          call: fc.stringMatching(/^[A-Za-z_*]+$/).filter((call) => call !== 'interrupt' && call !== 'dma'),
          file: fc.stringMatching(/^[/:.a-z0-9]+$/),
          errno: fc.constantFrom(...Object.keys(ERRNO)),
          nth: fc.integer({ min: 1 }),
        },
        { requiredKeys: ['call', 'errno'] },
      )
      .filter((it) => ruleSchema.safeParse(it).success);
    fc.assert(
      fc.property(rule, (it) => {
        const text = `${it.call}${it.file ? `@${it.file}` : ''}:${it.errno}${it.nth ? `,nth=${it.nth}` : ''}`;
        expect(parseRule(text)).toEqual(it);
      }),
    );
  });
});

describe('a file of rules', () => {
  it('has at least one, and says what is wrong with which', () => {
    expect(rulesSchema.safeParse({ rules: [{ call: 'open', errno: 'EIO' }] }).success).toBe(true);
    expect(rulesSchema.safeParse({ rules: [] }).success).toBe(false);
    const wrong = rulesSchema.safeParse({
      rules: [
        { call: 'open', errno: 'EIO' },
        { call: 'open', nth: 1 },
      ],
    });
    expect(wrong.error?.issues.map(({ path, message }) => [...path, message])).toEqual([
      ['rules', 1, 'give one of errno, unplug, lose, delay, abort'],
    ]);
  });
});

describe('the injector', () => {
  it('refuses every call that matches, or the n-th only', () => {
    expect(refused(parseRule('VFIO_IOMMU_MAP_DMA:ENOMEM'), 3)).toEqual([1, 2, 3]);
    expect(refused(parseRule('ioctl:ENOMEM,nth=2'), 4)).toEqual([2]);
    expect(refused(parseRule('*@/dev/vfio/vfio:ENOMEM,nth=4'), 5)).toEqual([4]);
    expect(refused(parseRule('*@/dev/iommu:ENOMEM'), 3)).toEqual([]);
    expect(refused(parseRule('open:ENOMEM'), 3)).toEqual([]);
  });

  it('refuses by chance the same calls with the same seed, about as many as were asked for', () => {
    const [one, again, other] = [1, 1, 2].map((seed) => refused(parseRule(`*:EIO,probability=0.1,seed=${seed}`), 5000));
    expect(one).toEqual(again);
    expect(one).not.toEqual(other);
    expect(one?.length).toBeGreaterThan(400);
    expect(one?.length).toBeLessThan(600);
  });

  it('takes a device out before the call, which may then be refused by another rule', () => {
    const out: string[] = [];
    const injector = new Injector(
      [parseRule('ioctl:unplug=vfio1,nth=2'), parseRule('ioctl:ENODEV,nth=2')],
      (device) => void out.push(device),
    );
    injector.enter(ioctl('A'));
    expect(out).toEqual([]);
    expect(() => injector.enter(ioctl('B'))).toThrow('injected: B on /dev/vfio/vfio');
    expect(out).toEqual(['vfio1']);
    expect(injector.fired).toEqual([1, 1]);
  });

  it('aborts the n-th DMA transfer of the device that is named, and no call', () => {
    const injector = new Injector([parseRule('dma@vfio1:abort,nth=2')], () => {});
    injector.enter({ call: 'ioctl', name: 'IOMMU_IOAS_MAP', file: '/dev/iommu' });
    expect(['vfio1', 'vfio2', 'vfio1', 'vfio1'].map((device) => injector.dma(device))).toEqual([
      false,
      false,
      true,
      false,
    ]);
    expect(() => parseRule('dma@vfio1:EIO')).toThrow('not for dma');
    expect(() => parseRule('ioctl:abort')).toThrow('for dma only');
  });

  it('loses or delays interrupts of the device that is named', () => {
    const injector = new Injector(
      [parseRule('interrupt@vfio1:lose,nth=2'), parseRule('interrupt:delay=1ms')],
      () => {},
    );
    expect([injector.interrupt('vfio1'), injector.interrupt('vfio1'), injector.interrupt('vfio2')]).toEqual([
      1,
      Number.POSITIVE_INFINITY,
      1,
    ]);
  });
});

it('the JSON Schema of a file knows the keys, the errors and what must be there', () => {
  expect(injectJsonSchema()).toMatchObject({
    additionalProperties: false,
    required: ['rules'],
    properties: {
      rules: {
        minItems: 1,
        items: {
          additionalProperties: false,
          required: ['call'],
          properties: {
            ...{ errno: { enum: expect.arrayContaining(['ENOMEM', 'EIO']) }, nth: { exclusiveMinimum: 0 } },
            ...{ lose: { const: true }, delay: { maximum: 60_000 }, probability: { maximum: 1 } },
          },
        },
      },
    },
  });
});

describe('a machine with rules', () => {
  it('refuses the n-th call with the errno and has not carried it out', () => {
    const machine = bootMachine({ inject: [parseRule('IOASID_ALLOC:ENOMEM,nth=2')], injectLog: true });
    const process = machine.spawn();
    const fd = process.open('/dev/ioasid');
    const alloc = () => process.ioctl(fd, IOASID_IOCTLS.ALLOC.request);
    expect(alloc()).toBe(1);
    expect(alloc).toThrow('injected: IOASID_ALLOC on /dev/ioasid');
    expect(alloc()).toBe(2);
    expect(machine.injector?.fired).toEqual([1]);
    expect(machine.injector?.log.map(({ name }) => name)).toEqual(['open', ...Array(3).fill('IOASID_ALLOC')]);
  });

  it('takes a device out at the call that was named, and goes on if it is out already', () => {
    const machine = bootMachine({ inject: [parseRule('IOASID_ALLOC:unplug=vfio1')] });
    const process = machine.spawn();
    const fd = process.open('/dev/ioasid');
    process.ioctl(fd, IOASID_IOCTLS.ALLOC.request);
    process.ioctl(fd, IOASID_IOCTLS.ALLOC.request);
    expect(() => process.open('/dev/vfio/devices/vfio1')).toThrow('does not exist');
  });
});
