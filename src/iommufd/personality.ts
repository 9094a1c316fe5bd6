/** /dev/iommu as a personality: its node, and its contexts as plain data. */
import { type MachineServices, miscDevice, type Personality } from '../machine/personality.js';
import { UserAccounts } from '../memory/account.js';
import type { IommufdContext, IommufdHost } from './context.js';
import { openIommufd } from './file.js';
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

  state() {
    return {
      iommufds: [...this.contexts].map((context, i) => ({
        iommufd: i + 1,
        objects: [...context.objects].map(({ id, kind, users }) => ({ id, kind, users })),
      })),
    };
  }
}
