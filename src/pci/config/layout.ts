/**
 * What a PCI function is, as data: its identity, its capabilities, its base address registers and what lies behind them
 * (PCI Local Bus Specification 3.0, chapter 6; PCI Express Base Specification, chapter 7).
 */

import type { DeviceMemory } from '../memory.js';
import type { Capability, Register } from './capability.js';

export interface PciIdentity {
  /** 16 bits each. */
  readonly vendor: number;
  readonly device: number;
  readonly subsystemVendor: number;
  readonly subsystem: number;
  /** Base class, sub-class and programming interface: 24 bits. */
  readonly classCode: number;
  /** 8 bits. */
  readonly revision: number;
}

/** Width of a register access, bytes. */
export type AccessWidth = 1 | 2 | 4 | 8;

interface Range {
  /** First byte in the BAR. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** Registers as a call reaches them. */
export interface RegisterAccess {
  /** Reads a register. @param offset from the window's first byte, a multiple of `width` */
  read(offset: number, width: AccessWidth): bigint;
  /** Writes a register; effects happen before it returns. */
  write(offset: number, width: AccessWidth, value: bigint): void;
}

/** Registers with side effects: each access is a call. */
export interface TrappedWindow extends Range, RegisterAccess {
  readonly kind: 'trapped';
  /** The widths that the registers take; an access of another is an error of the program. Not given: all of them. */
  readonly widths?: readonly AccessWidth[];
}

/** Bytes without side effects: a part of the BAR's memory. */
export interface MemoryWindow extends Range {
  readonly kind: 'memory';
}

/** Registers in the BAR's memory: programs map them, and the device sees what they stored by looking. */
export interface PolledWindow extends Range {
  readonly kind: 'polled';
  /** How calls reach them; not given: as memory, and the device looks after each write. */
  readonly access?: RegisterAccess;
}

export type Window = TrappedWindow | MemoryWindow | PolledWindow;

export type BarKind = 'io' | 'memory32' | 'memory64';

export interface BarLayout {
  /** 0 to 5; a 64-bit BAR takes the next one too. */
  readonly index: number;
  readonly kind: BarKind;
  readonly prefetchable: boolean;
  /** Bytes: a power of two, at least 16 (memory) or 4 (I/O ports). */
  readonly size: number;
  /** In the order of their offsets, without overlap. Between them reads give zero and writes are dropped. */
  readonly windows: readonly Window[];
  /** As large as the BAR; needed for memory and polled windows. */
  readonly memory?: DeviceMemory;
}

export interface FunctionLayout {
  readonly identity: PciIdentity;
  /** Bytes of configuration space: 256 for conventional PCI, 4096 for PCI Express. */
  readonly configSize: 256 | 4096;
  /** 0: no INTx; 1 to 4: INTA# to INTD#. */
  readonly interruptPin: 0 | 1 | 2 | 3 | 4;
  /** The order of the list is the order of the chains in configuration space. */
  readonly capabilities: readonly Capability[];
  readonly bars: readonly BarLayout[];
  /** Bytes of the expansion ROM's BAR, a power of two; not given: there is none. */
  readonly romSize?: number | undefined;
  /** Device-specific registers in configuration space, at absolute offsets. */
  readonly configRegisters?: readonly Register[];
}
