/**
 * Records what simulated processes do, as steps that a real program can repeat (steps.c), with the answer of each. A
 * scenario is written once, against simulated processes; what the kernel answers a real program must be the same.
 */
import { Errno } from '../../src/abi/errno.js';
import { O } from '../../src/abi/fcntl.js';
import { KVM_IOASID_IOCTLS, VFIO_IOASID_IOCTLS } from '../../src/abi/ioasid/ioctls.js';
import { IOMMUFD_IOCTLS } from '../../src/abi/iommufd.js';
import { KVM_DEVICE_IOCTLS, KVM_VM_IOCTLS } from '../../src/abi/kvm.js';
import { VFIO_DEVICE_IOCTLS, VFIO_IOMMUFD_IOCTLS } from '../../src/abi/vfio.js';
import { VFIO_GROUP_IOCTLS } from '../../src/abi/vfio-container.js';
import type { BootedMachine } from '../../src/boot.js';
import type { Process } from '../../src/kernel/process.js';

export interface Recording {
  /** One line a step: the number of the process, what it does, its arguments, `-> FD` where it makes a descriptor. */
  readonly steps: readonly string[];
  /** One line a step: what it answered. */
  readonly answers: readonly string[];
}

const { BIND_IOASID_FD } = VFIO_IOASID_IOCTLS;
const { CREATE_DEVICE } = KVM_VM_IOCTLS;
const { SET_DEVICE_ATTR } = KVM_DEVICE_IOCTLS;
const { BIND } = VFIO_IOMMUFD_IOCTLS;
const { FAULT_QUEUE_ALLOC, VEVENTQ_ALLOC } = IOMMUFD_IOCTLS;
const { SET_IRQS } = VFIO_DEVICE_IOCTLS;

/** Where a struct has a descriptor that the caller gives: its offset, bytes. */
const GIVEN_AT = new Map<number, number>([
  [BIND_IOASID_FD.request, BIND_IOASID_FD.argument.offset.ioasid_fd],
  [BIND.request, BIND.argument.offset.iommufd],
  [VFIO_GROUP_IOCTLS.SET_CONTAINER.request, 0],
  [SET_IRQS.request, SET_IRQS.argument.size],
]);
/** Where an answer has a new descriptor. */
const MADE_AT = new Map<number, number>([
  [CREATE_DEVICE.request, CREATE_DEVICE.argument.offset.fd],
  [FAULT_QUEUE_ALLOC.request, FAULT_QUEUE_ALLOC.argument.offset.out_fault_fd],
  [VEVENTQ_ALLOC.request, VEVENTQ_ALLOC.argument.offset.out_veventq_fd],
]);
/** Where a struct has the address of a descriptor. */
const POINTER_AT = new Map<number, number>([[SET_DEVICE_ATTR.request, SET_DEVICE_ATTR.argument.offset.addr]]);

const hex = (bytes: Uint8Array): string => (bytes.length === 0 ? '-' : Buffer.from(bytes).toString('hex'));

class Recorder implements Recording {
  readonly steps: string[] = [];
  readonly answers: string[] = [];
  readonly #numbers = new Map<Process, number>();
  /** A step is under way: what happens in its course is the kernel's doing, and no step. */
  #inside = false;

  /** From now on what the process does is recorded. @param parent number of the one that made it; 0: none of them */
  add(process: Process, parent: number): void {
    const number = this.#numbers.size + 1;
    this.#numbers.set(process, number);
    this.step(parent, `fork ${number}`, () => 0);
    this.#memory(process, number);
    this.#calls(process, number);
  }

  /** @param answer what the answer's line says; the value itself when not given */
  step<T>(
    process: number,
    text: string | ((value: T | undefined) => string),
    act: () => T,
    answer?: (value: T) => string,
  ): T {
    if (this.#inside) return act();
    this.#inside = true;
    let value: T | undefined;
    try {
      value = act();
      this.answers.push(answer ? answer(value) : `${value}`);
      return value;
    } catch (error) {
      this.answers.push(error instanceof Errno ? `-${error.errno}` : 'broken');
      throw error;
    } finally {
      this.steps.push(`${process} ${typeof text === 'string' ? text : text(value)}`);
      this.#inside = false;
    }
  }

  #memory({ memory }: Process, number: number): void {
    const { mmap, munmap, write, read } = memory;
    const zero = () => '0';
    Object.assign(memory, {
      mmap: (...[size, options = {}]: Parameters<typeof mmap>) => {
        const { writable = true, shared = false } = options;
        if (typeof shared === 'object') throw new Error('memory of files is not recorded');
        const pages = (BigInt(size) + 4095n) & ~4095n;
        const text = (at?: bigint) => `mmap ${at} ${pages} ${writable ? 1 : 0} ${shared ? 1 : 0}`;
        return this.step(number, text, () => mmap.call(memory, size, options), zero);
      },
      munmap: (start: bigint, size: bigint) =>
        this.step(number, `munmap ${start} ${size}`, () => munmap.call(memory, start, size), zero),
      write: (address: bigint, from: Uint8Array) =>
        this.step(number, `store ${address} ${hex(from)}`, () => write.call(memory, address, from)),
      read: (address: bigint, into: Uint8Array) =>
        this.step(
          number,
          `load ${address} ${into.length}`,
          () => read.call(memory, address, into),
          (got) => `${got} ${hex(into.subarray(0, got))}`,
        ),
    });
  }

