/**
 * MSI and MSI-X of an open device (linux-vfio.md, 5.6): vectors that are allocated, and the eventfds they are wired to.
 * An interrupt of a vector without an eventfd is lost.
 */
import { Errno } from '../../abi/errno.js';
import type { EventSignal } from '../../kernel/file/open-file.js';
import type { EventFds, IrqRequest } from './request.js';

export class MessageIrqs {
  readonly #name: string;
  /** Vectors can be added while it is active. */
  readonly #dynamic: boolean;
  /** Allocated vectors, each with its eventfd. */
  readonly #vectors = new Map<number, EventSignal | undefined>();
  #active = false;
  #enabled: number;

  constructor(name: string, dynamic: boolean) {
    this.#name = name;
    this.#dynamic = dynamic;
    this.#enabled = 0;
  }

  get active(): boolean {
    return this.#active;
  }

  /** Vectors that were asked for when it was enabled. */
  get enabled(): number {
    return this.#enabled;
  }

  /** The vector is allocated. */
  has(vector: number): boolean {
    return this.#vectors.has(vector);
  }

  /** The device signals a vector. Returns false if it has no eventfd. */
  raise(vector: number): boolean {
    const signal = this.#vectors.get(vector);
    signal?.signal();
    return signal !== undefined;
  }

  /**
   * Enables it, with vectors 0 to start + count - 1.
   * @throws ERANGE no vector is asked for; EBADF, EINVAL an eventfd is none: nothing is enabled then
   */
  enable(caller: EventFds, request: IrqRequest): void {
    const { start, count } = request;
    if (start + count === 0) throw new Errno('ERANGE', `no vector of ${this.#name} is asked for`);
    for (let vector = 0; vector < start + count; vector++) this.#vectors.set(vector, undefined);
    this.#active = true;
    this.#enabled = start + count;
    try {
      this.wire(caller, request);
    } catch (error) {
      this.disable();
      throw error;
    }
  }

  /**
   * Wires the vectors of an active one again; on failure all from the first to the failing one stay unwired.
   * @throws EINVAL a vector is not allocated; EBADF, EINVAL an eventfd is none
   */
  wire(caller: EventFds, { start, count, data }: IrqRequest): void {
    const fds = data.kind === 'eventfd' ? data.fds : [];
    for (let i = 0; i < count; i++) {
      try {
        this.#wireOne(caller, start + i, fds[i] ?? -1);
      } catch (error) {
        for (let vector = start; vector <= start + i; vector++) this.#unwire(vector);
        throw error;
      }
    }
  }

  #wireOne(caller: EventFds, vector: number, fd: number): void {
    this.#unwire(vector);
    if (fd < 0) return;
    if (!this.#vectors.has(vector) && !this.#dynamic) {
      throw new Errno('EINVAL', `vector ${vector} of ${this.#name} was not enabled; ${this.#enabled} were`);
    }
    const signal = caller.eventfd(fd);
    this.#vectors.set(vector, signal);
  }

  #unwire(vector: number): void {
    const signal = this.#vectors.get(vector);
    if (!signal) return;
    signal.close();
    this.#vectors.set(vector, undefined);
  }

  /** Signals wired vectors by hand. */
  loopback({ start, count, data }: IrqRequest): void {
    for (let i = 0; i < count; i++) {
      if (data.kind === 'none' || (data.kind === 'bool' && data.values[i])) this.raise(start + i);
    }
  }

  disable(): void {
    for (const vector of this.#vectors.keys()) this.#unwire(vector);
    this.#vectors.clear();
    this.#active = false;
  }
}
