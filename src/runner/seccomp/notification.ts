/**
 * One intercepted system call, and the answers that the host kernel takes for it (seccomp_unotify(2); structs of
 * linux/seccomp.h). The buffers are made once and used for every call.
 */
import { Tracee } from '../follow/tracee.js';
import { addressOf, errno, libc } from '../host/libc.js';
import { kernelAtLeast } from '../kernel-version.js';
import { type Call, ERESTARTSYS } from './call.js';

const RECV = 0xc0502100;
const SEND = 0xc0182101;
const ID_VALID = 0x40082102;
const ADDFD = 0x40182103;
const SET_FLAGS = 0x40082104;
const FD_SYNC_WAKE_UP = 1;
const RESPONSE_CONTINUE = 1;
const ADDFD_SETFD = 1;
const ADDFD_SEND = 2;
const O_CLOEXEC = 0o2000000;

const EINTR = 4;
const ENOENT = 2;

/** Whether a caller that was received leaves its call only when it is killed (WAIT_KILLABLE_RECV). */
const ONLY_KILLED = kernelAtLeast(5, 19);

/** The caller wakes on the CPU that answers it: halves the round trip. Kernels before 6.6 do not know it. */
export function wakeOnSameCpu(listener: number): void {
  libc.ioctl(listener, SET_FLAGS, FD_SYNC_WAKE_UP);
}

export class Notification implements Call {
  readonly #listener: number;
  readonly #call = new DataView(new ArrayBuffer(80));
  readonly #callAddress = addressOf(this.#call);
  readonly #zero = new Uint8Array(this.#call.buffer);
  readonly #response = new DataView(new ArrayBuffer(24));
  readonly #responseAddress = addressOf(this.#response);
  readonly #addfd = new DataView(new ArrayBuffer(24));
  readonly #addfdAddress = addressOf(this.#addfd);

  added = 0;

  /** @param listener the seccomp listener */
  constructor(listener: number) {
    this.#listener = listener;
  }

  /** Takes the next call. Returns false if it went away before it could be taken. */
  receive(): boolean {
    this.#zero.fill(0);
    if (libc.ioctl(this.#listener, RECV, this.#callAddress) === 0) return true;
    const number = errno();
    if (number === ENOENT || number === EINTR) return false;
    throw new Error(`the seccomp listener failed: ${libc.strerror(number)}`);
  }

  get tid(): number {
    return this.#call.getUint32(8, true);
  }
  get nr(): number {
    return this.#call.getInt32(16, true);
  }
  get instruction(): number {
    return this.#number(24);
  }
  argument(index: number): bigint {
    return this.#call.getBigUint64(32 + index * 8, true);
  }
  int(index: number): number {
    return this.#call.getInt32(32 + index * 8, true);
  }
  uint(index: number): number {
    return this.#call.getUint32(32 + index * 8, true);
  }
  address(index: number): number {
    return this.#number(32 + index * 8);
  }

  #number(at: number): number {
    return this.#call.getUint32(at, true) + this.#call.getUint32(at + 4, true) * 2 ** 32;
  }

  valid(): boolean {
    return libc.ioctl(this.#listener, ID_VALID, this.#callAddress) === 0;
  }

  readonly stillWaits = (): boolean => this.valid();

  proceed(): void {
    this.#send(0, 0, RESPONSE_CONTINUE);
  }

  answer(result: number): void {
    this.#send(Math.max(result, 0), Math.min(result, 0), 0);
  }

  restart(): void {
    // Another thread may take the signal. One that is interrupted starts its call again all the same.
    const tracee = new Tracee(this.tid);
    const seized = tracee.seize();
    this.answer(-ERESTARTSYS);
    if (seized && tracee.stopped()) tracee.leave();
  }

  addDescriptor(fd: number, how: { cloexec: boolean; send: boolean; number?: number }): number {
    // A signal of ours within the one step of ADDFD_SEND takes the descriptor back and lets the caller go on, with the
    // result 0. In two steps nothing is lost; but a caller that can be interrupted between them would keep a descriptor.
    const oneStep = how.send && !ONLY_KILLED;
    const d = this.#addfd;
    this.#copyId(d);
    d.setUint32(8, (oneStep ? ADDFD_SEND : 0) | (how.number === undefined ? 0 : ADDFD_SETFD), true);
    d.setUint32(12, fd, true);
    d.setUint32(16, how.number ?? 0, true);
    d.setUint32(20, how.cloexec ? O_CLOEXEC : 0, true);
    const number = libc.ioctl(this.#listener, ADDFD, this.#addfdAddress);
    this.added = number < 0 ? -errno() : number;
    if (how.send && !oneStep && number >= 0) this.answer(number);
    return this.added;
  }

  /** The call's number goes first in every answer. In halves: a bigint would be an allocation. */
  #copyId(to: DataView): void {
    to.setUint32(0, this.#call.getUint32(0, true), true);
    to.setUint32(4, this.#call.getUint32(4, true), true);
  }

  #send(value: number, error: number, flags: number): void {
    const r = this.#response;
    this.#copyId(r);
    r.setUint32(8, value % 2 ** 32, true);
    r.setUint32(12, Math.floor(value / 2 ** 32), true);
    r.setInt32(16, error, true);
    r.setUint32(20, flags, true);
    // The caller may have been killed meanwhile (ENOENT): there is nobody to tell.
    libc.ioctl(this.#listener, SEND, this.#responseAddress);
  }
}
