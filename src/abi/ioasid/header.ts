/**
 * The C header that `ioasid abi header` prints (uapi-ioasid.md, section 7), made from the layouts, ioctl tables and
 * constants of this folder: what a C program is compiled against is what the virtual kernel reads.
 */

import { KVMIO, LINUX_KVM } from '../kvm.js';
import type { Field, Struct } from '../layout.js';
import { VFIO_BASE } from '../vfio.js';
import * as constants from './constants.js';
import { IOASID_IOCTLS, KVM_IOASID_IOCTLS, VFIO_IOASID_IOCTLS } from './ioctls.js';
import * as structs from './structs.js';

const GROUPS: readonly [string, Readonly<Record<string, number>>][] = [
  ['Extensions of IOASID_CHECK_EXTENSION', constants.EXTENSIONS],
  ['struct ioasid_alloc.flags; neither of the first two: AUTO', constants.ALLOC],
  ['struct ioasid_info.flags', constants.INFO],
  ['struct ioasid_dma_map.flags, struct ioasid_dma_unmap.flags', constants.DMA_MAP],
  ['Page-table formats: numbers of bits in pgtable_formats', constants.PGTABLE],
  ['struct ioasid_invalidate: granularity, then flags', constants.INVALIDATE],
  ['struct ioasid_device_info.flags', constants.DEVICE_INFO],
  ['struct ioasid_fault: flags, perm, code; struct ioasid_page_response.code', constants.FAULT],
  ['struct ioasid_dirty_tracking.flags, struct ioasid_dirty_bitmap.flags', constants.DIRTY],
  ['struct ioasid_event.type', constants.EVENT],
  [
    'VFIO: struct vfio_attach_ioasid.flags; the capability VFIO_DEVICE_INFO_CAP_PASID\n * (struct vfio_info_cap_header, then __u32 flags, __u32 pasid_bits)',
    constants.VFIO,
  ],
  ['KVM: device attributes, capability, struct kvm_guest_op: op, then result', constants.KVM],
  ['The DMA engine: its ID and the offsets of its registers in BAR0', constants.DMAE],
];

/** The structs of the header, in the order of the specification; the PASID capability has no C name there. */
const STRUCTS: readonly Struct[] = Object.values(structs).filter((s) => s !== structs.vfio_device_info_cap_pasid);

function cType(field: Field): string {
  return `__${field.type}`;
}

/** A struct as C has it. */
export function printStruct(layout: Struct): string {
  const fields = layout.fields.map((field) => {
    const length = field.length === undefined ? '' : `[${field.length}]`;
    return `\t${cType(field)} ${field.name}${length};`;
  });
  return `struct ${layout.name} {\n${fields.join('\n')}\n};`;
}

function printAssertions(layout: Struct): string {
  const lines = layout.fields.map(
    ({ name, offset }) =>
      `IOASID_ASSERT(offsetof(struct ${layout.name}, ${name}) == ${offset}, "${layout.name}.${name}");`,
  );
  return [`IOASID_ASSERT(sizeof(struct ${layout.name}) == ${layout.size}, "${layout.name}");`, ...lines].join('\n');
}

/** Flags and numbers in the shortest form a reader knows: small ones decimal, larger ones hexadecimal. */
function literal(value: number): string {
  return value > 512 ? `0x${value.toString(16)}` : String(value);
}

function printGroup(heading: string, group: Readonly<Record<string, number>>): string {
  const registers = heading.startsWith('The DMA engine');
  const lines = Object.entries(group).map(([name, value]) => {
    const text = registers ? `0x${value.toString(16).padStart(2, '0')}` : literal(value);
    return `#define ${name} ${text}`;
  });
  return `/* ${heading} */\n${lines.join('\n')}`;
}

function printIoctls(): string {
  const lines: string[] = [];
  for (const table of [IOASID_IOCTLS, VFIO_IOASID_IOCTLS, KVM_IOASID_IOCTLS]) {
    for (const ioctl of Object.values(table)) {
      const type = (ioctl.request >> 8) & 0xff;
      const nr = ioctl.request & 0xff;
      const argument = typeof ioctl.argument === 'string' ? ioctl.argument : `struct ${ioctl.argument.name} *`;
      let expression: string;
      if (type === KVMIO) expression = `_IO(KVMIO, 0x${nr.toString(16)})`;
      else if (ioctl.name.startsWith('VFIO')) expression = `_IO(VFIO_TYPE, VFIO_BASE + ${nr - VFIO_BASE})`;
      else expression = `_IO(IOASID_TYPE, IOASID_BASE + ${nr - constants.IOASID_BASE})`;
      lines.push(`#define ${ioctl.name} ${expression} /* ${argument} */`);
    }
  }
  return lines.join('\n');
}

/** The whole header: self-contained C11 and C++11. */
export function printHeader(): string {
  return `/* SPDX-License-Identifier: Apache-2.0 WITH Linux-syscall-note */
/* The /dev/ioasid user API. Printed by \`ioasid abi header\`. All integers are little-endian and naturally aligned. */
#ifndef IOASID_UAPI_H
#define IOASID_UAPI_H

#include <stddef.h>
#include <linux/types.h>
#include <linux/ioctl.h>
#include <linux/vfio.h>
#include <linux/kvm.h>

#define IOASID_TYPE ';'
#define IOASID_BASE 0x${constants.IOASID_BASE.toString(16)}

${STRUCTS.map(printStruct).join('\n\n')}

/* ioctls */
${printIoctls()}

${GROUPS.map(([heading, group]) => printGroup(heading, group)).join('\n\n')}

/* Older headers of the system know groups only, by the same numbers */
#ifndef KVM_DEV_VFIO_FILE
#define KVM_DEV_VFIO_FILE ${LINUX_KVM.KVM_DEV_VFIO_FILE}
#define KVM_DEV_VFIO_FILE_ADD ${LINUX_KVM.KVM_DEV_VFIO_FILE_ADD}
#define KVM_DEV_VFIO_FILE_DEL ${LINUX_KVM.KVM_DEV_VFIO_FILE_DEL}
#endif

/* Bit 63 of SRC or DST: an offset in BAR2 */
#define IOASID_DMAE_SRC_BAR2 (1ULL << 63)

/* The layouts are those that the virtual kernel reads and writes. */
#ifdef __cplusplus
#define IOASID_ASSERT(condition, what) static_assert(condition, what)
#else
#define IOASID_ASSERT(condition, what) _Static_assert(condition, what)
#endif
${STRUCTS.map(printAssertions).join('\n')}
#undef IOASID_ASSERT

#endif /* IOASID_UAPI_H */
`;
}
