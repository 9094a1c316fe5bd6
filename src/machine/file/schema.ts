/** What may stand in a machine file. The JSON Schema of schema/ is printed from here. */
import { z } from 'zod';
import { parseDuration, policyByName } from '../../authority/policies.js';
import { checkModel, modelKeys } from './device-schema.js';
import { PAGE_SIZES, PAGE_TABLES } from './names.js';

const address = z
  .int()
  .min(0)
  .max(2 ** 52);

const pciAddress = (example: string) =>
  z.string().regex(/^[0-9a-f]{4}:[0-9a-f]{2}:[0-1][0-9a-f]\.[0-7]$/, `a PCI address as in "${example}"`);
const name = z.string().regex(/^[a-z][a-z0-9-]*$/, 'a name of lower-case letters, digits and -');

const iommu = z
  .strictObject({
    'enforce-snoop': z.boolean().describe('The unit can turn no-snoop requests into snooped ones'),
    nesting: z
      .strictObject({ hardware: z.int().min(0).max(1), software: z.int().min(0).max(16) })
      .default({ hardware: 0, software: 0 })
      .describe('Levels of nesting, by the unit itself and by software'),
    'pasid-bits': z.int().min(0).max(20).default(0).describe('Width of a PASID in bits; 0: no PASID'),
    'address-width': z.int().min(32).max(57).describe('Width of an I/O virtual address in bits'),
    'page-sizes': z.array(z.enum(PAGE_SIZES)).min(1).describe('Page sizes; 4K must be among them'),
    'page-tables': z.array(z.enum(PAGE_TABLES)).default([]).describe('Formats of page tables that users may bind'),
    'dirty-tracking': z.boolean().default(false).describe('The unit tells which pages devices wrote'),
    reserved: z
      .array(z.strictObject({ start: address, last: address }))
      .default([])
      .describe('Inclusive ranges of I/O virtual addresses that never go through translation'),
  })
  .describe('An IOMMU unit');

const device = z
  .strictObject({
    function: pciAddress('0000:00:02.0').optional().describe('PCI address of the function'),
    parent: pciAddress('0000:04:00.0')
      .optional()
      .describe('Mediated device: PCI address of the parent, which isolates it by PASID'),
    iommu: z.string().describe('The unit it is behind'),
    group: z.int().min(0).max(65535).describe('Number of its isolation group'),
    ...modelKeys,
    'no-snoop': z.boolean().default(false).describe('It can issue no-snoop requests'),
    pasid: z.boolean().default(false).describe('It can tag requests with a PASID'),
    pri: z.boolean().default(false).describe('It can ask for missing pages'),
    enqcmd: z.boolean().default(false).describe('Mediated: the parent takes ENQCMD'),
    'host-driver': z
      .string()
      .regex(/^[a-z][a-z0-9_-]*$/, 'the name of a driver')
      .optional()
      .describe('A driver of the host does DMA with it, so that it cannot be assigned'),
  })
  .describe('A device');

export const machineSchema = z
  .strictObject({
    iommus: z.record(name, iommu),
    devices: z.record(name, device),
    'fault-timeout': z
      .string()
      .default('10s')
      .describe('How long a device waits for a page: a number and ms, s, m or h'),
    authority: z
      .string()
      .default('mediated')
      .describe('Authority policy: who may flush the CPU caches, and for how long'),
    kvm: z
      .enum(['virtual', 'host'])
      .optional()
      .describe("Whose /dev/kvm programs open: the machine's, or the host's with a kvm-vfio device of the machine"),
    selftest: z
      .boolean()
      .optional()
      .describe("The kernel is built with Linux's own tests of iommufd: /dev/iommu takes IOMMU_TEST_CMD"),
  })
  .describe('A machine of ioasid')
  .superRefine((machine, context) => {
    const problem = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
    const groups = new Map<number, string>();
    const functions = new Set<string>();
    for (const [name, unit] of Object.entries(machine.iommus)) {
      const path = ['iommus', name];
      if (!unit['page-sizes'].includes('4K')) problem([...path, 'page-sizes'], 'page size 4K is missing');
      unit.reserved.forEach((range, i) => {
        if (range.last < range.start) problem([...path, 'reserved', i], 'last is less than start');
      });
      if (unit.nesting.hardware > 0 && unit['page-tables'].length === 0) {
        problem([...path, 'nesting'], 'hardware nesting needs page-tables');
      }
    }
    for (const [name, it] of Object.entries(machine.devices)) {
      const path = ['devices', name];
      const unit = machine.iommus[it.iommu];
      if (!unit) {
        problem([...path, 'iommu'], `no IOMMU '${it.iommu}'; there are: ${Object.keys(machine.iommus).join(', ')}`);
        continue;
      }
      if ((it.function === undefined) === (it.parent === undefined)) {
        problem(path, 'a device has either function or parent');
      }
      if (!it['host-driver'] && !/^vfio\d+$/.test(name))
        problem(path, `'${name}': an assignable device is named vfioN`);
      if (it.function !== undefined && functions.has(it.function))
        problem([...path, 'function'], 'two devices have this function');
      if (it.function !== undefined) functions.add(it.function);
      if (it.pasid && unit['pasid-bits'] === 0) problem([...path, 'pasid'], `IOMMU ${it.iommu} has pasid-bits: 0`);
      if (it.parent !== undefined && !it.pasid)
        problem(path, 'a mediated device is isolated by PASID: pasid must be true');
      if (it.enqcmd && it.parent === undefined) problem([...path, 'enqcmd'], 'enqcmd is for mediated devices');
      checkModel(it, (keys, message) => problem([...path, ...keys], message));
      const other = groups.get(it.group) ?? it.iommu;
      if (other !== it.iommu) problem([...path, 'group'], `group ${it.group} is behind IOMMU ${other} already`);
      groups.set(it.group, other);
    }
    if (parseDuration(machine['fault-timeout']) === undefined) {
      problem(['fault-timeout'], `'${machine['fault-timeout']}': a duration is a number and ms, s, m or h, as in 10s`);
    }
    try {
      policyByName(machine.authority);
    } catch (error) {
      problem(['authority'], (error as RangeError).message);
    }
  });

export type MachineDescription = z.output<typeof machineSchema>;

/** The JSON Schema of a machine file, for editors. */
export function machineJsonSchema(): object {
  return z.toJSONSchema(machineSchema, { io: 'input' });
}
