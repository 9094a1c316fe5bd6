/** What may stand in a machine file of the models of devices, beside what every device has. */
import { z } from 'zod';
import { bytesOf, SIZE } from './sizes.js';

const size = z.union([z.int().min(1), z.string().regex(SIZE, 'a size as in 64K, 64M or 1G')]);
const powerOfTwo = (least: number, most: number) =>
  size.refine(
    (it) => Number.isInteger(Math.log2(bytesOf(it))) && bytesOf(it) >= least && bytesOf(it) <= most,
    `a power of two from ${least} to ${most} is needed`,
  );
const hex = (digits: number) =>
  z
    .int()
    .min(0)
    .max(16 ** digits - 1);

const bar = z.strictObject({
  index: z.int().min(0).max(5),
  kind: z.enum(['io', 'memory32', 'memory64']).default('memory32').describe('A 64-bit BAR takes the next index too'),
  size: powerOfTwo(16, 2 ** 30).describe('Size, a power of two: memory from 4K on, ports to 256'),
  prefetchable: z.boolean().default(false),
});

const namespace = z.strictObject({
  size: size
    .refine(
      (it) => bytesOf(it) >= 2 ** 16 && bytesOf(it) <= 2 ** 44 && bytesOf(it) % 4096 === 0,
      'from 64K to 16384G, a multiple of 4K',
    )
    .optional()
    .describe('In memory, or the size of a file that does not exist yet'),
  file: z.string().min(1).optional().describe('A file that keeps the bytes; made if it does not exist'),
  block: z
    .union([z.literal(512), z.literal(4096)])
    .default(512)
    .describe('Bytes of a logical block'),
});

export const modelKeys = {
  model: z.enum(['dma-engine', 'edu', 'ioat', 'nvme', 'memory']).default('dma-engine').describe('What the device is'),
  bus: z
    .enum(['pci', 'pcie'])
    .optional()
    .describe('Conventional PCI (256 bytes of configuration space) or PCI Express'),
  interrupts: z
    .strictObject({
      intx: z.boolean().default(false).describe('It has an interrupt pin'),
      msi: z
        .union([0, 1, 2, 4, 8, 16, 32].map((n) => z.literal(n)))
        .default(0)
        .describe('MSI messages'),
      msix: z.int().min(0).max(2048).default(0).describe('Entries of the MSI-X table'),
      'msix-dynamic': z
        .boolean()
        .default(false)
        .describe('Vectors of MSI-X can be added while it is enabled, as where interrupts are remapped'),
    })
    .optional()
    .describe('How many ways it has to interrupt; as the model is by itself when not given'),
  sriov: z
    .strictObject({ vfs: z.int().min(1).max(7).describe('Most virtual functions') })
    .optional()
    .describe('It can have virtual functions (SR-IOV)'),
  edu: z
    .strictObject({
      mapped: z.boolean().default(false).describe('Programs map its BAR; the device sees their stores by looking'),
    })
    .optional()
    .describe('Options of the model edu'),
  ioat: z
    .strictObject({
      version: z.enum(['3.3', '3.4']).default('3.3').describe('CBVER; with 3.4 drivers expect answers in microseconds'),
      'largest-transfer': powerOfTwo(4096, 2 ** 20)
        .default('64K')
        .describe('Largest copy of one descriptor, a power of two'),
    })
    .optional()
    .describe('Options of the model ioat'),
  nvme: z
    .strictObject({
      serial: z
        .string()
        .regex(/^[ -~]{1,20}$/, 'at most 20 ASCII characters')
        .optional()
        .describe('Serial number; the name of the device when not given'),
      namespaces: z
        .array(namespace)
        .min(1)
        .max(16)
        .default([{ size: '64M', block: 512 }])
        .describe('The disks of the controller, from namespace 1 on'),
    })
    .optional()
    .describe('Options of the model nvme'),
  memory: z
    .strictObject({
      vendor: hex(4).default(0x1234),
      device: hex(4).default(0x11e8),
      class: hex(6).default(0x00ff00),
      bars: z
        .array(bar)
        .min(1)
        .max(6)
        .default([{ index: 0, kind: 'memory32', size: '1M', prefetchable: false }]),
      rom: powerOfTwo(2048, 2 ** 24)
        .optional()
        .describe('Size of an expansion ROM, a power of two; its image is 1K long'),
    })
    .optional()
    .describe('Options of the model memory: identity, BARs of plain memory or ports, and a ROM'),
};

const modelSchema = z.object(modelKeys);

/** What does not fit together. @param problem told of a key and what is wrong with it */
export function checkModel(
  it: z.output<typeof modelSchema> & { readonly function?: string | undefined },
  problem: (path: (string | number)[], message: string) => void,
): void {
  for (const key of ['edu', 'ioat', 'nvme', 'memory'] as const)
    if (it[key] && it.model !== key) problem([key], `these are options of the model ${key}, not of ${it.model}`);
  if (it.model === 'dma-engine') {
    for (const key of ['bus', 'interrupts', 'sriov'] as const)
      if (it[key] !== undefined) problem([key], `the model dma-engine is what it is: it takes no ${key}`);
  }
  const conventional = it.bus === 'pci' || (it.bus === undefined && (it.model === 'memory' || it.model === 'edu'));
  if (it.sriov && conventional) problem(['sriov'], 'SR-IOV needs bus: pcie');
  if (it.sriov && !it.function?.endsWith('.0')) problem(['sriov'], 'a function with virtual functions is number 0');
  for (const [i, disk] of (it.nvme?.namespaces ?? []).entries()) {
    if (disk.size === undefined && disk.file === undefined)
      problem(['nvme', 'namespaces', i], 'a namespace has a size, or a file');
    if (disk.file === undefined && disk.size !== undefined && bytesOf(disk.size) > 2 ** 30)
      problem(['nvme', 'namespaces', i, 'size'], 'a disk in memory has at most 1G; give it a file');
  }
  const taken = new Set<number>();
  for (const [i, { index, kind, size: bytes }] of (it.memory?.bars ?? []).entries()) {
    const at = ['memory', 'bars', i];
    const indices = kind === 'memory64' ? [index, index + 1] : [index];
    if (indices.includes(6)) problem([...at, 'index'], 'a 64-bit BAR takes the next index too, and there is no 6');
    for (const one of indices) {
      if (taken.has(one)) problem([...at, 'index'], `BAR ${one} is taken`);
      taken.add(one);
    }
    if (kind === 'io' ? bytesOf(bytes) > 256 : bytesOf(bytes) < 4096)
      problem([...at, 'size'], kind === 'io' ? 'ports take at most 256 bytes' : 'memory takes at least 4K');
  }
}
