/* A device: infos, regions, mappings, interrupts, resets, features (linux-vfio.md, 5). Sections are those of that document. */
#include "check-vfio.h"

#define EDU "0000:00:05.0"
#define EXPRESS "0000:01:00.0"
#define FIRST "0000:02:00.0"
#define SECOND "0000:02:00.1"
#define PF "0000:03:00.0"
#define COMMAND 4

#ifndef VFIO_DEVICE_FEATURE_DMA_BUF
#define VFIO_DEVICE_FEATURE_DMA_BUF 11
#endif

static int container, group, device;

static void end(void)
{
	close(device);
	close(group);
	close(container);
}

static void infos(void)
{
	struct vfio_device_info info = { .argsz = 15 };
	EXPECT("5.2", ioctl(device, VFIO_DEVICE_GET_INFO, NULL), -EFAULT);
	EXPECT("5.2", ioctl(device, VFIO_DEVICE_GET_INFO, &info), -EINVAL);
	info.argsz = 16;
	EXPECT("5.2", ioctl(device, VFIO_DEVICE_GET_INFO, &info), 0);
	EXPECT("5.2", info.flags & (VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET), 3);
	EXPECT("5.2", info.num_regions, 9);
	EXPECT("5.2", info.num_irqs, 5);
	EXPECT("5", ioctl(device, VFIO_GROUP_GET_STATUS, NULL), -ENOTTY);
	EXPECT("6", ioctl(device, _IO(';', 100 + 19), NULL), -ENOTTY);

	struct { __u32 size, flags; } want[9] = { { 0x10000, 7 }, { 64, 3 }, { 0x4000, 7 }, { 0, 0 }, { 0, 0 }, { 0, 0 }, { 4096, 1 },
						  { 4096, 3 } };
	for (int index = 0; index < 8; index++) {
		struct { struct vfio_region_info info; char caps[64]; } region = { .info = { .argsz = sizeof(region), .index = index,
			.cap_offset = 77 } };
		EXPECT("5.2", ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &region), 0);
		EXPECT("5.2", region.info.size, want[index].size);
		EXPECT("5.2", region.info.flags & 7, want[index].flags);
		EXPECT("5.2", region.info.offset, REGION(index));
		/* The BAR with the MSI-X table says that all of it can be mapped. */
		struct vfio_info_cap_header *cap = (void *)((char *)&region + 32);
		if (index == 0) {
			TRUE("5.2", region.info.cap_offset == 32 && (region.info.flags & VFIO_REGION_INFO_FLAG_CAPS));
			TRUE("5.2", cap->id == VFIO_REGION_INFO_CAP_MSIX_MAPPABLE && cap->version == 1 && cap->next == 0);
		} else
			EXPECT("5.2", region.info.cap_offset, 77);
	}
	struct vfio_region_info region = { .argsz = 31 };
	EXPECT("5.2", ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &region), -EINVAL);
	EXPECT("5.2", region_info(device, 0, &region), 0);
	TRUE("5.2", region.argsz == 40 && region.cap_offset == 0);
	EXPECT("5.2", region_info(device, 8, &region), -EINVAL);
	EXPECT("5.2", region_info(device, 9, &region), -EINVAL);
}

static int maps(int index, __u64 offset, __u64 size, int flags)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, device, REGION(index) + offset);
	if (at == MAP_FAILED)
		return -errno;
	munmap(at, size);
	return 0;
}

