/** What the model stands for: a process with a root, a child that is nested in it, and a DMA engine. */
import { bootMachine, constants, Errno, ioctls } from '../../src/index.js';
import { LIMIT, PAGES } from './model.js';

const { IOASID_IOCTLS, VFIO_IOCTLS } = ioctls;
const PAGE = 4096;
const REG = constants.DMAE;
const DONE = 2;

const address = (page: number): bigint => BigInt(page * PAGE);

export interface Place {
  readonly start: number;
  readonly pages: number;
}
export interface Mapping extends Place {
  readonly target: number;
  readonly flags: number;
}

export class World {
  readonly process = bootMachine().spawn({ memlock: BigInt(LIMIT * PAGE) });
  readonly fd = this.process.open('/dev/ioasid');
  readonly #device = this.process.open('/dev/vfio/devices/vfio1');
  readonly #memory = this.process.memory.mmap(PAGES * PAGE);
  readonly #word = this.process.memory.mmap(PAGE);
  readonly root: number;
  readonly child: number;
  #inChild = false;

  constructor() {
    const { process, fd } = this;
    process.call(this.#device, VFIO_IOCTLS.BIND_IOASID_FD, { ioasid_fd: fd, cookie: 1n });
    this.root = process.ioctl(fd, IOASID_IOCTLS.ALLOC.request);
    process.call(this.#device, VFIO_IOCTLS.ATTACH_IOASID, { ioasid: this.root });
    this.child = process.ioctl(fd, IOASID_IOCTLS.CREATE_NESTING.request, this.root);
    const flags = constants.DIRTY.IOASID_DIRTY_TRACKING_START;
    process.call(fd, IOASID_IOCTLS.DIRTY_TRACKING, { ioasid: this.root, flags });
  }

  map(ioasid: number, { start, pages, target, flags }: Mapping): string {
    const vaddr = (ioasid === this.root ? this.#memory : 0n) + address(target);
    const fields = { ioasid, flags, vaddr, iova: address(start), size: address(pages) };
    return attempt(() => (this.process.call(this.fd, IOASID_IOCTLS.MAP_DMA, fields).result === 0 ? 'ok' : 'not 0'));
  }

  unmap(ioasid: number, { start, pages }: Place): string {
    const fields = { ioasid, iova: address(start), size: address(pages) };
    return attempt(() => `ok ${Number(this.process.call(this.fd, IOASID_IOCTLS.UNMAP_DMA, fields).size) / PAGE}`);
  }

  write(page: number, value: number): string {
    this.#set(REG.IOASID_DMAE_REG_PATTERN, BigInt(value), 8);
    this.#set(REG.IOASID_DMAE_REG_DST, address(page), 8);
    return this.#command(1n) ? 'ok' : `error ${this.#get(REG.IOASID_DMAE_REG_RESULT)}`;
  }

  read(page: number): string {
    this.#set(REG.IOASID_DMAE_REG_SRC, address(page), 8);
    return `${this.#command(2n) ? 'sum' : 'error'} ${this.#get(REG.IOASID_DMAE_REG_RESULT)}`;
  }

  dirtyBits(start: number, pages: number, unit: number, keep: boolean): string {
    const data = this.process.memory.mmap(PAGE, { at: this.#word });
    this.process.call(this.fd, IOASID_IOCTLS.GET_DIRTY_BITMAP, {
      ...{ ioasid: this.root, flags: keep ? constants.DIRTY.IOASID_DIRTY_BITMAP_NO_CLEAR : 0, data },
      ...{ iova: address(start), size: address(pages), page_size: address(unit) },
    });
    const bytes = new Uint8Array(16);
    this.process.memory.read(data, bytes);
    const bits = Array.from({ length: pages / unit }, (_, bit) => bit);
    return bits.filter((bit) => (bytes[bit >> 3] ?? 0) & (1 << (bit & 7))).join();
  }

  /** The device is attached to the child, or detached from it. */
  change(): void {
    const { ATTACH_IOASID, DETACH_IOASID } = VFIO_IOCTLS;
    this.process.call(this.#device, this.#inChild ? DETACH_IOASID : ATTACH_IOASID, { ioasid: this.child });
    this.#inChild = !this.#inChild;
  }

  /** One byte. Returns true if it was moved. */
  #command(command: bigint): boolean {
    this.#set(REG.IOASID_DMAE_REG_COMMAND, command, 4);
    this.#set(REG.IOASID_DMAE_REG_LENGTH, 1n, 4);
    this.#set(REG.IOASID_DMAE_REG_DOORBELL, 1n, 4);
    return this.#get(REG.IOASID_DMAE_REG_STATUS) === DONE;
  }

  #set(register: number, value: bigint, size: number): void {
    this.process.memory.write(this.#word, new Uint8Array(new BigUint64Array([value]).buffer));
    this.process.pwrite(this.#device, this.#word, size, BigInt(register));
  }

  #get(register: number): number {
    const bytes = new Uint8Array(4);
    this.process.pread(this.#device, this.#word, 4, BigInt(register));
    this.process.memory.read(this.#word, bytes);
    return new DataView(bytes.buffer).getUint32(0, true);
  }
}

function attempt(act: () => string): string {
  try {
    return act();
  } catch (error) {
    if (error instanceof Errno) return error.code;
    throw error;
  }
}
