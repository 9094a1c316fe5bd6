/**
 * The memory behind a BAR, shared with programs: a memfd that is mapped here too, so that a look at a register is a plain
 * load. It lies in the memfd of the open file that mapped it last, at the file offset of the region; the address of our own
 * mapping never changes.
 *
 * While the device does not decode its BARs, the bytes lie in a memfd of our own, and what programs have mapped is full of
 * ones, as reads that no device answers are; what they store there is lost when the device decodes again.
 */
import { closeSync } from 'node:fs';
import type { DeviceMemory } from '../../pci/memory.js';
import { regionOffset } from '../../pci/region-offset.js';
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

/** A memfd with room for a region's memory. @param last index of the last region with memory; @param size its bytes */
export function memoryFile(name: string, last: number, size: number): number {
  const fd = check(libc.memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), 'memfd_create');
  check(libc.ftruncate(fd, regionOffset(last) + BigInt(size)), 'ftruncate');
  check(libc.fcntl(fd, F_ADD_SEALS, F_SEAL_SIZE), 'F_ADD_SEALS');
  addDeviceFile(fd);
  return fd;
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
  #fd: number;
  #source: number | undefined;
  /** Programs map the bytes themselves, not ones. */
  #answers = true;
  /** The memfd that programs map while the device does not answer. */
  #front: number | undefined;

  /** @param name shown in /proc/PID/maps; @param bar index of the region; @param size bytes */
  constructor(name: string, bar: number, size: number) {
    this.name = name;
    this.bar = bar;
    this.size = size;
    this.#fd = memoryFile(name, bar, size);
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

  /** Moves into the memfd of an open file that maps it. Only the file that bound the device can. */
  moveTo(fd: number): void {
    if (this.#source === fd) return;
    this.#source = fd;
    const ours = check(libc.dup(fd), 'dup');
    if (this.#answers) {
      closeSync(this.#lieIn(ours));
      return;
    }
    if (this.#front !== undefined) {
      setAnswering(this.#front, true);
      closeSync(this.#front);
    }
    this.#cover(ours);
  }

  respond(on: boolean): void {
    if (on === this.#answers) return;
    this.#answers = on;
    const front = this.#front;
    if (!on && this.#source !== undefined) this.#cover(this.#lieIn(memoryFile(this.name, this.bar, this.size)));
    if (!on || front === undefined) return;
    this.#front = undefined;
    setAnswering(front, true);
    closeSync(this.#lieIn(front));
  }

  /** Moves into a memfd. Returns the one it was in. */
  #lieIn(fd: number): number {
    const [before, bytes] = [this.#fd, this.mapped.slice()];
    this.#fd = fd;
    this.#map(this.#address, MAP_FIXED);
    this.mapped.set(bytes);
    return before;
  }

  /** Fills what programs map with ones. */
  #cover(fd: number): void {
    this.#front = fd;
    setAnswering(fd, false);
    const ones = new Uint8Array(this.size).fill(0xff);
    check(libc.pwrite(fd, addressOf(ones), ones.length, regionOffset(this.bar)), 'pwrite of device memory');
  }

  /** The open file is closed; its number may come to mean another. */
  leave(fd: number): void {
    if (this.#source === fd) this.#source = undefined;
  }

  #map(address: number, fixed: number): number {
    const offset = regionOffset(this.bar);
    const mapped = libc.mmap(address, this.size, PROT_READ_WRITE, MAP_SHARED | fixed, this.#fd, offset);
    if (mapped >= MAP_FAILED - 4096) throw new LibcError('mmap of device memory');
    return mapped;
  }
}