static void mappings(void)
{
	EXPECT("5.3", maps(0, 0, 0x10000, MAP_SHARED), 0);
	EXPECT("5.3", maps(0, 0xf000, PAGE, MAP_SHARED), 0);
	EXPECT("5.3", maps(0, 0x10000, PAGE, MAP_SHARED), -EINVAL);
	EXPECT("5.3", maps(0, 0, 0x11000, MAP_SHARED), -EINVAL);
	EXPECT("5.3", maps(0, 0, PAGE, MAP_PRIVATE), -EINVAL);
	EXPECT("5.3", maps(0, 1, PAGE, MAP_SHARED), -EINVAL);
	for (int index = 3; index < 10; index++)
		EXPECT("5.3", maps(index, 0, PAGE, MAP_SHARED), -EINVAL);
	EXPECT("5.3", maps(1, 0, PAGE, MAP_SHARED), -EINVAL);

	volatile __u32 *bar = mmap(NULL, 0x4000, PROT_READ | PROT_WRITE, MAP_SHARED, device, REGION(2));
	bar[0] = 0x11223344;
	EXPECT("5.4", read32(device, REGION(2)), 0x11223344);
	write32(device, REGION(2) + 4, 0x55667788);
	EXPECT("5.4", bar[1], 0x55667788);
	/* Decode off: accesses are EIO, and nothing of the device is in the mapping. */
	__u32 value = 7;
	EXPECT("7", write_config(device, COMMAND, 2, 1), 2);
	EXPECT("5.4", pread(device, &value, 4, REGION(2)), -EIO);
	EXPECT("5.4", pwrite(device, &value, 4, REGION(2)), -EIO);
	EXPECT("5.3", bar[0], 0xffffffff);
	bar[0] = 5;
	/* Ports are not gated. */
	EXPECT("5.4", pwrite(device, &value, 4, REGION(1) + 8), 4);
	EXPECT("5.4", read32(device, REGION(1) + 8), 7);
	EXPECT("7", write_config(device, COMMAND, 2, 3), 2);
	EXPECT("5.3", bar[0], 0x11223344);
	EXPECT("5.4", read32(device, REGION(2) + 4), 0x55667788);
	/* Asleep in D3hot: the same. */
	int pm = read_config(device, 0x34, 1);
	EXPECT("7", read_config(device, pm, 1), 1);
	EXPECT("7", write_config(device, pm + 4, 2, 3), 2);
	EXPECT("7", pread(device, &value, 4, REGION(2)), -EIO);
	EXPECT("5.3", bar[1], 0xffffffff);
	EXPECT("7", write_config(device, pm + 4, 2, 0), 2);
	EXPECT("5.4", bar[1], 0x55667788);
	munmap((void *)bar, 0x4000);
}

static void accesses(void)
{
	char bytes[32] = { 0 }, *nowhere = pages(1);
	MUST(munmap(nowhere, PAGE));
	EXPECT("5.4", pread(device, bytes, 0, REGION(0)), 0);
	EXPECT("5.4", pread(device, bytes, 4, REGION(0) + 0x10000), -EINVAL);
	EXPECT("5.4", pread(device, bytes, 4, REGION(0) + 0xffffffff), -EINVAL);
	EXPECT("5.4", pread(device, bytes, 32, REGION(0) + 0xfff0), 16);
	EXPECT("5.4", pwrite(device, bytes, 32, REGION(0) + 0xfff0), 16);
	EXPECT("5.4", pread(device, bytes, 4, REGION(3)), -EINVAL);
	EXPECT("5.4", pwrite(device, bytes, 4, REGION(6)), -EINVAL);
	/* The ROM: its image, and ones behind that; decode of memory gates it, its own enable bit does not. */
	EXPECT("5.4", pread(device, bytes, 4, REGION(6)), 4);
	EXPECT("5.4", memcmp(bytes, "\x55\xaa\2", 3), 0);
	EXPECT("5.4", pread(device, bytes, 32, REGION(6) + 4080), 16);
	EXPECT("5.4", memcmp(bytes, "\xff\xff\xff\xff", 4), 0);
	EXPECT("5.4", pread(device, bytes, 4, REGION(6) + 4096), -EINVAL);
	__u32 address = read_config(device, 0x30, 4);
	TRUE("7", address >= 0x1000 && (address & 0x7ff) == 0);
	EXPECT("7", write_config(device, 0x30, 4, 0xffffffff), 4);
	EXPECT("7", read_config(device, 0x30, 4), 0xfffff001);
	EXPECT("7", write_config(device, 0x30, 4, address), 4);
	EXPECT("7", write_config(device, COMMAND, 2, 1), 2);
	EXPECT("5.4", pread(device, bytes, 4, REGION(6)), -EIO);
	EXPECT("7", write_config(device, COMMAND, 2, 3), 2);
	EXPECT("5.4", pread(device, bytes, 4, REGION(8)), -EINVAL);
	EXPECT("5.4", pread(device, bytes, 4, REGION(9)), -EINVAL);
	EXPECT("5.4", pread(device, nowhere, 4, REGION(0)), -EFAULT);
	EXPECT("5.4", pwrite(device, nowhere, 4, REGION(2)), -EFAULT);
	/* The MSI-X table is the kernel's: it reads as ones, and writes are dropped; what is beside it is there. */
	EXPECT("5.4", pwrite(device, "\1\2\3\4", 4, REGION(0) + 128), 4);
	EXPECT("5.4", pwrite(device, "\1\2\3\4", 4, REGION(0) + 64), 4);
	EXPECT("5.4", pread(device, bytes, 12, REGION(0) + 120), 12);
	EXPECT("5.4", memcmp(bytes, "\xff\xff\xff\xff\xff\xff\xff\xff\1\2\3\4", 12), 0);
	/* Configuration space: no short reads. */
	EXPECT("5.4", pread(device, bytes, 4, CONFIG + 4094), -EFAULT);
	EXPECT("5.4", pread(device, bytes, 4, CONFIG + 4096), -EFAULT);
	EXPECT("5.4", pread(device, bytes, 3, CONFIG + 1), 3);
	EXPECT("5.4", memcmp(bytes, "\x12\xe8\x11", 3), 0);
	/* Pieces of several buffers. */
	struct iovec pieces[2] = { { bytes, 2 }, { bytes + 8, 4 } };
	EXPECT("5.4", preadv(device, pieces, 2, CONFIG), 6);
	EXPECT("5.4", memcmp(bytes + 8, "\xe8\x11", 2), 0);
}

