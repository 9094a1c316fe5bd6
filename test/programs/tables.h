/* x86-64 page tables in the program's memory, which the parent IOASID maps at GPA 0. */
#ifndef TABLES_H
#define TABLES_H
#include "check.h"

enum { P = 1, W = 2, U = 4, A = 32, D = 64, PS = 128 };
#define PWU ((__u64)(P | W | U))

static char *guest;	 /* guest memory: GPA 0 is here */
static __u64 next_table; /* GPA of the next free page */

static inline __u64 *table(__u64 gpa) { return (__u64 *)(guest + (gpa & 0x000ffffffffff000)); }
static inline __u64 new_table(void)
{
	__u64 gpa = next_table;
	next_table += PAGE;
	memset(guest + gpa, 0, PAGE);
	return gpa;
}
/* The entry for an address at a depth (0: 4K), tables made on the way. */
static inline __u64 *entry(__u64 root, int levels, __u64 va, int depth)
{
	__u64 gpa = root;
	for (int d = levels - 1; d > depth; d--) {
		__u64 *e = &table(gpa)[va >> (12 + 9 * d) & 511];
		if (!(*e & P))
			*e = new_table() | PWU;
		gpa = *e;
	}
	return &table(gpa)[va >> (12 + 9 * depth) & 511];
}
static inline int bind_table(int fd, __u32 ioasid, __u32 format, __u64 addr, __u32 width)
{
	struct ioasid_bind_pgtable arg = { .argsz = sizeof(arg), .ioasid = ioasid, .format = format, .addr = addr, .addr_width = width };
	return ioctl(fd, IOASID_BIND_PGTABLE, &arg);
}
static inline int invalidate(int fd, __u32 ioasid, __u32 flags, __u32 granularity, __u64 iova, __u64 size, __u64 cookie)
{
	struct ioasid_invalidate arg = { .argsz = sizeof(arg), .flags = flags, .ioasid = ioasid, .granularity = granularity,
					 .iova = iova, .size = size, .cookie = cookie };
	return ioctl(fd, IOASID_INVALIDATE_CACHE, &arg);
}
#endif
