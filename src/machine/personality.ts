/**
 * A personality: one face of the machine to programs (/dev/ioasid, VFIO, KVM, …). It has nodes, follows devices that come
 * and go, and says what objects it has. Who boots a machine walks the list of them, and knows no more.
 */
import type { Authority } from '../authority/authority.js';
import type { DeviceInode } from '../kernel/fs/inode.js';
import type { VirtualKernel } from '../kernel/kernel.js';
import type { Pollers } from '../kernel/pollers.js';
import type { Timers } from '../kernel/timers.js';
import type { CpuCaches } from '../memory/cpu-caches.js';
import type { ModuleParameters } from '../sysfs/bus-directory.js';
import type { CharacterDevice } from '../sysfs/character-devices.js';
import type { Machine, MachineDevice } from './build.js';

/** Character devices: each has its node below /dev, and its directory in /sys. */
export interface CharacterDevices {
  /** @param open makes a new open file; @param mode permission bits, 0660 when not given */
  add(device: CharacterDevice, open: DeviceInode['open'], mode?: number): void;
  remove(device: CharacterDevice): void;
  /** The directory in /sys of a device of the machine. */
  directoryOf(device: MachineDevice): string;
}

/** What the machine gives to its personalities. */
export interface MachineServices {
  readonly kernel: VirtualKernel;
  readonly hardware: Machine;
  readonly authority: Authority;
  readonly caches: CpuCaches;
  readonly timers: Timers;
  readonly pollers: Pollers;
  readonly nodes: CharacterDevices;
  /** What the parameters of modules say, as /sys/module has them. */
  readonly parameters: ModuleParameters;
  /** So many random bytes: what no program can know. */
  readonly random: (count: number) => Uint8Array;
  /** How long a device waits for a page, milliseconds. */
  readonly faultTimeout: number;
}

/** Plain data: what JSON can hold. */
export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [name: string]: Plain };

/** Objects of each kind, by the name of the kind: for `ioasid ctl state`, and for pages that show any kind. */
export type StateKinds = Readonly<Record<string, readonly { readonly [name: string]: Plain }[]>>;

export interface Personality {
  /** A device is there from now on, and can be assigned. */
  plug?(device: MachineDevice): void;
  /** A device is taken out under its user's hands. */
  unplug?(device: MachineDevice): void;
  /** All of its objects. Physical PASIDs are not among them. */
  state?(): StateKinds;
}

/** A misc device (linux/miscdevice.h). */
export function miscDevice(name: string, minor: number, node = name): CharacterDevice {
  return { class: 'misc', name, node, major: 10, minor };
}
