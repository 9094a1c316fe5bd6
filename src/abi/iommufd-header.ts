/**
 * linux/iommufd.h for hosts whose own is older than Linux 7.2, as `ioasid abi header --iommufd` prints it: the same names and
 * layouts, made from what the virtual kernel reads and writes.
 */
import { printStruct } from './ioasid/header.js';
import type { Ioctl } from './ioctl.js';
import * as uapi from './iommufd.js';
import * as selftest from './iommufd-test.js';
import type { Struct } from './layout.js';
import { VFIO_IOMMUFD, VFIO_IOMMUFD_IOCTLS } from './vfio.js';

function defines(group: Readonly<Record<string, number>>): string {
  return Object.entries(group)
    .map(([name, value]) => `#define ${name} ${value > 512 ? `0x${value.toString(16)}` : value}`)
    .join('\n');
}

function numbers(table: Readonly<Record<string, Ioctl>>): string {
  return Object.values(table)
    .map(({ name, request }) => `#define ${name} _IO(IOMMUFD_TYPE, 0x${(request & 0xff).toString(16)})`)
    .join('\n');
}

/** The structs of a group of definitions. */
function structsOf(group: Readonly<Record<string, unknown>>): Struct[] {
  return Object.values(group).filter(
    (value): value is Struct => typeof value === 'object' && value !== null && 'fields' in value,
  );
}

/** The whole header: it takes the place of linux/iommufd.h. */
export function printIommufdHeader(): string {
  const vfio = Object.values(VFIO_IOMMUFD_IOCTLS).map(({ argument }) => argument);
  const structs = [...structsOf(selftest), ...vfio, ...structsOf(uapi)];
  return `/* SPDX-License-Identifier: Apache-2.0 WITH Linux-syscall-note */
/* /dev/iommu as Linux 7.2 has it. Printed by \`ioasid abi header --iommufd\`. */
#ifndef IOASID_IOMMUFD_H
#define IOASID_IOMMUFD_H

#include <linux/types.h>
#include <linux/ioctl.h>

#define IOMMUFD_TYPE ';'

${structs.map(printStruct).join('\n\n')}

${numbers(uapi.IOMMUFD_IOCTLS)}
${numbers(selftest.IOMMUFD_TEST_IOCTLS)}
#undef VFIO_DEVICE_BIND_IOMMUFD
#undef VFIO_DEVICE_ATTACH_IOMMUFD_PT
#undef VFIO_DEVICE_DETACH_IOMMUFD_PT
${numbers(VFIO_IOMMUFD_IOCTLS)}

${defines(uapi.IOMMUFD)}
${defines(VFIO_IOMMUFD)}
${defines(selftest.IOMMUFD_TEST)}

#endif /* IOASID_IOMMUFD_H */
`;
}