static void express_interrupts(void)
{
	struct vfio_irq_info irq;
	__u32 flags[] = { 7, 9, 1, 9, 9 }, counts[] = { 1, 4, 8, 1, 1 };
	int fds[10], vectors[8];
	for (int index = 0; index < 5; index++) {
		EXPECT("5.5", irq_info(device, index, &irq), 0);
		EXPECT("5.5", irq.flags, flags[index]);
		EXPECT("5.5", irq.count, counts[index]);
	}
	EXPECT("5.5", irq_info(device, 5, &irq), -EINVAL);
	irq.argsz = 15;
	EXPECT("5.5", ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &irq), -EINVAL);
	for (int i = 0; i < 8; i++)
		vectors[i] = fds[i] = event();

	struct vfio_irq_set set = { .argsz = 19, .flags = TRIGGER_NONE };
	EXPECT("5.6", ioctl(device, VFIO_DEVICE_SET_IRQS, NULL), -EFAULT);
	EXPECT("5.6", ioctl(device, VFIO_DEVICE_SET_IRQS, &set), -EINVAL);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, 5, 0, 1, NULL), -EINVAL);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, 2, 0, 9, NULL), -EINVAL);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, 2, 8, 0, NULL), -EINVAL);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, 2, 1, 0xffffffff, NULL), -EINVAL);
	EXPECT("5.6", irqs(device, TRIGGER_NONE | 0x40, 2, 0, 1, NULL), -EINVAL);
	EXPECT("5.6", irqs(device, TRIGGER_NONE | VFIO_IRQ_SET_DATA_BOOL, 2, 0, 1, fds), -EINVAL);
	EXPECT("5.6", irqs(device, VFIO_IRQ_SET_ACTION_TRIGGER, 2, 0, 1, NULL), -EINVAL);
	EXPECT("5.6", irqs(device, TRIGGER_FDS, 2, 0, 1, NULL), -EINVAL);
	EXPECT("5.6", irqs(device, VFIO_IRQ_SET_DATA_NONE, 2, 0, 1, NULL), -ENOTTY);
	EXPECT("5.6", irqs(device, TRIGGER_NONE | VFIO_IRQ_SET_ACTION_MASK, 0, 0, 1, NULL), -ENOTTY);
	EXPECT("5.6", irqs(device, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK, 2, 0, 1, NULL), -ENOTTY);
	/* Inactive: nothing to disable, nothing to signal. */
	for (int index = 0; index < 5; index++)
		EXPECT("5.6", irqs(device, TRIGGER_NONE, index, 0, 0, NULL), -EINVAL);

	/* MSI-X: two vectors, one of them unwired; then more on demand. */
	vectors[1] = -1;
	EXPECT("5.6", irqs(device, TRIGGER_FDS, 2, 0, 2, vectors), 0);
	EXPECT("7", read_config(device, read_config(device, 0x34, 1), 1), 1);
	EXPECT("5.6", irqs(device, TRIGGER_FDS, 1, 0, 1, vectors), -EINVAL);
	EXPECT("5.6", irqs(device, TRIGGER_FDS, 0, 0, 1, vectors), -EINVAL);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, 2, 0, 2, NULL), 0);
	EXPECT("5.6", counted(fds[0]), 1);
	EXPECT("5.6", counted(fds[1]), -EAGAIN);
	vectors[0] = fds[5];
	EXPECT("5.6", irqs(device, TRIGGER_FDS, 2, 5, 1, vectors), 0);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, 2, 5, 1, NULL), 0);
	EXPECT("5.6", counted(fds[5]), 1);
	/* Failing half-way leaves all up to there unwired, and the rest as it was. */
	int broken[3] = { fds[2], -2, 999 };
	EXPECT("5.6", irqs(device, TRIGGER_FDS, 2, 0, 3, broken), -EBADF);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, 2, 0, 6, NULL), 0);
	EXPECT("5.6", counted(fds[2]), -EAGAIN);
	EXPECT("5.6", counted(fds[5]), 1);
	int file = MUST(open("/dev/null", O_RDWR));
	EXPECT("5.6", irqs(device, TRIGGER_FDS, 2, 3, 1, &file), -EINVAL);
	close(file);
	/* Bools choose. */
	struct { struct vfio_irq_set set; __u8 wanted[6]; } bools = { { .argsz = sizeof(bools), .index = 2, .count = 6,
		.flags = VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER }, { 1, 1, 1, 1, 1, 0 } };
	EXPECT("5.6", ioctl(device, VFIO_DEVICE_SET_IRQS, &bools), 0);
	EXPECT("5.6", counted(fds[5]), -EAGAIN);
	bools.wanted[5] = 1;
	EXPECT("5.6", ioctl(device, VFIO_DEVICE_SET_IRQS, &bools), 0);
	EXPECT("5.6", counted(fds[5]), 1);
	/* They survive a reset. */
	EXPECT("5.7", ioctl(device, VFIO_DEVICE_RESET), 0);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, 2, 5, 1, NULL), 0);
	EXPECT("5.6", counted(fds[5]), 1);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, 2, 0, 0, NULL), 0);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, 2, 0, 0, NULL), -EINVAL);

	/* MSI: a fixed number while it is on. */
	EXPECT("5.6", irqs(device, TRIGGER_FDS, 1, 0, 0, NULL), -ERANGE);
	EXPECT("5.6", irqs(device, TRIGGER_FDS, 1, 0, 2, fds), 0);
	EXPECT("5.6", irqs(device, TRIGGER_FDS, 1, 2, 1, fds), -EINVAL);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, 1, 0, 4, NULL), 0);
	EXPECT("5.6", counted(fds[0]), 1);
	EXPECT("5.6", counted(fds[1]), 1);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, 1, 0, 0, NULL), 0);

	/* Errors, and the request to let the device go: beside the others. */
	for (int index = 3; index < 5; index++) {
		int none = -1, below = -2;
		EXPECT("5.6", irqs(device, TRIGGER_NONE, index, 0, 1, NULL), -EINVAL);
		EXPECT("5.6", irqs(device, TRIGGER_FDS, index, 0, 1, &below), -EINVAL);
		EXPECT("5.6", irqs(device, TRIGGER_FDS, index, 0, 0, NULL), -EINVAL);
		EXPECT("5.6", irqs(device, TRIGGER_FDS, index, 0, 1, fds), 0);
		EXPECT("5.6", irqs(device, TRIGGER_NONE, index, 0, 1, NULL), 0);
		EXPECT("5.6", counted(fds[0]), 1);
		EXPECT("5.6", irqs(device, TRIGGER_FDS, index, 0, 1, &none), 0);
		EXPECT("5.6", irqs(device, TRIGGER_NONE, index, 0, 0, NULL), -EINVAL);
		EXPECT("5.6", irqs(device, TRIGGER_FDS, index, 0, 1, fds), 0);
		EXPECT("5.6", irqs(device, TRIGGER_NONE, index, 0, 0, NULL), 0);
	}
	for (int i = 0; i < 8; i++)
		close(fds[i]);
}

