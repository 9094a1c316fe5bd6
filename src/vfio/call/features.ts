/** VFIO_DEVICE_FEATURE of vfio-pci (linux-vfio.md, 5.9): the VF token, low power, DMA buffers. */
import { Errno } from '../../abi/errno.js';
import type { Fields } from '../../abi/layout.js';
import { VFIO_DEVICE_FEATURE as FEATURE, vfio_device_feature } from '../../abi/vfio.js';
import type { Caller } from '../../kernel/file/open-file.js';
import type { DeviceFile } from '../device-file.js';
import { tokenText } from '../vf-token.js';
import { dmaBuf } from './dma-buf.js';

const { GET, SET, PROBE, MASK } = FEATURE;

/** One use of a feature: where its data is. */
interface Use {
  readonly file: DeviceFile;
  readonly caller: Caller;
  /** Of the data, which follows the struct. */
  readonly address: bigint;
  /** Bytes of data. */
  readonly size: number;
}

interface Feature {
  /** GET or SET. */
  readonly directions: number;
  /** Least bytes of data. */
  readonly size: number;
  readonly run: (use: Use) => number;
}

function read({ caller, address }: Use, size: number): DataView {
  const bytes = new Uint8Array(size);
  caller.mm.copyIn(address, bytes);
  return new DataView(bytes.buffer);
}

const FEATURES: Readonly<Record<number, Feature>> = {
  [FEATURE.PCI_VF_TOKEN]: {
    directions: SET,
    size: 16,
    run: (use) => {
      const { tokenRole } = use.file.device;
      if (tokenRole.kind === 'physical') tokenRole.token.set(tokenText(new Uint8Array(read(use, 16).buffer)));
      return 0;
    },
  },
  [FEATURE.LOW_POWER_ENTRY]: {
    directions: SET,
    size: 0,
    run: ({ file }) => {
      file.require().lowPower.enter();
      return 0;
    },
  },
  [FEATURE.LOW_POWER_ENTRY_WITH_WAKEUP]: {
    directions: SET,
    size: 8,
    run: (use) => {
      const fd = read(use, 8).getInt32(0, true);
      if (fd < 0) throw new Errno('EINVAL', `descriptor ${fd}: an eventfd is needed to tell of the wake-up`);
      use.file.require().lowPower.enter(use.caller.eventfd(fd));
      return 0;
    },
  },
  [FEATURE.LOW_POWER_EXIT]: {
    directions: SET,
    size: 0,
    run: ({ file }) => {
      file.require().lowPower.exit();
      return 0;
    },
  },
  [FEATURE.DMA_BUF]: {
    directions: GET,
    size: 16,
    run: (use) => dmaBuf(use.file.require(), use.caller, use.address, use.size),
  },
};

/** Features that exist, and that this file has. @throws ENOTTY; EINVAL for one that only takes part in another */
function find(file: DeviceFile, number: number): Feature {
  if (number === FEATURE.PRECOPY_INFO_V2) throw new Errno('EINVAL', 'the device does not migrate');
  const found = FEATURES[number];
  const missing = number === FEATURE.PCI_VF_TOKEN && file.device.tokenRole.kind !== 'physical';
  if (!found || missing) throw new Errno('ENOTTY', `${file.device.name} does not have feature ${number}`);
  return found;
}

/** @throws EINVAL, ENOTTY; what the feature says */
export function feature(
  file: DeviceFile,
  { argsz, flags }: Fields<typeof vfio_device_feature>,
  caller: Caller,
  address: bigint,
): number {
  if (flags & ~(MASK | GET | SET | PROBE)) throw new Errno('EINVAL', `unknown bits in flags 0x${flags.toString(16)}`);
  const wanted = flags & (GET | SET);
  if ((flags & PROBE) === 0 && wanted === (GET | SET))
    throw new Errno('EINVAL', 'GET and SET go together only with PROBE');
  const { directions, size, run } = find(file, flags & MASK);
  if (wanted & ~directions) throw new Errno('EINVAL', `feature ${flags & MASK} cannot be used in this direction`);
  if (flags & PROBE) return 0;
  if (wanted === 0) throw new Errno('EINVAL', 'neither GET nor SET nor PROBE');
  const available = argsz - vfio_device_feature.size;
  if (available < size)
    throw new Errno('EINVAL', `feature ${flags & MASK} has ${size} bytes of data, not ${available}`);
  return run({ file, caller, address: address + BigInt(vfio_device_feature.size), size: available });
}
