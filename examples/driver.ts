/** What the examples share: a process with a context, and a driver of the DMA engine. */
import { bootMachine, constants, ioctls, linuxIommufd, type Process } from 'ioasid';

const { VFIO_IOCTLS } = ioctls;
const { VFIO_IOMMUFD_IOCTLS } = linuxIommufd;
const { DMAE } = constants;

export const PAGE = 4096n;
/** File offset of a device's configuration space (linux/vfio.h: region 7). */
const CONFIG_SPACE = 7 * 2 ** 40;
export const READ_WRITE = constants.DMA_MAP.IOASID_DMA_MAP_READ | constants.DMA_MAP.IOASID_DMA_MAP_WRITE;

/** A machine with one process that opened /dev/ioasid. */
export function open() {
  const machine = bootMachine();
  const process = machine.spawn();
  return { machine, process, ioasid: process.open('/dev/ioasid') };
}

/** The registers of a DMA engine, whoever it is bound to. */
class Registers {
  readonly fd: number;
  readonly #process: Process;
  readonly #word: bigint;

  constructor(process: Process, name: string) {
    this.#process = process;
    this.#word = process.memory.mmap(PAGE);
    this.fd = process.open(`/dev/vfio/devices/${name}`);
  }

  set(register: number, value: bigint, size = 8): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, true);
    this.#process.memory.write(this.#word, bytes);
    this.#process.pwrite(this.fd, this.#word, size, BigInt(register));
  }

  get(register: number): number {
    const bytes = new Uint8Array(4);
    this.#process.pread(this.fd, this.#word, 4, BigInt(register));
    this.#process.memory.read(this.#word, bytes);
    return new DataView(bytes.buffer).getUint32(0, true);
  }

  /** Copies by DMA. Returns how it went: done, waiting for a page, or the reason of the error. */
  copy(source: bigint, target: bigint, length: number, pasid?: number): 'done' | 'waiting' | number {
    this.set(DMAE.IOASID_DMAE_REG_COMMAND, 0n, 4);
    this.set(DMAE.IOASID_DMAE_REG_SRC, source);
    this.set(DMAE.IOASID_DMAE_REG_DST, target);
    this.set(DMAE.IOASID_DMAE_REG_LENGTH, BigInt(length), 4);
    this.set(DMAE.IOASID_DMAE_REG_FLAGS, pasid === undefined ? 0n : 2n, 4);
    this.set(DMAE.IOASID_DMAE_REG_PASID, BigInt(pasid ?? 0), 4);
    this.set(DMAE.IOASID_DMAE_REG_DOORBELL, 1n, 4);
    return this.outcome();
  }

  outcome(): 'done' | 'waiting' | number {
    const status = this.get(DMAE.IOASID_DMAE_REG_STATUS);
    if (status & 1) return 'waiting';
    return status & 2 ? 'done' : this.get(DMAE.IOASID_DMAE_REG_RESULT);
  }
}

/** A DMA engine of a process. */
export class Engine extends Registers {
  readonly #process: Process;

  /** Opens a device and binds it; the cookie is its name in IOASID calls. */
  constructor(process: Process, ioasid: number, name: string, cookie: bigint) {
    super(process, name);
    this.#process = process;
    process.call(this.fd, VFIO_IOCTLS.BIND_IOASID_FD, { ioasid_fd: ioasid, cookie });
  }

  attach(ioasid: number, user_pasid?: number): void {
    const flags = user_pasid === undefined ? 0 : constants.VFIO.VFIO_ATTACH_IOASID_USER_PASID;
    this.#process.call(this.fd, VFIO_IOCTLS.ATTACH_IOASID, { ioasid, flags, user_pasid: user_pasid ?? 0 });
  }

  detach(ioasid: number): void {
    this.#process.call(this.fd, VFIO_IOCTLS.DETACH_IOASID, { ioasid });
  }
}

/** A DMA engine that is used through /dev/iommu. */
export class IommufdEngine extends Registers {
  readonly #process: Process;
  /** Its id in the iommufd. */
  readonly id: number;

  constructor(process: Process, iommufd: number, name: string) {
    super(process, name);
    this.#process = process;
    this.id = process.call(this.fd, VFIO_IOMMUFD_IOCTLS.BIND, { argsz: 16, iommufd }).out_devid;
    // The command register: memory space and bus master.
    this.set(CONFIG_SPACE + 4, 6n, 2);
  }

  /** Attaches it to an IOAS or a hardware page table. */
  attach(pt_id: number): void {
    this.#process.call(this.fd, VFIO_IOMMUFD_IOCTLS.ATTACH, { argsz: 12, pt_id });
  }
}

export function writeText(process: Process, address: bigint, text: string): void {
  process.memory.write(address, new TextEncoder().encode(text));
}

export function readText(process: Process, address: bigint, length: number): string {
  const bytes = new Uint8Array(length);
  process.memory.read(address, bytes);
  return new TextDecoder().decode(bytes);
}