  /** A call that may make a descriptor, as its result or in its struct. */
  #making(process: Process, number: number, text: string, act: () => number): number {
    const before = new Set([...process.files()].map(([fd]) => fd));
    const made = () => [...process.files()].map(([fd]) => fd).find((fd) => !before.has(fd));
    return this.step(
      number,
      () => (made() === undefined ? text : `${text} -> ${made()}`),
      act,
      (value) => (made() === value ? 'fd' : `${value}`),
    );
  }

  #calls(process: Process, number: number): void {
    const { open, close, dup, ioctl, pread, pwrite, read, write, readable, fork, send, exit, eventfdCreate } = process;
    const make = (text: string, act: () => number) => this.#making(process, number, text, act);
    Object.assign(process, {
      open: (path: string, flags: number = O.RDWR) =>
        make(`open ${flags} ${path}`, () => open.call(process, path, flags)),
      dup: (fd: number) => make(`dup ${fd}`, () => dup.call(process, fd)),
      eventfdCreate: () => make('eventfd', () => eventfdCreate.call(process)),
      ioctl: (fd: number, request: number, argument: bigint | number = 0n) => {
        const value = BigInt.asUintN(64, BigInt(argument));
        const role = this.#quietly(() => roleOf(process, request, value));
        return make(`ioctl ${fd} ${request} ${value} ${role}`, () => ioctl.call(process, fd, request, argument));
      },
      close: (fd: number) =>
        this.step(
          number,
          `close ${fd}`,
          () => close.call(process, fd),
          () => '0',
        ),
      pread: (...call: Parameters<typeof pread>) =>
        this.step(number, `pread ${call.join(' ')}`, () => pread.apply(process, call)),
      pwrite: (...call: Parameters<typeof pwrite>) =>
        this.step(number, `pwrite ${call.join(' ')}`, () => pwrite.apply(process, call)),
      read: (...call: Parameters<typeof read>) =>
        this.step(number, `read ${call.join(' ')}`, () => read.apply(process, call)),
      write: (...call: Parameters<typeof write>) =>
        this.step(number, `write ${call.join(' ')}`, () => write.apply(process, call)),
      readable: (fd: number) =>
        this.step(
          number,
          `poll ${fd}`,
          () => readable.call(process, fd),
          (is) => (is ? '1' : '0'),
        ),
      fork: () => {
        const child = this.#quietly(() => fork.call(process));
        this.add(child, number);
        return child;
      },
      send: (fd: number, to: Process) => {
        this.step(number, `send ${fd}`, () => 0);
        return this.#making(to, this.#numbers.get(to) ?? 0, 'receive', () => send.call(process, fd, to));
      },
      exit: () =>
        this.step(
          number,
          'exit',
          () => exit.call(process),
          () => '0',
        ),
    });
  }

  #quietly<T>(act: () => T): T {
    const before = this.#inside;
    this.#inside = true;
    try {
      return act();
    } finally {
      this.#inside = before;
    }
  }
}

/** Where an ioctl has descriptors: `at:ADDRESS` given, `out:ADDRESS` made, `value`: the argument is one; `-`: none. */
function roleOf(process: Process, request: number, argument: bigint): string {
  if (request === KVM_IOASID_IOCTLS.ENABLE_WBINVD.request) return 'value';
  const [given, made, pointer] = [GIVEN_AT, MADE_AT, POINTER_AT].map((table) => table.get(request));
  if (given !== undefined) return `at:${argument + BigInt(given)}`;
  if (made !== undefined) return `out:${argument + BigInt(made)}`;
  if (pointer === undefined) return '-';
  const bytes = new Uint8Array(8);
  process.memory.read(argument + BigInt(pointer), bytes);
  return `at:${new DataView(bytes.buffer).getBigUint64(0, true)}`;
}

/** Where a scenario is played. */
export interface Stage {
  readonly machine: BootedMachine;
  /** A new process. */
  spawn(): Process;
  /** The machine's owner takes a device out, and puts it back. */
  unplug(device: string): void;
  plug(device: string): void;
}

/** Plays a scenario on simulated processes of a machine, and records it. */
export function record(machine: BootedMachine, play: (stage: Stage) => void): Recording {
  const recorder = new Recorder();
  const outside = (what: 'unplug' | 'plug', device: string) =>
    recorder.step(
      0,
      `outside ${what} ${device}`,
      () => machine[what](device),
      () => '0',
    );
  play({
    machine,
    spawn: () => {
      const process = machine.spawn();
      recorder.add(process, 0);
      return process;
    },
    unplug: (device) => outside('unplug', device),
    plug: (device) => outside('plug', device),
  });
  return recorder;
}
