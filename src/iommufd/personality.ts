/** /dev/iommu as a personality: its node, and its contexts as plain data. */
import { type MachineServices, miscDevice, type Personality } from '../machine/personality.js';
import { UserAccounts } from '../memory/account.js';
import type { IommufdContext, IommufdHost } from './context.js';
import { IommufdDevice } from './device/device.js';
import { openIommufd } from './file.js';
import { HwptNested, HwptPaging } from './hwpt/hwpt.js';
import { Ioas } from './ioas/ioas.js';
import type { IommufdObject } from './objects.js';
import { addFaultInjection } from './selftest/debugfs.js';

/** linux/miscdevice.h: IOMMUFD's is assigned when it is registered; this is the first that is free. */
const MINOR = 125;

export class IommufdPersonality implements Personality, IommufdHost {
  readonly users = new UserAccounts();
  readonly contexts = new Set<IommufdContext>();
  readonly selftest: boolean;
  #mocks = 0;

  /** @param selftest the kernel is built with its own tests (Linux: CONFIG_IOMMUFD_TEST) */
  constructor({ kernel, nodes }: MachineServices, selftest: boolean) {
    this.selftest = selftest;
    nodes.add(miscDevice('iommu', MINOR), () => openIommufd(this));
    if (selftest) addFaultInjection(kernel.fs);
  }

  nextMock(): number {
    return this.#mocks++;
  }

  state(): ReturnType<NonNullable<Personality['state']>> {
    return {
      iommufds: [...this.contexts].map((context, i) => ({
        iommufd: i + 1,
        objects: [...context.objects].map(objectState),
      })),
    };
  }
}

/** What an object says of itself beside its number. Texts that name another object are links for whoever shows them. */
function factsOf(object: IommufdObject) {
  if (object instanceof Ioas) return { mappings: object.table.areas.count };
  if (object instanceof HwptPaging)
    return { shows: nameOf(object.ioas), enforceSnoop: object.domain.enforceCoherency, dirtyTracking: object.tracking };
  if (object instanceof HwptNested) return { below: nameOf(object.paging) };
  if (!(object instanceof IommufdDevice)) return {};
  const { device, group, attached } = object;
  const tables = attached.flatMap((pasid) => group.attachments.get(pasid)?.hwpt ?? []);
  return { device: device.name, attached: tables.map(nameOf) };
}

const kindOf = ({ kind }: IommufdObject): string => (kind === 'device' ? 'bound device' : kind);
const nameOf = (object: IommufdObject): string => `${kindOf(object)} ${object.id}`;

function objectState(object: IommufdObject) {
  const { id, users } = object;
  return { id, kind: kindOf(object), users, ...factsOf(object) };
}
