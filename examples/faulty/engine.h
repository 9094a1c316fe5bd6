/*
 * What the small drivers of this folder share: a DMA engine, vfio2, bound to a context and attached to an address space.
 * The same of /dev/iommu with -DIOMMUFD, for those that say nothing of /dev/ioasid themselves.
 */
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
#ifdef IOMMUFD
#include "iommufd.h"
#endif

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

/* The context: /dev/ioasid or /dev/iommu. */
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

#ifdef IOMMUFD
/* vfio-pci leaves the command register's bus master bit, bit 2 of byte 4, to the driver; the configuration space is region 7. */
#define COMMAND ((7L << 40) + 4)

static inline void map(void *vaddr, unsigned long size, __u32 flags)
{
	struct iommu_ioas_map arg = { .size = sizeof(arg), .flags = IOMMU_IOAS_MAP_FIXED_IOVA, .ioas_id = space,
				      .user_va = (__u64)vaddr, .length = size, .iova = IOVA };
	arg.flags |= flags & READ ? IOMMU_IOAS_MAP_READABLE : 0;
	arg.flags |= flags & WRITE ? IOMMU_IOAS_MAP_WRITEABLE : 0;
	check(ioctl(ioasid, IOMMU_IOAS_MAP, &arg), "IOMMU_IOAS_MAP");
}

static inline void unmap(unsigned long size)
{
	struct iommu_ioas_unmap arg = { .size = sizeof(arg), .ioas_id = space, .iova = IOVA, .length = size };
	check(ioctl(ioasid, IOMMU_IOAS_UNMAP, &arg), "IOMMU_IOAS_UNMAP");
}

static inline void bind_engine(void)
{
	__u16 command;
	ioasid = check(open("/dev/iommu", O_RDWR), "open /dev/iommu");
	device = check(open("/dev/vfio/devices/vfio2", O_RDWR), "open vfio2");
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind), .iommufd = ioasid };
	check(ioctl(device, VFIO_DEVICE_BIND_IOMMUFD, &bind), "VFIO_DEVICE_BIND_IOMMUFD");
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	check(ioctl(ioasid, IOMMU_IOAS_ALLOC, &alloc), "IOMMU_IOAS_ALLOC");
	space = alloc.out_ioas_id;
	check(pread(device, &command, 2, COMMAND), "read the command register");
	command |= 4;
	check(pwrite(device, &command, 2, COMMAND), "write the command register");
}

static inline void attach_engine(void)
{
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach), .pt_id = space };
	check(ioctl(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach), "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
}

static inline void detach_engine(void)
{
	struct vfio_device_detach_iommufd_pt detach = { .argsz = sizeof(detach) };
	check(ioctl(device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach), "VFIO_DEVICE_DETACH_IOMMUFD_PT");
}

static inline void unbind_engine(void)
{
	check(close(device), "close vfio2");
}

static inline void free_space(void)
{
	struct iommu_destroy destroy = { .size = sizeof(destroy), .id = space };
	check(ioctl(ioasid, IOMMU_DESTROY, &destroy), "IOMMU_DESTROY");
}
#else
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

static inline void free_space(void)
{
	check(ioctl(ioasid, IOASID_FREE, (long)space), "IOASID_FREE");
}
#endif

/* Everything that was made is unmade. */
static inline void finish(unsigned long mapped)
{
	if (mapped)
		unmap(mapped);
	detach_engine();
	unbind_engine();
	free_space();
}

#endif