static void pin(void)
{
	struct vfio_irq_info irq;
	int line = event(), other = event(), unmask = event(), none = -1;
	__u32 mask = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK, unmasks = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK;
	__u32 unmask_fd = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK;
	EXPECT("5.5", irq_info(device, 3, &irq), -EINVAL);
	EXPECT("5.5", irq_info(device, 2, &irq), 0);
	EXPECT("5.5", irq.count, 0);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, 2, 0, 0, NULL), -EINVAL);
	EXPECT("5.6", irqs(device, mask, 0, 0, 1, NULL), -EINVAL);
	EXPECT("5.6", irqs(device, unmasks, 0, 0, 1, NULL), -EINVAL);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, 0, 0, 1, NULL), -EINVAL);
	EXPECT("5.6", irqs(device, TRIGGER_FDS, 0, 0, 0, NULL), -EINVAL);
	EXPECT("5.6", irqs(device, TRIGGER_FDS, 0, 0, 1, &line), 0);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, 0, 0, 1, NULL), 0);
	EXPECT("5.6", counted(line), 1);
	/* Masked by hand: it comes at unmask. */
	EXPECT("5.6", irqs(device, mask, 0, 0, 1, NULL), 0);
	write32(device, 0x60, 1);
	EXPECT("5.6", counted(line), -EAGAIN);
	EXPECT("5.6", irqs(device, unmasks, 0, 0, 1, NULL), 0);
	EXPECT("5.6", counted(line), 1);
	EXPECT("5.6", irqs(device, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_MASK, 0, 0, 1, &other), -ENOTTY);
	/* An eventfd unmasks: the line is still asserted. */
	EXPECT("5.6", irqs(device, unmask_fd, 0, 0, 1, &unmask), 0);
	EXPECT("5.6", irqs(device, unmask_fd, 0, 0, 1, &unmask), -EBUSY);
	__u64 one = 1;
	MUST(write(unmask, &one, 8));
	long got = 0;
	WAIT("5.6", got > 0 || (got = counted(line)) > 0);
	EXPECT("5.6", got, 1);
	EXPECT("5.6", irqs(device, unmask_fd, 0, 0, 1, &none), 0);
	/* Another eventfd in its place; the virtual INTx disable bit. */
	EXPECT("5.6", irqs(device, TRIGGER_FDS, 0, 0, 1, &other), 0);
	EXPECT("7", write_config(device, COMMAND, 2, 0x402), 2);
	EXPECT("5.6", irqs(device, unmasks, 0, 0, 1, NULL), 0);
	EXPECT("5.6", counted(other), -EAGAIN);
	EXPECT("7", write_config(device, COMMAND, 2, 0x002), 2);
	EXPECT("5.6", counted(other), 1);
	EXPECT("5.6", irqs(device, TRIGGER_FDS, 0, 0, 1, &none), 0);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, 0, 0, 1, NULL), 0);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, 0, 0, 0, NULL), 0);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, 0, 0, 0, NULL), -EINVAL);
	write32(device, 0x64, 1);
	/* Closed and opened: interrupts are gone. */
	EXPECT("5.6", irqs(device, TRIGGER_FDS, 0, 0, 1, &line), 0);
	close(device);
	device = MUST(device_fd(group, EDU));
	EXPECT("5.6", irqs(device, TRIGGER_NONE, 0, 0, 1, NULL), -EINVAL);
	close(line);
	close(other);
	close(unmask);
}

