/** Programs for the kernel in the page: simulated processes that make the same calls as compiled ones. A yield stands before a call. */
import { PAGE_SIZE } from '../../../src/abi/address.js';
import { Errno } from '../../../src/abi/errno.js';
import { ALLOC, DIRTY, DMA_MAP, KVM } from '../../../src/abi/ioasid/constants.js';
import { IOASID_IOCTLS, VFIO_IOASID_IOCTLS as VFIO_IOCTLS } from '../../../src/abi/ioasid/ioctls.js';
import { KVM_DEVICE_IOCTLS, KVM_IOCTLS, KVM_VM_IOCTLS, LINUX_KVM } from '../../../src/abi/kvm.js';
import type { BootedMachine } from '../../../src/boot.js';
import type { Process } from '../../../src/kernel/process.js';
import { DEFAULT_DESCRIPTION } from '../../../src/machine/default-description.js';
import type { MachineDescription } from '../../../src/machine/file/schema.js';
import { fillByDma, guestOperation } from '../../../src/scenario/calls.js';

const PAGE = BigInt(PAGE_SIZE);
const READ_WRITE = DMA_MAP.IOASID_DMA_MAP_READ | DMA_MAP.IOASID_DMA_MAP_WRITE;
const IOVA = 0x100000n;

type Run = Generator<void, void, void>;
/** Starts a process of the program. */
type Spawn = () => Process;

export interface PageProgram {
  readonly id: string;
  readonly name: string;
  readonly about: string;
  /** The default machine when not given. */
  readonly machine?: MachineDescription;
  /** Calls that run before the program is held for the first time; undefined: it is not held. */
  readonly holdAfter?: number;
  run(spawn: Spawn, machine: BootedMachine): Run;
}

/** A call that may be refused: the trace has the reason. */
function attempt(call: () => unknown): void {
  try {
    call();
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
  }
}

function bind(process: Process, file: number, device: string): number {
  const fd = process.open(`/dev/vfio/devices/${device}`);
  process.call(fd, VFIO_IOCTLS.BIND_IOASID_FD, { ioasid_fd: file, cookie: BigInt(fd) });
  return fd;
}

function map(process: Process, fd: number, ioasid: number, iova: bigint, size: bigint, vaddr: bigint): void {
  process.call(fd, IOASID_IOCTLS.MAP_DMA, { ioasid, flags: READ_WRITE, vaddr, iova, size });
}

function* right(spawn: Spawn): Run {
  const process = spawn();
  const file = process.open('/dev/ioasid');
  yield;
  const device = process.open('/dev/vfio/devices/vfio0');
  yield;
  process.call(device, VFIO_IOCTLS.BIND_IOASID_FD, { ioasid_fd: file, cookie: 1n });
  yield;
  const ioasid = process.ioctl(file, IOASID_IOCTLS.ALLOC.request);
  yield;
  attempt(() => process.ioctl(file, IOASID_IOCTLS.EXECUTE_WBINVD.request));
  yield;
  process.call(device, VFIO_IOCTLS.ATTACH_IOASID, { ioasid });
  yield;
  map(process, file, ioasid, IOVA, 2n * PAGE, process.memory.mmap(2n * PAGE));
  yield;
  process.ioctl(file, IOASID_IOCTLS.EXECUTE_WBINVD.request);
  yield;
  fillByDma(process, device, IOVA, 0x11n, 4096);
  yield;
  const kvm = process.open('/dev/kvm');
  const vm = process.ioctl(kvm, KVM_IOCTLS.CREATE_VM.request);
  yield;
  guestOperation(process, vm, KVM.KVM_GUEST_OP_WBINVD);
  yield;
  const { fd } = process.call(vm, KVM_VM_IOCTLS.CREATE_DEVICE, { type: LINUX_KVM.KVM_DEV_TYPE_VFIO });
  yield;
  const pointer = process.memory.mmap(PAGE);
  process.memory.write(pointer, new Uint8Array(new Int32Array([file]).buffer));
  process.call(fd, KVM_DEVICE_IOCTLS.SET_DEVICE_ATTR, {
    group: KVM.KVM_DEV_IOASID,
    attr: BigInt(KVM.KVM_DEV_IOASID_ADD),
    addr: pointer,
  });
  yield;
  guestOperation(process, vm, KVM.KVM_GUEST_OP_WBINVD);
  yield;
  const other = spawn();
  const handed = process.send(file, other);
  other.ioctl(handed, IOASID_IOCTLS.EXECUTE_WBINVD.request);
  yield;
  process.call(device, VFIO_IOCTLS.DETACH_IOASID, { ioasid });
  yield;
  process.ioctl(device, VFIO_IOCTLS.UNBIND_IOASID_FD.request);
  yield;
  attempt(() => process.ioctl(file, IOASID_IOCTLS.EXECUTE_WBINVD.request));
  yield;
  guestOperation(process, vm, KVM.KVM_GUEST_OP_WBINVD);
}

