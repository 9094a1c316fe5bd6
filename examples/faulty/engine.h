/* What the small drivers of this folder share: a DMA engine, vfio2, bound to a context and attached to an address space. */
#ifndef ENGINE_H
#define ENGINE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ioasid.h"

#define PAGE 4096UL
#define IOVA 0x100000UL
#define FILL 1
#define CHECKSUM 2
#define FLAG_INTERRUPT 4
#define READ IOASID_DMA_MAP_READ
#define WRITE IOASID_DMA_MAP_WRITE

/* The corrected twin of each program is the same file with -DFIXED. */
#ifdef FIXED
#define IF_FIXED(statement) statement
#define IF_FAULTY(statement)
#else
#define IF_FIXED(statement)
#define IF_FAULTY(statement) statement
#endif

static int ioasid, device, space;

static inline long check(long result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(2);
	}
	return result;
}

static inline void set_register(unsigned offset, __u64 value, unsigned size)
{
	check(pwrite(device, &value, size, offset), "write a register");
}

/* Starts the engine. The engine's STATUS says whether it came to the end. */
static inline void run(int command, __u64 iova, __u32 length, __u32 flags)
{
	set_register(IOASID_DMAE_REG_COMMAND, command, 4);
	set_register(IOASID_DMAE_REG_SRC, iova, 8);
	set_register(IOASID_DMAE_REG_DST, iova, 8);
	set_register(IOASID_DMAE_REG_LENGTH, length, 4);
	set_register(IOASID_DMAE_REG_FLAGS, flags, 4);
	set_register(IOASID_DMAE_REG_DOORBELL, 1, 4);
}

static inline char *memory(unsigned long size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(at == MAP_FAILED ? -1 : 0, "mmap");
	return at;
}

static inline void map(void *vaddr, unsigned long size, __u32 flags)
{
	struct ioasid_dma_map arg = { .argsz = sizeof(arg), .flags = flags, .ioasid = space,
				      .vaddr = (__u64)vaddr, .iova = IOVA, .size = size };
	check(ioctl(ioasid, IOASID_MAP_DMA, &arg), "IOASID_MAP_DMA");
}

static inline void unmap(unsigned long size)
{
	struct ioasid_dma_unmap arg = { .argsz = sizeof(arg), .ioasid = space, .iova = IOVA, .size = size };
	check(ioctl(ioasid, IOASID_UNMAP_DMA, &arg), "IOASID_UNMAP_DMA");
}

static inline void bind_engine(void)
{
	ioasid = check(open("/dev/ioasid", O_RDWR), "open /dev/ioasid");
	device = check(open("/dev/vfio/devices/vfio2", O_RDWR), "open vfio2");
	struct vfio_bind_ioasid_fd bind = { .argsz = sizeof(bind), .ioasid_fd = ioasid, .cookie = 1 };
	check(ioctl(device, VFIO_BIND_IOASID_FD, &bind), "VFIO_BIND_IOASID_FD");
	space = check(ioctl(ioasid, IOASID_ALLOC, NULL), "IOASID_ALLOC");
}

static inline void attach_engine(void)
{
	struct vfio_attach_ioasid attach = { .argsz = sizeof(attach), .ioasid = space };
	check(ioctl(device, VFIO_ATTACH_IOASID, &attach), "VFIO_ATTACH_IOASID");
}

static inline void detach_engine(void)
{
	struct vfio_attach_ioasid attach = { .argsz = sizeof(attach), .ioasid = space };
	check(ioctl(device, VFIO_DETACH_IOASID, &attach), "VFIO_DETACH_IOASID");
}

static inline void unbind_engine(void)
{
	check(ioctl(device, VFIO_UNBIND_IOASID_FD), "VFIO_UNBIND_IOASID_FD");
}

/* Everything that was made is unmade. */
static inline void finish(unsigned long mapped)
{
	if (mapped)
		unmap(mapped);
	detach_engine();
	unbind_engine();
	check(ioctl(ioasid, IOASID_FREE, (long)space), "IOASID_FREE");
}

#endif