static void root_bus_resets(void)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfio_pci_hot_reset_info reset = { .argsz = sizeof(reset) };
	EXPECT("5.2", ioctl(device, VFIO_DEVICE_GET_INFO, &info), 0);
	EXPECT("5.2", info.flags, VFIO_DEVICE_FLAGS_PCI);
	EXPECT("5.7", ioctl(device, VFIO_DEVICE_RESET), -EINVAL);
	EXPECT("5.7", ioctl(device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &reset), -ENODEV);
	reset.argsz = 8;
	EXPECT("5.7", ioctl(device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &reset), -EINVAL);
}

static void hot_resets(void)
{
	struct { struct vfio_pci_hot_reset_info head; struct vfio_pci_dependent_device devices[4]; } info = {
		.head = { .argsz = sizeof(info.head) } };
	struct { struct vfio_pci_hot_reset head; __s32 fds[4]; } reset = { .head = { .argsz = sizeof(reset) } };
	device = device_open(FIRST, &container, &group);
	EXPECT("5.7", ioctl(device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &info), -ENOSPC);
	EXPECT("5.7", info.head.count, 2);
	info.head.argsz = sizeof(info);
	EXPECT("5.7", ioctl(device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &info), 0);
	EXPECT("5.7", info.head.flags, 0);
	EXPECT("5.7", info.head.count, 2);
	for (int i = 0; i < 2; i++) {
		EXPECT("5.7", info.devices[i].group_id, 3);
		TRUE("5.7", info.devices[i].segment == 0 && info.devices[i].bus == 2 && info.devices[i].devfn == i);
	}
	EXPECT("5.7", ioctl(device, VFIO_DEVICE_PCI_HOT_RESET, &reset), -EINVAL);
	reset.head.count = 3;
	EXPECT("5.7", ioctl(device, VFIO_DEVICE_PCI_HOT_RESET, &reset), -EINVAL);
	reset.head.count = 1;
	reset.fds[0] = 999;
	EXPECT("5.7", ioctl(device, VFIO_DEVICE_PCI_HOT_RESET, &reset), -EBADF);
	reset.fds[0] = device;
	EXPECT("5.7", ioctl(device, VFIO_DEVICE_PCI_HOT_RESET, &reset), -EINVAL);
	reset.fds[0] = group;
	reset.head.flags = 1;
	EXPECT("5.7", ioctl(device, VFIO_DEVICE_PCI_HOT_RESET, &reset), -EINVAL);
	reset.head.flags = 0;
	int second = MUST(device_fd(group, SECOND));
	write32(second, 0x100, 0x12345678);
	EXPECT("7", write_config(device, 0x3c, 1, 0x2a), 1);
	EXPECT("5.7", ioctl(device, VFIO_DEVICE_PCI_HOT_RESET, &reset), 0);
	EXPECT("5.7", read32(second, 0x100), 0);
	EXPECT("7", read_config(device, 0x3c, 1), 0x2a);
	close(second);
	end();
}

