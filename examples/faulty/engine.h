/*
 * What the small drivers of this folder share: a DMA engine, vfio2, bound to a context and attached to an address space
 * of /dev/ioasid. With -DIOMMUFD they are drivers of /dev/iommu, with -DCONTAINER of a VFIO group and its container.
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

/* Another device than the engine may be named before. */
#ifndef NAME
#define NAME "vfio2"
#define FUNCTION "0000:02:00.0"
#define GROUP "/dev/vfio/3"
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

/* The context: /dev/ioasid, /dev/iommu, or a container. */
static int ioasid, device;
#ifdef CONTAINER
static int group;
#else
static int space;
#endif

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

#if defined(IOMMUFD) || defined(CONTAINER)
/* vfio-pci leaves the command register's bus master bit, bit 2 of byte 4, to the driver; the configuration space is region 7. */
static inline void set_bus_master(void)
{
	off_t at = ((off_t)VFIO_PCI_CONFIG_REGION_INDEX << 40) + 4;
	__u16 command;
	check(pread(device, &command, 2, at), "read the command register");
	command |= 4;
	check(pwrite(device, &command, 2, at), "write the command register");
}
#endif

#ifdef CONTAINER
static inline long try_map(void *vaddr, unsigned long size, __u32 flags)
{
	struct vfio_iommu_type1_dma_map arg = { .argsz = sizeof(arg), .vaddr = (__u64)vaddr, .iova = IOVA, .size = size };
	arg.flags |= flags & READ ? VFIO_DMA_MAP_FLAG_READ : 0;
	arg.flags |= flags & WRITE ? VFIO_DMA_MAP_FLAG_WRITE : 0;
	return ioctl(ioasid, VFIO_IOMMU_MAP_DMA, &arg);
}

static inline void unmap(unsigned long size)
{
	struct vfio_iommu_type1_dma_unmap arg = { .argsz = sizeof(arg), .iova = IOVA, .size = size };
	check(ioctl(ioasid, VFIO_IOMMU_UNMAP_DMA, &arg), "VFIO_IOMMU_UNMAP_DMA");
}

static inline void bind_engine(void)
{
	ioasid = check(open("/dev/vfio/vfio", O_RDWR), "open a container");
	group = check(open(GROUP, O_RDWR), "open " GROUP);
	check(ioctl(group, VFIO_GROUP_SET_CONTAINER, &ioasid), "VFIO_GROUP_SET_CONTAINER");
	check(ioctl(ioasid, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "VFIO_SET_IOMMU");
	device = check(ioctl(group, VFIO_GROUP_GET_DEVICE_FD, FUNCTION), "VFIO_GROUP_GET_DEVICE_FD");
	set_bus_master();
}

/* A group is attached as soon as its container has an IOMMU. */
static inline void attach_engine(void)
{
}

static inline void detach_engine(void)
{
}

static inline void unbind_engine(void)
{
	check(close(device), "close " NAME);
	check(ioctl(group, VFIO_GROUP_UNSET_CONTAINER), "VFIO_GROUP_UNSET_CONTAINER");
	check(close(group), "close " GROUP);
}

static inline void free_space(void)
{
	check(close(ioasid), "close the container");
}
#elif defined(IOMMUFD)
static inline long try_map(void *vaddr, unsigned long size, __u32 flags)
{
	struct iommu_ioas_map arg = { .size = sizeof(arg), .flags = IOMMU_IOAS_MAP_FIXED_IOVA, .ioas_id = space,
				      .user_va = (__u64)vaddr, .length = size, .iova = IOVA };
	arg.flags |= flags & READ ? IOMMU_IOAS_MAP_READABLE : 0;
	arg.flags |= flags & WRITE ? IOMMU_IOAS_MAP_WRITEABLE : 0;
	return ioctl(ioasid, IOMMU_IOAS_MAP, &arg);
}

static inline void unmap(unsigned long size)
{
	struct iommu_ioas_unmap arg = { .size = sizeof(arg), .ioas_id = space, .iova = IOVA, .length = size };
	check(ioctl(ioasid, IOMMU_IOAS_UNMAP, &arg), "IOMMU_IOAS_UNMAP");
}

static inline void bind_engine(void)
{
	ioasid = check(open("/dev/iommu", O_RDWR), "open /dev/iommu");
	device = check(open("/dev/vfio/devices/" NAME, O_RDWR), "open " NAME);
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind), .iommufd = ioasid };
	check(ioctl(device, VFIO_DEVICE_BIND_IOMMUFD, &bind), "VFIO_DEVICE_BIND_IOMMUFD");
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	check(ioctl(ioasid, IOMMU_IOAS_ALLOC, &alloc), "IOMMU_IOAS_ALLOC");
	space = alloc.out_ioas_id;
	set_bus_master();
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
	check(close(device), "close " NAME);
}

static inline void free_space(void)
{
	struct iommu_destroy destroy = { .size = sizeof(destroy), .id = space };
	check(ioctl(ioasid, IOMMU_DESTROY, &destroy), "IOMMU_DESTROY");
}
#else
static inline long try_map(void *vaddr, unsigned long size, __u32 flags)
{
	struct ioasid_dma_map arg = { .argsz = sizeof(arg), .flags = flags, .ioasid = space,
				      .vaddr = (__u64)vaddr, .iova = IOVA, .size = size };
	return ioctl(ioasid, IOASID_MAP_DMA, &arg);
}

static inline void unmap(unsigned long size)
{
	struct ioasid_dma_unmap arg = { .argsz = sizeof(arg), .ioasid = space, .iova = IOVA, .size = size };
	check(ioctl(ioasid, IOASID_UNMAP_DMA, &arg), "IOASID_UNMAP_DMA");
}

static inline void bind_engine(void)
{
	ioasid = check(open("/dev/ioasid", O_RDWR), "open /dev/ioasid");
	device = check(open("/dev/vfio/devices/" NAME, O_RDWR), "open " NAME);
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

static inline void map(void *vaddr, unsigned long size, __u32 flags)
{
	check(try_map(vaddr, size, flags), "map memory");
}

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