function* driver(spawn: Spawn): Run {
  const process = spawn();
  const file = process.open('/dev/ioasid');
  const devices = ['vfio1', 'vfio2', 'vfio5'].map((name) => bind(process, file, name));
  yield;
  const ioasids: number[] = [];
  for (const [i, device] of devices.entries()) {
    const alloc = i === 0 ? { flags: ALLOC.IOASID_ALLOC_NO_ENFORCE_SNOOP } : {};
    const ioasid = process.call(file, IOASID_IOCTLS.ALLOC, alloc).result;
    yield;
    process.call(device, VFIO_IOCTLS.ATTACH_IOASID, { ioasid });
    ioasids.push(ioasid);
    yield;
  }
  const memory = process.memory.mmap(256n * PAGE);
  const [space = 0] = ioasids;
  process.call(file, IOASID_IOCTLS.DIRTY_TRACKING, { ioasid: space, flags: DIRTY.IOASID_DIRTY_TRACKING_START });
  for (let round = 0n; round < 60n; round++) {
    const iova = IOVA + round * 0x10000n;
    map(process, file, space, iova, 4n * PAGE, memory + (round % 64n) * 4n * PAGE);
    yield;
    fillByDma(process, devices[0] as number, iova + PAGE, round, 4096);
    yield;
    if (round % 7n === 3n) attempt(() => map(process, file, space, iova + 1n, PAGE, memory));
    if (round % 11n === 5n) attempt(() => map(process, file, space, iova, PAGE, memory));
    if (round % 13n === 6n) attempt(() => map(process, file, space, 0xfee00000n, PAGE, memory));
    if (round % 5n === 4n) {
      process.call(file, IOASID_IOCTLS.UNMAP_DMA, { ioasid: space, iova: iova - 0x20000n, size: 4n * PAGE });
    }
    for (const other of ioasids.slice(1)) map(process, file, other, iova, PAGE, memory + (round % 64n) * 4n * PAGE);
    yield;
  }
}

function* millionMappings(spawn: Spawn): Run {
  const process = spawn();
  const file = process.open('/dev/ioasid');
  const device = bind(process, file, 'vfio1');
  const ioasid = process.ioctl(file, IOASID_IOCTLS.ALLOC.request);
  process.call(device, VFIO_IOCTLS.ATTACH_IOASID, { ioasid });
  const memory = process.memory.mmap(512n * PAGE);
  let iova = 0x1000000n;
  let seed = 1;
  for (let i = 0; i < 1_000_000; i++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    const pages = BigInt(1 + ((seed >>> 16) & 3));
    map(process, file, ioasid, iova, pages * PAGE, memory + BigInt((seed >>> 20) & 255) * PAGE);
    iova += (pages + BigInt((seed >>> 24) & 7)) * PAGE + ((seed & 0xfff000) === 0 ? 0x1000000n : 0n);
    yield;
  }
}

function* millionCalls(spawn: Spawn): Run {
  const processes = Array.from({ length: 4 }, () => spawn());
  const files = processes.map((process) => process.open('/dev/ioasid'));
  const ioasids = processes.map((process, i) => process.ioctl(files[i] as number, IOASID_IOCTLS.ALLOC.request));
  for (let i = 0; i < 1_000_000; i++) {
    const which = i & 3;
    const process = processes[which] as Process;
    const file = files[which] as number;
    if (i % 16 === 7) attempt(() => process.ioctl(file, IOASID_IOCTLS.EXECUTE_WBINVD.request));
    else if (i % 64 === 9) attempt(() => process.call(file, IOASID_IOCTLS.GET_INFO, { ioasid: 99 }));
    else process.call(file, IOASID_IOCTLS.GET_INFO, { ioasid: ioasids[which] as number });
    yield;
  }
}

/** 64 devices behind four units, in groups of one and two. */
function largeMachine(): MachineDescription {
  const { vtd0, vtd1 } = DEFAULT_DESCRIPTION.iommus;
  const { vfio2 } = DEFAULT_DESCRIPTION.devices;
  if (!vtd0 || !vtd1 || !vfio2) throw new Error('the default machine has no vtd0, vtd1 and vfio2');
  const devices = Array.from({ length: 64 }, (_, i) => {
    const bus = (i + 1).toString(16).padStart(2, '0');
    const it = {
      function: `0000:${bus}:00.0`,
      iommu: `vtd${i % 4}`,
      group: Math.floor(i / 2) + 1,
      'no-snoop': i % 3 === 0,
    };
    // Two devices of a group are behind the same unit.
    return [`vfio${i}`, { ...vfio2, ...it, iommu: `vtd${Math.floor(i / 2) % 4}` }] as const;
  });
  return {
    ...DEFAULT_DESCRIPTION,
    iommus: { vtd0, vtd1, vtd2: vtd0, vtd3: vtd1 },
    devices: Object.fromEntries(devices),
  };
}

function* crowd(spawn: Spawn): Run {
  for (let i = 0; i < 50; i++) {
    const process = spawn();
    const file = process.open('/dev/ioasid');
    yield;
    if (i >= 32) continue;
    const [a, b] = [bind(process, file, `vfio${2 * i}`), bind(process, file, `vfio${2 * i + 1}`)];
    yield;
    const ioasid = process.ioctl(file, IOASID_IOCTLS.ALLOC.request);
    process.call(a, VFIO_IOCTLS.ATTACH_IOASID, { ioasid });
    process.call(b, VFIO_IOCTLS.ATTACH_IOASID, { ioasid });
    yield;
    map(process, file, ioasid, IOVA, 16n * PAGE, process.memory.mmap(16n * PAGE));
    yield;
  }
}

export const PROGRAMS: readonly PageProgram[] = [
  {
    id: 'right',
    name: 'A device, a guest and the right to flush',
    about: 'one device that bypasses the caches, one VM that is shown the proof; held before the device goes',
    holdAfter: 15,
    run: right,
  },
  {
    id: 'driver',
    name: 'A driver at work',
    about: 'three devices, mappings, DMA with dirty tracking, and some calls that are refused',
    run: driver,
  },
  {
    id: 'crowd',
    name: '50 processes and 64 devices',
    about: 'a large machine',
    machine: largeMachine(),
    run: crowd,
  },
  { id: 'mappings', name: 'A million mappings', about: 'one address space, filled', run: millionMappings },
  { id: 'calls', name: 'A million calls', about: 'four processes that ask', run: millionCalls },
];
