/**
 * Which bits of configuration space a user may write, and which of them are virtual (linux-vfio.md, 7): one table a
 * capability. A virtual bit lives in the image of the open device; any other bit is the hardware's.
 */

/** How accesses to a capability go. */
export interface Permissions {
  /** Bits that are read from and written to the image; one byte a byte of the capability. */
  readonly virtual: Uint8Array;
  /** Bits that a write changes. */
  readonly writable: Uint8Array;
}

const ALL8 = 0xff;
const ALL16 = 0xffff;
const ALL32 = 0xffff_ffff;

/** Rows of a table: offset, width in bytes, virtual bits, writable bits. */
type Row = readonly [offset: number, width: 1 | 2 | 4, virtual: number, writable: number];

function table(size: number, rows: readonly Row[]): Permissions {
  const [virtual, writable] = [new Uint8Array(size), new Uint8Array(size)];
  for (const [offset, width, v, w] of rows) {
    for (let i = 0; i < width; i++) {
      virtual[offset + i] = v >>> (8 * i);
      writable[offset + i] = w >>> (8 * i);
    }
  }
  return { virtual, writable };
}

/** The next pointer of a standard capability: virtual, so that a neighbour can be hidden. */
const NEXT: Row = [1, 1, ALL8, 0];
/** The first dword of an extended capability, which holds the next pointer. */
const HEADER: Row = [0, 4, ALL32, 0];

const INTX_DISABLE = 0x400;
const STATUS_CAPABILITIES = 0x10;

/** The first 64 bytes. */
export const BASIC = table(64, [
  [0x00, 2, ALL16, 0],
  [0x02, 2, ALL16, 0],
  [0x04, 2, INTX_DISABLE, ALL16],
  [0x06, 2, STATUS_CAPABILITIES, 0],
  [0x0c, 1, 0, ALL8],
  [0x0d, 1, 0, ALL8],
  [0x0f, 1, 0, ALL8],
  ...[0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x30].map((offset): Row => [offset, 4, ALL32, ALL32]),
  [0x34, 1, ALL8, 0],
  [0x3c, 1, ALL8, ALL8],
  [0x3d, 1, ALL8, 0],
]);

const PM_CAPABILITY_PME = 0xf800;
const PM_STATE = 3;
const PM_PME = 0x8100;
const DEVICE_CONTROL_FLR = 0x8000;
const DEVICE_CONTROL_READ_REQUEST = 0x7000;
const DEVICE_CONTROL_PAYLOAD = 0xe0;
const DEVICE_CONTROL_PHANTOM = 0x200;
const DEVICE_CONTROL2_ARI = 0x20;
const AF_FLR = 1;

/** Standard capabilities with rules of their own, by id. The rest is read from the hardware and never written. */
export const STANDARD: ReadonlyMap<number, Permissions> = new Map([
  // Power management: the state is set by the kernel, wake-up is its own.
  [
    0x01,
    table(8, [NEXT, [2, 2, PM_CAPABILITY_PME, 0], [4, 2, PM_PME, ALL16 & ~(PM_PME | PM_STATE)], [6, 2, 0, ALL16]]),
  ],
  // Vital product data: each access is done by the kernel.
  [0x03, table(8, [NEXT, [2, 2, ALL16, ALL16], [4, 4, ALL32, ALL32]])],
  // PCI-X: command and ECC control.
  [0x07, table(24, [NEXT, [2, 2, 0, ALL16], [8, 4, 0, ALL32]])],
  // PCI Express: device control without phantom functions, device control 2 without ARI.
  [
    0x10,
    table(0x3c, [
      NEXT,
      [
        8,
        2,
        DEVICE_CONTROL_FLR | DEVICE_CONTROL_PAYLOAD | DEVICE_CONTROL_READ_REQUEST,
        ALL16 & ~DEVICE_CONTROL_PHANTOM,
      ],
      [0x28, 2, 0, ALL16 & ~DEVICE_CONTROL2_ARI],
    ]),
  ],
  // Advanced features: the reset bit.
  [0x13, table(8, [NEXT, [4, 1, AF_FLR, AF_FLR]])],
]);

const UNCORRECTABLE = 0x03ff_f031;
const CORRECTABLE = 0xf1c1;
const ECRC = 0x140;

/** Extended capabilities with rules of their own, by id. */
export const EXTENDED: ReadonlyMap<number, Permissions> = new Map([
  // Advanced error reporting: status, mask and severity of what is defined, and ECRC enables.
  [
    0x01,
    table(0x2c, [
      HEADER,
      [0x04, 4, 0, UNCORRECTABLE],
      [0x08, 4, 0, UNCORRECTABLE],
      [0x0c, 4, 0, UNCORRECTABLE],
      [0x10, 4, 0, CORRECTABLE],
      [0x14, 4, 0, CORRECTABLE],
      [0x18, 4, 0, ECRC],
    ]),
  ],
  // Power budgeting: which datum is shown.
  [0x04, table(0x10, [HEADER, [0x04, 1, 0, ALL8]])],
]);

/** Vendor-specific capabilities are all the hardware's; their headers still read from the image. */
export const RAW_WRITES: { readonly standard: ReadonlySet<number>; readonly extended: ReadonlySet<number> } = {
  standard: new Set([0x09]),
  extended: new Set([0x0b, 0x23]),
};

const MSI_64BIT = 0x80;
const MSI_MASKING = 0x100;

/** MSI: its layout depends on its control word. The kernel owns address and data, so a user's are virtual. */
export function msiPermissions(control: number): Permissions {
  const data = control & MSI_64BIT ? 12 : 8;
  const rows: Row[] = [NEXT, [2, 1, ALL8, ALL8], [4, 4, ALL32, ALL32], [data, 2, ALL16, ALL16]];
  if (control & MSI_64BIT) rows.push([8, 4, ALL32, ALL32]);
  if (control & MSI_MASKING) rows.push([data + 4, 4, 0, ALL32], [data + 8, 4, 0, ALL32]);
  return table(24, rows);
}
