/** The registers around a model: what its options say of bus, interrupts, PASIDs and virtual functions, as capabilities. */
import type { Capability } from '../pci/config/capability.js';
import {
  addressTranslation,
  advancedErrors,
  pageRequests,
  processAddressSpaces,
  serialNumber,
  singleRootVirtualization,
} from '../pci/config/extended-capabilities.js';
import type { BarLayout, FunctionLayout, PciIdentity } from '../pci/config/layout.js';
import {
  EXPRESS_TYPE,
  express,
  messageSignalledInterrupts,
  msix,
  powerManagement,
} from '../pci/config/standard-capabilities.js';
import type { FunctionOptions, InterruptOptions } from './options.js';

/** What a model is by itself. */
export interface Shell {
  readonly identity: PciIdentity;
  readonly bus: 'pci' | 'pcie';
  readonly interrupts: InterruptOptions;
  /** Where the MSI-X table and the pending bits are. */
  readonly msix: { readonly bar: number; readonly table: number; readonly pending: number };
  readonly bars: readonly BarLayout[];
  /** Bytes of the expansion ROM's BAR; not given: there is none. */
  readonly romSize?: number | undefined;
  /** EUI-64. */
  readonly serial: bigint;
  /** It can be reset alone. */
  readonly flr: boolean;
  readonly configRegisters?: FunctionLayout['configRegisters'];
}

/** Behind the device-specific registers that real functions have below. */
const FREE_EXTENDED = 0x1a0;
const OUTSTANDING_PAGE_REQUESTS = 32;

/** The layout of a function. */
export function functionLayout(shell: Shell, options: FunctionOptions): FunctionLayout {
  const bus = options.bus ?? shell.bus;
  const { intx, msi, msix: vectors } = options.interrupts ?? shell.interrupts;
  const capabilities: Capability[] = [];
  if (bus === 'pcie') capabilities.push(powerManagement());
  if (msi > 0) capabilities.push(messageSignalledInterrupts(msi));
  if (bus === 'pcie') capabilities.push(express(EXPRESS_TYPE.ENDPOINT, shell.flr));
  if (vectors > 0) capabilities.push(msix({ vectors, ...shell.msix }));
  if (bus === 'pcie') capabilities.push(advancedErrors(), ...extended(shell, options));
  return {
    identity: shell.identity,
    configSize: bus === 'pcie' ? 4096 : 256,
    interruptPin: intx ? 1 : 0,
    capabilities,
    bars: shell.bars,
    romSize: shell.romSize,
    ...(bus === 'pcie' && shell.configRegisters && { configRegisters: shell.configRegisters }),
  };
}

function extended(shell: Shell, { pasidBits, pageRequests: asks, virtualFunctions }: FunctionOptions): Capability[] {
  const list: Capability[] = [{ ...serialNumber(shell.serial), place: FREE_EXTENDED }];
  if (pasidBits > 0 || asks) list.push(addressTranslation());
  if (asks) list.push(pageRequests(OUTSTANDING_PAGE_REQUESTS));
  if (pasidBits > 0) list.push(processAddressSpaces(pasidBits));
  if (virtualFunctions > 0) {
    list.push(
      singleRootVirtualization({
        ...{ totalVfs: virtualFunctions, firstVfOffset: 1, vfStride: 1, vfDevice: shell.identity.device },
        vfBars: shell.bars.map(({ index, size, kind }) => ({ index, size, wide: kind === 'memory64' })),
      }),
    );
  }
  return list;
}
