/**
 * Failures on demand: which served call is to fail, and how. A rule is written on the command line as
 * `CALL[@FILE]:WHAT[,when…]`, or as an object in a file.
 *
 *   VFIO_IOMMU_MAP_DMA:ENOMEM,nth=3           the third mapping fails
 *   open@/dev/iommu:EACCES                    every open of the file
 *   *:EIO,probability=0.01,seed=7             one call in a hundred, the same ones with the same seed
 *   IOMMU_IOAS_MAP:unplug=vfio1,nth=2         the device vanishes at the second mapping
 *   interrupt@vfio1:lose,nth=1                the device's first interrupt never arrives
 *   interrupt@vfio1:delay=5ms                 each interrupt is late
 *   dma@vfio1:abort,nth=2                     the device's second DMA transfer is aborted
 */
import { z } from 'zod';
import { ERRNO, type ErrnoName } from '../abi/errno.js';

/** Longest delay of an interrupt, ms: longer is lost. */
const MAX_DELAY = 60_000;

const errno = z.enum(Object.keys(ERRNO) as [ErrnoName, ...ErrnoName[]]);

export const ruleSchema = z
  .strictObject({
    call: z
      .string()
      .min(1)
      .describe('name of a system call (open, read, mmap …) or ioctl; interrupt; dma; * for every served call'),
    file: z.string().min(1).optional().describe('only on this file; for interrupt and dma: only of this device'),
    errno: errno.optional().describe('the call is refused with this error and has no effect'),
    unplug: z.string().min(1).optional().describe('this device is taken out of the machine before the call'),
    lose: z.literal(true).optional().describe('the interrupt does not arrive'),
    delay: z.number().positive().max(MAX_DELAY).optional().describe('the interrupt arrives so much later, ms'),
    abort: z.literal(true).optional().describe('the DMA transfer is aborted on its way, and moves nothing'),
    nth: z.int().positive().optional().describe('only the n-th call that matches, counted from 1'),
    probability: z.number().gt(0).max(1).optional().describe('only one matching call in 1/probability, by chance'),
    seed: z.int().nonnegative().optional().describe('seed of the chance'),
  })
  .superRefine((rule, context) => {
    const { call, nth, probability, seed } = rule;
    const complain = (message: string): void => context.addIssue({ code: 'custom', message });
    const effects = (['errno', 'unplug', 'lose', 'delay', 'abort'] as const).filter((key) => rule[key] !== undefined);
    if (effects.length !== 1) complain('give one of errno, unplug, lose, delay, abort');
    const ofInterrupt = effects[0] === 'lose' || effects[0] === 'delay';
    if (effects.length === 1 && ofInterrupt !== (call === 'interrupt')) {
      complain(`${effects[0]} is ${ofInterrupt ? 'for interrupt only' : 'not for interrupt'}`);
    }
    if (effects.length === 1 && (effects[0] === 'abort') !== (call === 'dma')) {
      complain(`${effects[0]} is ${effects[0] === 'abort' ? 'for dma only' : 'not for dma'}`);
    }
    if (nth !== undefined && probability !== undefined) complain('nth and probability exclude each other');
    if (seed !== undefined && probability === undefined) complain('a seed goes with a probability');
  });

export type Rule = z.output<typeof ruleSchema>;

/** The file of `--inject FILE`. */
export const rulesSchema = z
  .strictObject({ rules: z.array(ruleSchema).min(1) })
  .describe('Failures on demand, for ioasid exec --inject FILE');

/** The JSON Schema of such a file, for editors. */
export function injectJsonSchema(): object {
  return z.toJSONSchema(rulesSchema, { io: 'input' });
}

/** A number with a unit of time, in ms. */
function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(us|ms|s)$/.exec(text);
  if (!match) throw new RangeError(`'${text}' is no time: write 20us, 5ms or 1s`);
  return Number(match[1]) * { us: 0.001, ms: 1, s: 1000 }[match[2] as 'us' | 'ms' | 's'];
}

/**
 * Reads a rule as the command line has it.
 * @throws RangeError that says what is wrong
 */
export function parseRule(text: string): Rule {
  // The name of a file may have a colon: the last one separates.
  const colon = text.lastIndexOf(':');
  if (colon <= 0) throw new RangeError(`'${text}' is no rule: write CALL:ERRNO, for example VFIO_IOMMU_MAP_DMA:ENOMEM`);
  const [call = '', ...file] = text.slice(0, colon).split('@');
  const rule: Record<string, unknown> = { call, ...(file.length > 0 && { file: file.join('@') }) };
  for (const part of text.slice(colon + 1).split(',')) {
    const [key = '', ...rest] = part.split('=');
    const value = rest.join('=');
    if (key in ERRNO && rest.length === 0) rule.errno = key;
    else if (key === 'lose' && rest.length === 0) rule.lose = true;
    else if (key === 'abort' && rest.length === 0) rule.abort = true;
    else if (key === 'unplug' && value) rule.unplug = value;
    else if (key === 'delay' && value) rule.delay = duration(value);
    else if ((key === 'nth' || key === 'probability' || key === 'seed') && value) rule[key] = Number(value);
    else
      throw new RangeError(
        `'${part}' in '${text}' is neither an error nor nth=, probability=, seed=, unplug=, lose, delay=, abort`,
      );
  }
  const result = ruleSchema.safeParse(rule);
  if (result.success) return result.data;
  throw new RangeError(
    `'${text}': ${result.error.issues.map(({ path, message }) => [...path, message].join(': ')).join('; ')}`,
  );
}
