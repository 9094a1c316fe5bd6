/* What the programs of VFIO share: containers, groups and devices as <linux/vfio.h> has them, in short form. */
#ifndef CHECK_VFIO_H
#define CHECK_VFIO_H

#include "expect.h"
#include <linux/vfio.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <time.h>

#define REGION(index) ((__u64)(index) << 40)
#define CONFIG REGION(VFIO_PCI_CONFIG_REGION_INDEX)

/* The group of a function, as sysfs says. */
static inline int group_of(const char *bdf)
{
	char path[128], link[256];
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	long n = MUST(readlink(path, link, sizeof(link) - 1));
	link[n] = 0;
	return atoi(strrchr(link, '/') + 1);
}
/* Descriptor of /dev/vfio/N, or -1. */
static inline int group_open(int number)
{
	char path[64];
	snprintf(path, sizeof(path), "/dev/vfio/%d", number);
	return open(path, O_RDWR | O_CLOEXEC);
}
static inline int container_open(void)
{
	return MUST(open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC));
}
static inline int set_container(int group, int container)
{
	return ioctl(group, VFIO_GROUP_SET_CONTAINER, &container);
}
static inline int set_iommu(int container, long type)
{
	return ioctl(container, VFIO_SET_IOMMU, type);
}
static inline int device_fd(int group, const char *name)
{
	return ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name);
}
static inline int dma_map(int container, __u32 flags, const void *vaddr, __u64 iova, __u64 size)
{
	struct vfio_iommu_type1_dma_map arg = { .argsz = sizeof(arg), .flags = flags, .vaddr = (__u64)vaddr, .iova = iova,
						.size = size };
	return ioctl(container, VFIO_IOMMU_MAP_DMA, &arg);
}
#define READ_WRITE (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)
/* Bytes unmapped, or -1. */
static inline long dma_unmap(int container, __u32 flags, __u64 iova, __u64 size)
{
	struct vfio_iommu_type1_dma_unmap arg = { .argsz = sizeof(arg), .flags = flags, .iova = iova, .size = size };
	return ioctl(container, VFIO_IOMMU_UNMAP_DMA, &arg) ? -1 : (long)arg.size;
}
/* A device, alone in a container of its own with type 1 version 2. */
static inline int device_open(const char *bdf, int *container, int *group)
{
	*container = container_open();
	*group = MUST(group_open(group_of(bdf)));
	MUST(set_container(*group, *container));
	MUST(set_iommu(*container, VFIO_TYPE1v2_IOMMU));
	return MUST(device_fd(*group, bdf));
}
static inline int region_info(int device, __u32 index, struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){ .argsz = sizeof(*info), .index = index };
	return ioctl(device, VFIO_DEVICE_GET_REGION_INFO, info);
}
static inline int irq_info(int device, __u32 index, struct vfio_irq_info *info)
{
	*info = (struct vfio_irq_info){ .argsz = sizeof(*info), .index = index };
	return ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, info);
}
/* SET_IRQS with up to 64 descriptors behind the header; fds may be NULL. */
static inline int irqs(int device, __u32 flags, __u32 index, __u32 start, __u32 count, const int *fds)
{
	struct { struct vfio_irq_set set; int fds[64]; } arg = {
		{ .argsz = sizeof(struct vfio_irq_set) + (fds ? count * sizeof(int) : 0), .flags = flags, .index = index,
		  .start = start, .count = count },
		{ 0 },
	};
	if (fds)
		memcpy(arg.fds, fds, count * sizeof(int));
	return ioctl(device, VFIO_DEVICE_SET_IRQS, &arg);
}
#define TRIGGER_FDS (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)
#define TRIGGER_NONE (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER)

/* An eventfd that does not block. */
static inline int event(void)
{
	return MUST(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}
/* What an eventfd has counted, and -EAGAIN for nothing. */
static inline long counted(int fd)
{
	__u64 n;
	long got = R(read(fd, &n, sizeof(n)));
	return got < 0 ? got : (long)n;
}
static inline __u32 read_config(int device, int offset, int width)
{
	__u32 value = 0;
	if (pread(device, &value, width, CONFIG + offset) != width)
		must(-1, "pread of configuration space");
	return value;
}
static inline long write_config(int device, int offset, int width, __u32 value)
{
	return R(pwrite(device, &value, width, CONFIG + offset));
}
static inline __u32 read32(int device, __u64 offset)
{
	__u32 value = 0;
	if (pread(device, &value, 4, offset) != 4)
		must(-1, "pread of a register");
	return value;
}
static inline void write32(int device, __u64 offset, __u32 value)
{
	if (pwrite(device, &value, 4, offset) != 4)
		must(-1, "pwrite of a register");
}
static inline double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}
/* Waits until a condition holds; a device that never answers fails the test. */
#define WAIT(section, condition) ({ double end_ = now() + 20; while (!(condition) && now() < end_) usleep(200); TRUE(section, condition); })

#endif
