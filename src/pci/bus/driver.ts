/**
 * Drivers of PCI functions, as Linux's driver core has them (drivers/pci/pci-driver.c): which functions they match, and
 * what happens when one is bound to them. Most drivers of a machine are data: they do DMA with their functions, and their
 * whole effect is that a function's group is the host's then.
 */
import { Errno } from '../../abi/errno.js';
import { bindHostDriver, unbindHostDriver } from '../../iommu/attach.js';
import type { Requester } from '../../iommu/requester.js';
import type { PciIdentity } from '../config/layout.js';
import type { PciFunction } from '../function.js';

/** PCI_ANY_ID. */
const ANY = 0xffff_ffff;

/** What a driver matches: struct pci_device_id. */
export interface PciId {
  readonly vendor: number;
  readonly device: number;
  readonly subvendor: number;
  readonly subdevice: number;
  readonly class: number;
  readonly classMask: number;
}

const anyOf = (id: Partial<PciId>): PciId => ({
  vendor: ANY,
  device: ANY,
  subvendor: ANY,
  subdevice: ANY,
  class: 0,
  classMask: 0,
  ...id,
});

function matches(id: PciId, it: PciIdentity): boolean {
  const same = (wanted: number, found: number): boolean => wanted === ANY || wanted === found;
  return (
    same(id.vendor, it.vendor) &&
    same(id.device, it.device) &&
    same(id.subvendor, it.subsystemVendor) &&
    same(id.subdevice, it.subsystem) &&
    ((id.class ^ it.classCode) & id.classMask) === 0
  );
}

const sameId = (a: PciId, b: PciId): boolean =>
  a.vendor === b.vendor &&
  a.device === b.device &&
  a.subvendor === b.subvendor &&
  a.subdevice === b.subdevice &&
  a.class === b.class &&
  a.classMask === b.classMask;

/** A function as drivers see it. */
export interface DriverSlot {
  /** DDDD:BB:DD.F, lower case. */
  readonly address: string;
  readonly requester: Requester;
  readonly function: PciFunction;
  /** The only driver that matches; undefined: drivers match by their ids. */
  readonly driverOverride: string | undefined;
}

export interface PciDriverOptions {
  /** As in /sys/bus/pci/drivers. */
  readonly name: string;
  /** As in /sys/module; the name with underscores when not given. */
  readonly module?: string;
  readonly ids?: readonly Partial<PciId>[];
  /** The kernel's DMA is its DMA: its probe begins with taking that of the function's group. */
  readonly ownsDma?: boolean;
  /** A function is bound to it. @throws Errno: it is not */
  probe(slot: DriverSlot): void;
  /** A function leaves it. @throws Errno: it does not */
  remove(slot: DriverSlot): void;
}

export class PciDriver {
  readonly name: string;
  readonly module: string;
  readonly ownsDma: boolean;
  readonly #ids: readonly PciId[];
  /** Added by new_id. */
  readonly #dynamic: PciId[] = [];
  readonly #options: PciDriverOptions;

  constructor(options: PciDriverOptions) {
    this.name = options.name;
    this.module = options.module ?? options.name.replaceAll('-', '_');
    this.ownsDma = options.ownsDma ?? false;
    this.#ids = (options.ids ?? []).map(anyOf);
    this.#options = options;
  }

  /** Would the driver take the function? A function's driver_override decides alone. */
  matches({ driverOverride, function: { identity } }: DriverSlot): boolean {
    if (driverOverride !== undefined) return driverOverride === this.name;
    return [...this.#dynamic, ...this.#ids].some((id) => matches(id, identity));
  }

  probe(slot: DriverSlot): void {
    this.#options.probe(slot);
  }

  remove(slot: DriverSlot): void {
    this.#options.remove(slot);
  }

  /**
   * Takes what is written to new_id: vendor, device, and perhaps subvendor, subdevice, class, class mask, all hexadecimal.
   * @throws EINVAL fewer than two numbers; EEXIST the driver matches that already
   */
  addId(text: string): void {
    const id = parseId(text);
    const [known] = [...this.#dynamic, ...this.#ids].filter((it) => sameId(it, id));
    if (known) throw new Errno('EEXIST', `${this.name} matches ${text.trim()} already`);
    this.#dynamic.push(id);
  }

  /** Takes what is written to remove_id. @throws EINVAL; ENODEV new_id was not told of it */
  removeId(text: string): void {
    const id = parseId(text);
    const at = this.#dynamic.findIndex((it) => it.vendor === id.vendor && it.device === id.device);
    if (at < 0) throw new Errno('ENODEV', `${this.name} was not told of ${text.trim()}`);
    this.#dynamic.splice(at, 1);
  }
}

function parseId(text: string): PciId {
  const fields: number[] = [];
  for (const word of text.trim().split(/\s+/)) {
    if (!/^(0x)?[0-9a-f]{1,8}$/i.test(word)) break;
    fields.push(Number.parseInt(word, 16));
  }
  const [vendor, device, subvendor = ANY, subdevice = ANY, code = 0, classMask = 0] = fields;
  if (vendor === undefined || device === undefined) {
    throw new Errno('EINVAL', `'${text.trim()}' has no vendor and device in hexadecimal`);
  }
  return { vendor, device, subvendor, subdevice, class: code, classMask };
}

/** A driver of the host that does DMA with its functions. */
export function hostDriver(name: string, ids: readonly Partial<PciId>[] = [], module?: string): PciDriver {
  return new PciDriver({
    ...{ name, ids, ownsDma: true, ...(module !== undefined && { module }) },
    probe: ({ requester }) => bindHostDriver(requester, name),
    remove: ({ requester }) => unbindHostDriver(requester),
  });
}

/** A driver that leaves the function alone, so that its group can be assigned. */
export function stubDriver(name: string): PciDriver {
  return new PciDriver({ name, probe: () => {}, remove: () => {} });
}