/* Functions that cannot be reset alone are reset with their bus, once nobody has any of them open. */
static void resets_together(void)
{
	device = device_open(FIRST, &container, &group);
	int second = MUST(device_fd(group, SECOND));
	write32(device, 0x100, 0x1234);
	close(device);
	device = MUST(device_fd(group, FIRST));
	EXPECT("5.1", read32(device, 0x100), 0x1234);
	close(device);
	close(second);
	device = MUST(device_fd(group, FIRST));
	EXPECT("5.1", read32(device, 0x100), 0);
	end();
}

static long feature(__u32 flags, __u32 argsz, const void *data, __u32 bytes)
{
	struct { struct vfio_device_feature head; char data[64]; } arg = { .head = { .argsz = argsz, .flags = flags } };
	if (data)
		memcpy(arg.data, data, bytes);
	return R(ioctl(device, VFIO_DEVICE_FEATURE, &arg));
}

static void features(void)
{
	__u32 get = VFIO_DEVICE_FEATURE_GET, set = VFIO_DEVICE_FEATURE_SET, probe = VFIO_DEVICE_FEATURE_PROBE;
	char token[16] = { 1 };
	device = device_open(PF, &container, &group);
	EXPECT("5.9", ioctl(device, VFIO_DEVICE_FEATURE, NULL), -EFAULT);
	EXPECT("5.9", feature(set, 7, NULL, 0), -EINVAL);
	EXPECT("5.9", feature(1 << 20, 8, NULL, 0), -EINVAL);
	EXPECT("5.9", feature(get | set, 8, NULL, 0), -EINVAL);
	EXPECT("5.9", feature(probe | set | 0, 8, NULL, 0), 0);
	EXPECT("5.9", feature(probe | get | 0, 8, NULL, 0), -EINVAL);
	EXPECT("5.9", feature(get | 0, 24, token, 16), -EINVAL);
	EXPECT("5.9", feature(0, 24, token, 16), -EINVAL);
	EXPECT("5.9", feature(set | 0, 23, token, 15), -EINVAL);
	EXPECT("5.9", feature(set | 0, 24, token, 16), 0);
	for (int number = 1; number < 40; number++)
		if ((number < 3 || (number > 5 && number < 11)) || number > 12)
			EXPECT("5.9", feature(get | number, 64, NULL, 0), -ENOTTY);
	/* Low power: entered once, ended by any access with a wake-up eventfd. */
	const volatile __u8 *bar = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, device, 0);
	EXPECT("5.9", bar[8], 0x33);
	EXPECT("5.9", feature(set | 3, 8, NULL, 0), 0);
	EXPECT("5.9", feature(set | 3, 8, NULL, 0), -EINVAL);
	/* What is mapped does not answer meanwhile; calls wake the device. */
	EXPECT("5.3", bar[8], 0xff);
	EXPECT("5.4", read32(device, 8) & 0xff, 0x33);
	EXPECT("5.9", feature(set | 5, 8, NULL, 0), 0);
	EXPECT("5.3", bar[8], 0x33);
	munmap((void *)bar, PAGE);
	EXPECT("5.9", feature(set | 5, 8, NULL, 0), 0);
	struct { __s32 fd; __u32 reserved; } wake = { event(), 0 };
	EXPECT("5.9", feature(set | 4, 8, NULL, 0), -EINVAL);
	EXPECT("5.9", feature(set | 4, 16, &wake, 8), 0);
	EXPECT("5.9", counted(wake.fd), -EAGAIN);
	EXPECT("5.9", read_config(device, 0, 2), 0x8086);
	EXPECT("5.9", counted(wake.fd), 1);
	EXPECT("5.9", feature(set | 3, 8, NULL, 0), 0);
	EXPECT("5.9", feature(set | 5, 8, NULL, 0), 0);
	int minus = wake.fd;
	wake.fd = -1;
	EXPECT("5.9", feature(set | 4, 16, &wake, 8), -EINVAL);
	close(minus);
	end();
}

