/** An IOMMU unit of a host as a machine file describes it: from what its driver tells under /sys/class/iommu. */
import type { Host } from './host.js';

/** Numbers of fields of VT-d's capability registers (VT-d specification, 11.4.2 and 11.4.3). */
const field = (register: bigint, bit: number, width = 1): number =>
  Number((register >> BigInt(bit)) & ((1n << BigInt(width)) - 1n));

export type Reserved = readonly { readonly start: number; readonly last: number }[];

/** The keys of an IOMMU in a machine file. */
export type UnitKeys = Readonly<Record<string, unknown>>;

function register(host: Host, path: string): bigint | undefined {
  const text = host.text(path);
  return text !== undefined && /^[0-9a-f]+$/.test(text) ? BigInt(`0x${text}`) : undefined;
}

/** VT-d, by its registers. */
function intel(capability: bigint, extended: bigint): UnitKeys {
  const nests = field(extended, 26) === 1 && field(extended, 47) === 1;
  const width = field(capability, 16, 6) + 1;
  return {
    'enforce-snoop': field(extended, 7) === 1,
    nesting: { hardware: nests ? 1 : 0, software: 1 },
    'pasid-bits': field(extended, 40) === 1 ? Math.min(field(extended, 35, 5) + 1, 20) : 0,
    'address-width': Math.min(Math.max(width, 32), 57),
    'page-sizes': ['4K', ...(field(capability, 34) ? ['2M'] : []), ...(field(capability, 35) ? ['1G'] : [])],
    ...(nests && {
      'page-tables': ['x86-64-4level', ...(field(capability, 60) ? ['x86-64-5level'] : [])],
    }),
    'dirty-tracking': field(extended, 45) === 1,
  };
}

/** What is common to the units whose drivers tell nothing: AMD-Vi, SMMU and others. */
const OTHER: UnitKeys = {
  'enforce-snoop': true,
  nesting: { hardware: 0, software: 1 },
  'address-width': 48,
  'page-sizes': ['4K', '2M', '1G'],
};

/** @param name as /sys/class/iommu has it */
export function recordUnit(host: Host, name: string, reserved: Reserved): UnitKeys {
  const [capability, extended] = ['cap', 'ecap'].map((file) =>
    register(host, `class/iommu/${name}/intel-iommu/${file}`),
  );
  const keys = capability !== undefined && extended !== undefined ? intel(capability, extended) : OTHER;
  return reserved.length > 0 ? { ...keys, reserved } : keys;
}
