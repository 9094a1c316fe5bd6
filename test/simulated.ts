/** Simulated processes on a booted machine, for tests of the rules: devices that do DMA, and refusals by name. */
import { type BootedMachine, bootMachine, constants, ioctls, type Process } from '../src/index.js';

const { IOASID_IOCTLS, VFIO_IOCTLS } = ioctls;
const REG = constants.DMAE;
const COMMAND_FILL = 1n;
const FLAG_NO_SNOOP = 1n;
const FLAG_PASID = 2n;
const STATUS_BUSY = 1n;

export interface Engine {
  readonly fd: number;
  read(register: number, size?: 4 | 8): bigint;
  write(register: number, value: bigint, size?: 4 | 8): void;
  /** Fills 8 bytes by DMA. Returns RESULT: 0 for done; -1 while it waits for a page. */
  fill(iova: bigint, value: bigint, pasid?: number, noSnoop?: boolean): number;
  reset(): void;
}

/** A process with an open /dev/ioasid. */
export function user(machine: BootedMachine = bootMachine(), process: Process = machine.spawn()) {
  const fd = process.open('/dev/ioasid');
  const word = process.memory.mmap(4096);

  const engine = (device: number): Engine => {
    const write = (register: number, value: bigint, size: 4 | 8 = 4): void => {
      process.memory.write(word, new Uint8Array(new BigUint64Array([value]).buffer));
      process.pwrite(device, word, size, BigInt(register));
    };
    const read = (register: number, size: 4 | 8 = 4): bigint => {
      process.pread(device, word, size, BigInt(register));
      const bytes = new Uint8Array(8);
      process.memory.read(word, bytes.subarray(0, size));
      return new DataView(bytes.buffer).getBigUint64(0, true);
    };
    return {
      fd: device,
      read,
      write,
      fill(iova, value, pasid, noSnoop = false) {
        write(REG.IOASID_DMAE_REG_COMMAND, COMMAND_FILL);
        write(REG.IOASID_DMAE_REG_PATTERN, value, 8);
        write(REG.IOASID_DMAE_REG_DST, iova, 8);
        write(REG.IOASID_DMAE_REG_LENGTH, 8n);
        write(REG.IOASID_DMAE_REG_PASID, BigInt(pasid ?? 0));
        write(REG.IOASID_DMAE_REG_FLAGS, (pasid === undefined ? 0n : FLAG_PASID) | (noSnoop ? FLAG_NO_SNOOP : 0n));
        write(REG.IOASID_DMAE_REG_DOORBELL, 1n);
        if (read(REG.IOASID_DMAE_REG_STATUS) & STATUS_BUSY) return -1;
        return Number(read(REG.IOASID_DMAE_REG_RESULT));
      },
      reset: () => process.ioctl(device, VFIO_IOCTLS.DEVICE_RESET.request),
    };
  };

  return {
    machine,
    engine,
    process,
    fd,
    /** Opens a device and binds it; the cookie is the number in its name. */
    bind(name: string): Engine {
      const device = process.open(`/dev/vfio/devices/${name}`);
      const cookie = BigInt(name.replace(/\D/g, ''));
      process.call(device, VFIO_IOCTLS.BIND_IOASID_FD, { ioasid_fd: fd, cookie });
      return engine(device);
    },
    alloc: (flags = 0): number => process.call(fd, IOASID_IOCTLS.ALLOC, { flags }).result,
    child: (parent: number): number => process.ioctl(fd, IOASID_IOCTLS.CREATE_NESTING.request, parent),
    attach: (device: Engine, ioasid: number, pasid?: number): number =>
      process.call(device.fd, VFIO_IOCTLS.ATTACH_IOASID, route(ioasid, pasid)).result,
    detach: (device: Engine, ioasid: number, pasid?: number): number =>
      process.call(device.fd, VFIO_IOCTLS.DETACH_IOASID, route(ioasid, pasid)).result,
    /** Maps pages of new memory for reading and writing. Returns their address in the process. */
    map(ioasid: number, iova: bigint, size = 4096n): bigint {
      const vaddr = process.memory.mmap(size);
      process.call(fd, IOASID_IOCTLS.MAP_DMA, { ioasid, flags: 3, vaddr, iova, size });
      return vaddr;
    },
    peek(address: bigint): bigint {
      const bytes = new Uint8Array(8);
      process.memory.read(address, bytes);
      return new DataView(bytes.buffer).getBigUint64(0, true);
    },
  };
}

function route(ioasid: number, pasid: number | undefined) {
  return pasid === undefined ? { ioasid } : { ioasid, flags: 1, user_pasid: pasid };
}
