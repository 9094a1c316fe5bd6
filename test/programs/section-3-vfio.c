/* Section 3: bind, unbind, attach, detach, groups; Linux's device and region information. */
#include "check.h"

static int region(int device, __u32 index, struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){ .argsz = sizeof(*info), .index = index };
	return ioctl(device, VFIO_DEVICE_GET_REGION_INFO, info);
}

int main(void)
{
	int fd = ioasid_open(), other = ioasid_open(), null = MUST(open("/dev/null", O_RDWR));
	int vfio0 = vfio_open(0), vfio1 = vfio_open(1), vfio2 = vfio_open(2), vfio3 = vfio_open(3), vfio4 = vfio_open(4);
	__u32 word;
	void *volatile bad = (void *)0x10;

	/* 3.1 Before a successful bind every other access is EINVAL. */
	struct vfio_device_info info = { .argsz = sizeof(info) };
	EXPECT("3.1", ioctl(vfio0, VFIO_DEVICE_GET_INFO, &info), -EINVAL);
	EXPECT("3.1", ioctl(vfio0, VFIO_DEVICE_RESET), -EINVAL);
	EXPECT("3.1", ioctl(vfio0, VFIO_UNBIND_IOASID_FD), -EINVAL);
	EXPECT("3.1", attach(vfio0, 1), -EINVAL);
	EXPECT("3.1", detach(vfio0, 1), -EINVAL);
	EXPECT("3.1", pread(vfio0, &word, 4, 0), -EINVAL);
	EXPECT("3.1", pwrite(vfio0, &word, 4, 8), -EINVAL);
	EXPECT("3.1", pread(vfio0, &word, 4, 7ULL << 40), -EINVAL);
	EXPECT("3.1", (long)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, vfio0, 2ULL << 40), -EINVAL);

	/* Bind. */
	EXPECT("3.1", bind_device(vfio0, 999, 1), -EBADF);
	EXPECT("3.1", bind_device(vfio0, -1, 1), -EBADF);
	EXPECT("3.1", bind_device(vfio0, null, 1), -EINVAL);
	EXPECT("3.1", bind_device(vfio0, vfio1, 1), -EINVAL);
	struct vfio_bind_ioasid_fd bind = { .argsz = sizeof(bind), .flags = 1, .ioasid_fd = fd };
	EXPECT("2", ioctl(vfio0, VFIO_BIND_IOASID_FD, &bind), -EINVAL);
	bind.flags = 0;
	bind.argsz = 12;
	EXPECT("2", ioctl(vfio0, VFIO_BIND_IOASID_FD, &bind), -EINVAL);
	EXPECT("2", ioctl(vfio0, VFIO_BIND_IOASID_FD, NULL), -EFAULT);
	EXPECT("3.1", bind_device(vfio0, fd, 1), 0);
	EXPECT("3.1", bind_device(vfio0, fd, 1), -EBUSY);
	EXPECT("3.1", bind_device(vfio0, other, 1), -EBUSY);
	int again = vfio_open(0);
	EXPECT("3.1", bind_device(again, fd, 1), -EBUSY);
	EXPECT("3.1", ioctl(again, VFIO_DEVICE_RESET), -EINVAL);
	/* A device of the same group owned by another context. */
	EXPECT("3.1", bind_device(vfio3, fd, 3), 0);
	EXPECT("3.1", bind_device(vfio4, other, 4), -EPERM);
	EXPECT("3.1", bind_device(vfio4, fd, 4), 0);
	EXPECT("3.1", bind_device(vfio1, fd, 5), 0);
	EXPECT("3.1", bind_device(vfio2, other, 2), 0);

	/* 3.2 Attach and detach. */
	int id = MUST(ioctl(fd, IOASID_ALLOC, NULL)), id2 = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	int enforcing = MUST(alloc_flags(fd, IOASID_ALLOC_ENFORCE_SNOOP));
	EXPECT("3.2", attach(vfio0, 99), -ENOENT);
	EXPECT("3.2", attach(vfio2, enforcing), -ENOENT);
	EXPECT("3.2", attach(vfio0, enforcing), -EINVAL);
	EXPECT("3.2", attach_flags(vfio0, id, 4, 0), -EINVAL);
	EXPECT("3.2", attach_flags(vfio0, id, VFIO_ATTACH_IOASID_USER_PASID, 5), -EOPNOTSUPP);
	EXPECT("3.2", ioctl(vfio0, VFIO_ATTACH_IOASID, NULL), -EFAULT);
	EXPECT("3.2", detach(vfio0, id), -ENOENT);
	EXPECT("3.2", detach(vfio0, 99), -ENOENT);
	EXPECT("3.2", attach(vfio0, id), 0);
	EXPECT("3.2", attach(vfio0, id), -EBUSY);
	EXPECT("3.2", attach(vfio0, id2), -EBUSY);
	EXPECT("3.1", ioctl(vfio0, VFIO_UNBIND_IOASID_FD), -EBUSY);
	EXPECT("3.2", detach(vfio0, id2), -ENOENT);
	/* Two IOMMUs behind one space: what they have in common. */
	struct ioasid_info common;
	EXPECT("3.2", attach(vfio1, id), 0);
	EXPECT("2.1", get_info(fd, id, &common), 0);
	TRUE("2.1", common.addr_width == 39 && common.pgsizes == 0x201000 && common.nr_devices == 2);
	TRUE("4", (common.flags & IOASID_INFO_NONCOHERENT) && !(common.flags & IOASID_INFO_ENFORCE_SNOOP));
	char *memory = pages(4);
	EXPECT("3.2", map(fd, id, memory, 1ULL << 39, PAGE), -EINVAL);
	EXPECT("3.2", detach(vfio0, id), 0);
	EXPECT("3.2", map(fd, id, memory, 1ULL << 39, PAGE), 0);
	/* Address width that the device's IOMMU does not have. */
	EXPECT("3.2", attach(vfio0, id), -EINVAL);
	EXPECT("2.1", unmap(fd, id, 1ULL << 39, PAGE), PAGE);
	EXPECT("3.2", attach(vfio0, id), 0);
	EXPECT("3.2", detach(vfio0, id), 0);
	EXPECT("3.2", detach(vfio1, id), 0);

	/* 3.2 A child becomes the space in use; the parent stays beneath. */
	EXPECT("3.2", attach(vfio1, id), 0);
	int child = MUST(ioctl(fd, IOASID_CREATE_NESTING, id));
	EXPECT("2.2", attach(vfio0, child), -EINVAL);
	EXPECT("2.1", map(fd, child, (void *)0x10000, 0, PAGE), -ENODEV);
	EXPECT("3.2", attach(vfio1, child), 0);
	EXPECT("3.2", detach(vfio1, id), -EBUSY);
	EXPECT("2.2", ioctl(fd, IOASID_CREATE_NESTING, child), -EINVAL);
	EXPECT("2.1", map(fd, id, memory, 0x10000, 2 * PAGE), 0);
	EXPECT("2.2", map(fd, child, (void *)0x12000, 0x500000, PAGE), -EFAULT);
	EXPECT("2.2", map(fd, child, (void *)0x11000, 0x500000, PAGE), 0);
	EXPECT("6", dma(vfio1, FILL, 0, 0x500000, 8), 0);
	EXPECT("6", dma(vfio1, FILL, 0, 0x10000, 8), 1);
	EXPECT("2.2", unmap(fd, id, 0x10000, 2 * PAGE), 2 * PAGE);
	EXPECT("2.2", dma(vfio1, FILL, 0, 0x500000, 8), 1);
	EXPECT("2.2", map(fd, id, memory, 0x10000, 2 * PAGE), 0);
	EXPECT("2.2", dma(vfio1, FILL, 0, 0x500000, 8), 0);
	EXPECT("3.2", detach(vfio1, child), 0);
	EXPECT("6", dma(vfio1, FILL, 0, 0x10000, 8), 0);
	EXPECT("3.2", detach(vfio1, id), 0);

	/* 3.3 Groups: between the first and the last attach the space is busy and the group's DMA blocked. */
	EXPECT("6", dma(vfio3, FILL, 0, 0, 8), 3);
	EXPECT("3.3", attach(vfio3, id2), 0);
	EXPECT("3.3", map(fd, id2, memory, 0x10000, PAGE), -EBUSY);
	EXPECT("3.3", unmap(fd, id2, 0x10000, PAGE), -EBUSY);
	EXPECT("6", dma(vfio3, FILL, 0, 0x10000, 8), 3);
	EXPECT("3.3", attach(vfio4, id), -EINVAL);
	EXPECT("2.1", get_info(fd, id2, &common), 0);
	EXPECT("2.1", common.nr_devices, 1);
	EXPECT("3.3", attach(vfio4, id2), 0);
	EXPECT("3.3", map(fd, id2, memory, 0x10000, PAGE), 0);
	EXPECT("6", dma(vfio3, FILL, 0, 0x10000, 8), 0);
	EXPECT("6", dma(vfio4, FILL, 0, 0x10000, 8), 0);
	EXPECT("3.3", detach(vfio4, id2), 0);
	EXPECT("6", dma(vfio3, FILL, 0, 0x10000, 8), 3);
	EXPECT("3.3", unmap(fd, id2, 0x10000, PAGE), -EBUSY);
	EXPECT("3.3", detach(vfio3, id2), 0);

	/* Unbind, and a group that is free again. */
	EXPECT("3.1", ioctl(vfio3, VFIO_UNBIND_IOASID_FD), 0);
	EXPECT("3.1", bind_device(vfio3, other, 3), -EPERM);
	EXPECT("3.1", ioctl(vfio4, VFIO_UNBIND_IOASID_FD), 0);
	EXPECT("3.1", bind_device(vfio3, other, 3), 0);

	/* Linux's device and region information. */
	EXPECT("3", ioctl(vfio1, VFIO_DEVICE_GET_INFO, &info), 0);
	TRUE("3", (info.flags & (VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET)) == (VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET));
	TRUE("3", info.num_regions == VFIO_PCI_NUM_REGIONS && info.num_irqs == VFIO_PCI_NUM_IRQS);
	info.argsz = 8;
	EXPECT("3", ioctl(vfio1, VFIO_DEVICE_GET_INFO, &info), -EINVAL);
	struct vfio_region_info r;
	EXPECT("6", region(vfio1, VFIO_PCI_BAR0_REGION_INDEX, &r), 0);
	TRUE("6", r.size == 4096 && r.flags == (VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE));
	EXPECT("6", region(vfio1, VFIO_PCI_BAR2_REGION_INDEX, &r), 0);
	TRUE("6", r.size == 65536 && (r.flags & VFIO_REGION_INFO_FLAG_MMAP));
	__u64 bar2 = r.offset;
	EXPECT("6", region(vfio1, VFIO_PCI_CONFIG_REGION_INDEX, &r), 0);
	TRUE("6", r.size == 256 && !(r.flags & VFIO_REGION_INFO_FLAG_MMAP));
	__u64 config = r.offset;
	EXPECT("3", region(vfio1, VFIO_PCI_BAR1_REGION_INDEX, &r), 0);
	EXPECT("3", r.size, 0);
	EXPECT("3", region(vfio1, VFIO_PCI_VGA_REGION_INDEX, &r), -EINVAL);
	EXPECT("3", region(vfio1, 1000, &r), -EINVAL);
	r.argsz = 8;
	EXPECT("3", ioctl(vfio1, VFIO_DEVICE_GET_REGION_INFO, &r), -EINVAL);

	/* Regions by read and write. */
	EXPECT("6", reg_read(vfio1, IOASID_DMAE_REG_ID, 4), IOASID_DMAE_ID);
	EXPECT("6", pread(vfio1, &word, 2, 0), -EINVAL);
	EXPECT("6", pread(vfio1, &word, 4, 2), -EINVAL);
	EXPECT("6", pread(vfio1, &word, 4, 4096), -EINVAL);
	EXPECT("6", pread(vfio1, bad, 4, 0), -EFAULT);
	EXPECT("6", pwrite(vfio1, bad, 4, 8), -EFAULT);
	__u16 ids[2];
	EXPECT("6", pread(vfio1, ids, 4, config), 4);
	TRUE("6", ids[0] == 0x1d0a && ids[1] == 0x0a51);
	EXPECT("6", pread(vfio1, &word, 4, config + 8), 4);
	EXPECT("6", word >> 8, 0x088000);
	EXPECT("6", pread(vfio1, &word, 4, config + 254), -EFAULT);
	unsigned char pointer = 0, capability[12];
	EXPECT("6", pread(vfio1, &pointer, 1, config + 0x34), 1);
	EXPECT("6", pread(vfio1, capability, 12, config + pointer), 12);
	TRUE("6", capability[0] == 0x11 && (capability[2] | (capability[3] & 7) << 8) == 1);
	/* Without bus mastering the function may not do DMA. */
	__u16 command = 2, saved = 0;
	EXPECT("3.2", attach(vfio1, id), 0);
	EXPECT("6", pread(vfio1, &saved, 2, config + 4), 2);
	EXPECT("6", pwrite(vfio1, &command, 2, config + 4), 2);
	EXPECT("6", dma(vfio1, FILL, 0, 0x10000, 8), 3);
	EXPECT("6", pwrite(vfio1, &saved, 2, config + 4), 2);
	EXPECT("6", dma(vfio1, FILL, 0, 0x10000, 8), 0);

	/* BAR2 is memory of the device: read, written, mapped. */
	char text[32] = "device memory";
	EXPECT("6", pwrite(vfio1, text, 14, bar2 + 100), 14);
	char *mapped = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, vfio1, bar2);
	TRUE("6", mapped != MAP_FAILED);
	if (mapped != MAP_FAILED) {
		EXPECT("6", strcmp(mapped + 100, "device memory"), 0);
		strcpy(mapped + 200, "by mmap");
		EXPECT("6", pread(vfio1, text, 8, bar2 + 200), 8);
		EXPECT("6", strcmp(text, "by mmap"), 0);
		EXPECT("6", dma(vfio1, COPY, IOASID_DMAE_SRC_BAR2 | 200, 0x10000, 8), 0);
		EXPECT("6", strcmp(memory, "by mmap"), 0);
	}
	EXPECT("6", (long)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, vfio1, 0), -EINVAL);
	EXPECT("6", (long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, vfio1, bar2), -EINVAL);
	EXPECT("6", (long)mmap(NULL, 65536 + PAGE, PROT_READ, MAP_SHARED, vfio1, bar2), -EINVAL);
	EXPECT("6", (long)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, vfio1, config), -EINVAL);
	EXPECT("1", (long)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0), -ENODEV);
	EXPECT("6", pread(vfio1, text, 32, bar2 + 65520), 16);

	/* RESET brings the registers back. */
	reg_write(vfio1, IOASID_DMAE_REG_LENGTH, 77, 4);
	EXPECT("3", ioctl(vfio1, VFIO_DEVICE_RESET), 0);
	EXPECT("3", reg_read(vfio1, IOASID_DMAE_REG_LENGTH, 4), 0);

	/* 3.1 Closing the device's last fd detaches and unbinds; a mapping of it counts. */
	close(vfio1);
	vfio1 = vfio_open(1);
	EXPECT("1", bind_device(vfio1, fd, 5), mapped == MAP_FAILED ? 0 : -EBUSY);
	if (mapped != MAP_FAILED)
		MUST(munmap(mapped, 65536));
	EXPECT("3.1", bind_device(vfio1, fd, 5), 0);
	EXPECT("3.2", attach(vfio1, id), 0);
	return failures != 0;
}