static long ioeventfd(__u32 flags, __u64 offset, __u64 data, int fd)
{
	struct vfio_device_ioeventfd arg = { .argsz = sizeof(arg), .flags = flags, .offset = offset, .data = data, .fd = fd };
	return R(ioctl(device, VFIO_DEVICE_IOEVENTFD, &arg));
}

static void io_eventfds(void)
{
	int fd = event();
	__u64 one = 1;
	EXPECT("5.8", ioctl(device, VFIO_DEVICE_IOEVENTFD, NULL), -EFAULT);
	EXPECT("5.8", ioeventfd(0, REGION(2), 1, fd), -EINVAL);
	EXPECT("5.8", ioeventfd(3, REGION(2), 1, fd), -EINVAL);
	EXPECT("5.8", ioeventfd(0x14, REGION(2), 1, fd), -EINVAL);
	EXPECT("5.8", ioeventfd(4, REGION(2), 1, -2), -EINVAL);
	EXPECT("5.8", ioeventfd(4, REGION(7), 1, fd), -EINVAL);
	EXPECT("5.8", ioeventfd(4, REGION(2) + 0x4000, 1, fd), -EINVAL);
	EXPECT("5.8", ioeventfd(4, REGION(0), 1, fd), -EINVAL);
	EXPECT("5.8", ioeventfd(4, REGION(2), 1, -1), -ENODEV);
	EXPECT("5.8", ioeventfd(4, REGION(2), 1, 999), -EBADF);
	EXPECT("5.8", ioeventfd(4, REGION(2) + 0x20, 0xabcd, fd), 0);
	EXPECT("5.8", ioeventfd(4, REGION(2) + 0x20, 0xabcd, fd), -EEXIST);
	EXPECT("5.8", ioeventfd(2, REGION(2) + 0x20, 0xabcd, fd), 0);
	EXPECT("5.8", ioeventfd(2, REGION(2) + 0x20, 0xabcd, -1), 0);
	write32(device, REGION(2) + 0x20, 0);
	MUST(write(fd, &one, 8));
	WAIT("5.8", read32(device, REGION(2) + 0x20) == 0xabcd);
	EXPECT("5.8", ioeventfd(4, REGION(2) + 0x20, 0xabcd, -1), 0);
	close(fd);
}

int main(void)
{
	device = device_open(EXPRESS, &container, &group);
	infos();
	mappings();
	accesses();
	express_interrupts();
	io_eventfds();
	end();
	device = device_open(EDU, &container, &group);
	pin();
	root_bus_resets();
	end();
	hot_resets();
	resets_together();
	features();
	return failures != 0;
}
