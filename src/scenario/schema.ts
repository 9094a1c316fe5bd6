/** What may stand in a scenario file. The JSON Schema of schema/ is printed from here. */
import { z } from 'zod';
import { policyByName } from '../authority/policies.js';

const name = z.string().regex(/^[A-Za-z][A-Za-z0-9-]*$/, 'a name of letters, digits and -');
const vm = z.coerce.string().regex(/^[1-9]\d*$/, 'the number of a VM');
const device = z.string().regex(/^vfio\d+$/, 'a device, vfioN');
const answer = z
  .string()
  .regex(/^(ok|flushed|no-op|fresh|stale|E[A-Z]+)$/, 'ok, flushed, no-op, fresh, stale or an error name as EBUSY');

const common = {
  expect: z
    .union([answer, z.record(z.string(), answer)])
    .optional()
    .describe('The expected answer; or by policy, with `other` for the rest'),
  rights: z
    .record(z.string(), z.union([z.boolean(), z.record(z.string(), z.boolean())]))
    .optional()
    .describe('Who may flush after the step: file names and VM numbers to true or false; or by policy'),
  why: z.string().optional().describe('A sentence for the reader'),
};

const step = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('open'), process: name, file: name, ...common }),
  z.strictObject({ do: z.enum(['dup', 'close']), process: name, file: name, ...common }),
  z.strictObject({ do: z.literal('pass'), process: name, file: name, to: name, ...common }),
  z.strictObject({ do: z.literal('chmod'), mode: z.string().regex(/^0[0-7]{3}$/, 'a mode as "0600"'), ...common }),
  z.strictObject({ do: z.literal('bind'), process: name, file: name, device, ...common }),
  z.strictObject({ do: z.literal('attach'), device, ioasid: z.enum(['plain', 'enforcing']), ...common }),
  z.strictObject({ do: z.enum(['unbind', 'detach', 'unplug', 'plug']), device, ...common }),
  z.strictObject({ do: z.literal('create-vm'), process: name, vm, ...common }),
  z.strictObject({ do: z.enum(['add', 'delete', 'enable']), vm, file: name, ...common }),
  z.strictObject({ do: z.enum(['disable', 'close-vm', 'load', 'guest-flush', 'flush-and-look']), vm, ...common }),
  z.strictObject({ do: z.enum(['tick', 'restart']), ...common }),
  z.strictObject({ do: z.enum(['dma-write', 'dma-read']), device, ...common }),
  z.strictObject({ do: z.enum(['map', 'unmap', 'store', 'migrate', 'recycle']), ...common }),
  z.strictObject({ do: z.literal('flush'), process: name, file: name, ...common }),
]);

export const scenarioSchema = z
  .strictObject({
    title: z.string().describe('What the story is about'),
    policy: z
      .string()
      .describe(
        'The authority policy that the story is told under, or the file of one, from where the scenario is; a tick is one second',
      ),
    steps: z.array(step).min(1),
  })
  .describe('A scenario of ioasid')
  .superRefine(({ policy }, context) => {
    // A file is looked at when the scenario is played.
    if (/\.[cm]?[jt]s$/.test(policy)) return;
    try {
      policyByName(policy);
    } catch (error) {
      context.addIssue({ code: 'custom', path: ['policy'], message: (error as RangeError).message });
    }
  });

export type Scenario = z.output<typeof scenarioSchema>;
export type ScenarioStep = Scenario['steps'][number];

/** The JSON Schema of a scenario file, for editors. */
export function scenarioJsonSchema(): object {
  return z.toJSONSchema(scenarioSchema, { io: 'input' });
}
