/**
 * The memory behind a BAR, shared with programs: a memfd that is mapped here too, so that a look at a register is a plain
 * load. It lies in the memfd of the open file that mapped it last, at the file offset where that shows it; the address of our
 * own mapping never changes.
 *
 * While the device does not decode its BARs, the bytes lie in a memfd of our own, and what programs have mapped is full of
 * ones, as reads that no device answers are; what they store there is lost when the device decodes again.
 */
import { closeSync } from 'node:fs';
import type { DeviceMemory } from '../../pci/memory.js';
import { addressOf, check, LibcError, libc, viewOf } from '../host/libc.js';
import { addDeviceFile, setAnswering } from './device-files.js';

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
/** Seal against sealing, shrinking and growing: a program that cuts it would take the memory away under our own mapping. */
const F_SEAL_SIZE = 1 | 2 | 4;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_FIXED = 0x10;
const MAP_FAILED = 2 ** 64;

/** A memfd with room for memory of devices. @param size bytes */
export function memoryFile(name: string, size: bigint): number {
  const fd = check(libc.memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), 'memfd_create');
  check(libc.ftruncate(fd, size), 'ftruncate');
  check(libc.fcntl(fd, F_ADD_SEALS, F_SEAL_SIZE), 'F_ADD_SEALS');
  addDeviceFile(fd);
  return fd;
}

/** A part of a memfd, as large as the memory. */
interface Part {
  readonly fd: number;
  /** Offset of its first byte. */
  readonly at: bigint;
}

export class SharedMemory implements DeviceMemory {
  readonly name: string;
  readonly bar: number;
  readonly size: number;
  /** What the device works on: what programs map, unless a run is recorded. */
  view: DataView;
  /** What programs map. */
  readonly mapped: Uint8Array;
  readonly #address: number;
  #part: Part;
  #source: number | undefined;
  /** Programs map the bytes themselves, not ones. */
  #answers = true;
  /** What programs map while the device does not answer. */
  #front: Part | undefined;

  /** @param name shown in /proc/PID/maps; @param bar index of the region; @param size bytes */
  constructor(name: string, bar: number, size: number) {
    this.name = name;
    this.bar = bar;
    this.size = size;
    this.#part = this.#unseen();
    this.#address = this.#map(0, 0);
    this.view = viewOf(this.#address, size);
    this.mapped = new Uint8Array(this.view.buffer);
  }

  read(offset: number, into: Uint8Array): void {
    into.set(this.mapped.subarray(offset, offset + into.length));
  }

  write(offset: number, from: Uint8Array): void {
    this.mapped.set(from, offset);
  }

  /**
   * Moves into the memfd of an open file that maps it. Only the file that has the device can.
   * @param at offset in the file of the memory's first byte
   */
  moveTo(fd: number, at: bigint): void {
    if (this.#source === fd) return;
    this.#source = fd;
    const ours = { fd: check(libc.dup(fd), 'dup'), at };
    if (this.#answers) {
      closeSync(this.#lieIn(ours).fd);
      return;
    }
    if (this.#front !== undefined) {
      setAnswering(this.#front.fd, true);
      closeSync(this.#front.fd);
    }
    this.#cover(ours);
  }

  respond(on: boolean): void {
    if (on === this.#answers) return;
    this.#answers = on;
    const front = this.#front;
    if (!on && this.#source !== undefined) this.#cover(this.#lieIn(this.#unseen()));
    if (!on || front === undefined) return;
    this.#front = undefined;
    setAnswering(front.fd, true);
    closeSync(this.#lieIn(front).fd);
  }

  /** A memfd that no program maps. */
  #unseen(): Part {
    return { fd: memoryFile(this.name, BigInt(this.size)), at: 0n };
  }

  /** Moves into a part of a memfd. Returns the one it was in. */
  #lieIn(part: Part): Part {
    const [before, bytes] = [this.#part, this.mapped.slice()];
    this.#part = part;
    this.#map(this.#address, MAP_FIXED);
    this.mapped.set(bytes);
    return before;
  }

  /** Fills what programs map with ones. */
  #cover(part: Part): void {
    this.#front = part;
    setAnswering(part.fd, false);
    const ones = new Uint8Array(this.size).fill(0xff);
    check(libc.pwrite(part.fd, addressOf(ones), ones.length, part.at), 'pwrite of device memory');
  }

  /** The open file is closed; its number may come to mean another. */
  leave(fd: number): void {
    if (this.#source === fd) this.#source = undefined;
  }

  #map(address: number, fixed: number): number {
    const { fd, at } = this.#part;
    const mapped = libc.mmap(address, this.size, PROT_READ_WRITE, MAP_SHARED | fixed, fd, at);
    if (mapped >= MAP_FAILED - 4096) throw new LibcError('mmap of device memory');
    return mapped;
  }
}
