/** What a line of a recorded run must look like (format.ts): it may have been edited, or be of another program. */
import { z } from 'zod';
import { ruleSchema } from '../../inject/rule.js';
import type { Input } from './format.js';

const hexadecimal = z.string().regex(/^0x[0-9a-f]{1,16}$/, 'is no 64-bit number in hexadecimal');
const base64 = z.string().regex(/^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, 'is no base64');
const count = z.int().nonnegative();
const refusal = z.object({ errno: z.string(), reason: z.string() });
const target = z.string();
/** A page is 4 KiB at least, and 1 GiB at most. */
const run = z.tuple([target, count, count.min(1), z.int().min(12).max(30), z.union([z.literal(0), z.literal(1)])]);
const fields = z.record(z.string(), z.union([z.number(), z.string()]));

/** Bytes that base64 text stands for. */
const bytesIn = (text: string): number => (text.length / 4) * 3 - (/=*$/.exec(text)?.[0].length ?? 0);

/** Each kind of input, without its name. */
const INPUTS: Readonly<Record<Input[0], z.ZodType>> = {
  read: z
    .tuple([target, hexadecimal, count, base64])
    .refine(([, , size, bytes]) => bytesIn(bytes) <= size, 'has more bytes than were read'),
  short: z
    .tuple([target, hexadecimal, count, count])
    .refine(([, , size, done]) => done <= size, 'wrote more than it should'),
  unpinnable: z.tuple([target, hexadecimal, hexadecimal, z.boolean(), hexadecimal.nullable()]),
  frames: z.tuple([target, hexadecimal, count, z.boolean(), z.union([z.array(run), refusal])]),
  limit: z.tuple([target, hexadecimal.nullable()]),
  exceed: z.tuple([target, z.boolean()]),
  bar: z.tuple([z.string(), count, base64]),
  uid: z.tuple([count]),
  capable: z.tuple([count, z.boolean()]),
  file: z.tuple([z.int(), z.union([count, z.null(), refusal])]),
  install: z.tuple([count, count, z.union([z.int(), refusal])]),
  'memory-file': z.tuple([z.int(), z.union([z.string(), refusal])]),
  eventfd: z.tuple([z.int(), z.union([z.string(), refusal])]),
  mappings: z.tuple([count, hexadecimal, count]),
  take: z.tuple([z.string(), z.boolean()]),
};

const input = z.tuple([z.string()], z.unknown()).superRefine(([kind, ...rest], context) => {
  const complain = (message: string): void => context.addIssue({ code: 'custom', message: `(${kind}) ${message}` });
  if (!Object.hasOwn(INPUTS, kind)) return complain('is of no kind that this ioasid knows');
  const { error } = INPUTS[kind as Input[0]].safeParse(rest);
  if (error) complain(sentence(error));
});

/** A line after the first. Other keys may be there. */
export const stepSchema = z.looseObject({
  time: z.number().nonnegative(),
  call: z.string(),
  ...z
    .object({
      ...{ pid: z.int(), tid: z.int(), fd: z.int(), request: count, result: z.int(), open: count, flags: count },
      ...{
        file: z.string(),
        ioctl: z.string(),
        errno: z.string(),
        reason: z.string(),
        mm: z.string(),
        name: z.string(),
      },
      ...{ args: fields, out: fields, raw: z.array(hexadecimal), bytes: base64, dead: z.array(z.string()) },
      who: z.object({ uid: count, gids: z.array(count), capabilities: hexadecimal }),
      in: z.array(input),
      wrote: z.array(z.tuple([target, hexadecimal, count, z.string()])),
      signals: z.array(z.tuple([z.string(), count])),
    })
    .partial().shape,
});

/** The first line. */
export const headerSchema = z.looseObject({
  trace: z.int(),
  version: z.string(),
  machine: z.object({ name: z.string(), text: z.string(), set: z.array(z.string()) }),
  ...{ authority: z.string().optional(), coherency: z.literal('strict').optional(), eviction: z.string().optional() },
  ...{ selftest: z.boolean().optional(), inject: z.array(ruleSchema).optional() },
  ...{ seed: count, cpus: count.min(1).max(4096), uid: count, gid: count },
});

/** The first thing that is wrong, in words. */
export function sentence(error: z.ZodError): string {
  const { path = [], message = '' } = error.issues[0] ?? {};
  return path.length === 0 ? message : `${path.join('.')}: ${message}`;
}
