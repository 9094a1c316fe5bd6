/** What the virtual configuration space of vfio-pci stands on: the function's real one, and the kernel's own acts. */

/** Width of one configuration access, bytes. */
export type Width = 1 | 2 | 4;

/** The configuration space of a function as the kernel reaches it. */
export interface HardwareConfig {
  /** Bytes: 256 or 4096. */
  readonly size: number;
  /** Reads a naturally aligned field. */
  read(offset: number, width: Width): number;
  /** Writes a naturally aligned field. */
  write(offset: number, width: Width, value: number): void;
}

/** What the kernel knows of the function beside its configuration space. */
export interface ConfigFacts {
  /** An SR-IOV virtual function: its ids come from the PF, and memory enable gates nothing. */
  readonly virtualFunction: boolean;
  readonly vendor: number;
  readonly device: number;
  /** The six BARs: size in bytes (0: absent, or the upper half of a 64-bit one), bits 0 to 3 of the register. */
  readonly bars: readonly { readonly size: number; readonly type: number }[];
  /** Size of the expansion ROM's BAR, bytes; 0: none. */
  readonly romSize: number;
}

/** What a write to configuration space makes the kernel do. */
export interface ConfigEffects {
  /** The virtual INTx-disable bit changed. */
  intxDisabled(disabled: boolean): void;
  /** The program wrote the FLR bit of a function that can do it. */
  functionReset(): void;
  /** @param state 0 to 3, D0 to D3hot */
  powerState(state: number): void;
  /** MSI as SET_IRQS left it: undefined while it is not active, else log2 of the most messages. */
  readonly msiQueueMax: number | undefined;
}
