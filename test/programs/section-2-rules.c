/* Section 2: the rules for all ioctls, CHECK_EXTENSION, ALLOC, FREE, GET_INFO, DEVICE_GET_INFO. */
#include "check.h"

#define BAD ((void *)0x10)

int main(void)
{
	int fd = ioasid_open(), device = vfio_open(1);
	struct ioasid_info info;

	/* An unknown ioctl number on a known file. */
	EXPECT("2", ioctl(fd, _IO(IOASID_TYPE, IOASID_BASE + 60), 0), -ENOTTY);
	EXPECT("2", ioctl(fd, VFIO_DEVICE_RESET), -ENOTTY);
	EXPECT("2", ioctl(device, _IO(VFIO_TYPE, VFIO_BASE + 90), 0), -ENOTTY);

	/* Extensions; unknown ones are 0. */
	EXPECT("2", ioctl(fd, IOASID_CHECK_EXTENSION, IOASID_EXT_MAP_TYPE1V2), 1);
	EXPECT("2", ioctl(fd, IOASID_CHECK_EXTENSION, IOASID_EXT_NESTING_SOFTWARE), 1);
	EXPECT("2", ioctl(fd, IOASID_CHECK_EXTENSION, IOASID_EXT_REGISTER_MEMORY), 1);
	EXPECT("2", ioctl(fd, IOASID_CHECK_EXTENSION, IOASID_EXT_EXECUTE_WBINVD), 1);
	EXPECT("2", ioctl(fd, IOASID_CHECK_EXTENSION, 0), 0);
	EXPECT("2", ioctl(fd, IOASID_CHECK_EXTENSION, 999), 0);
	EXPECT("2", ioctl(fd, IOASID_CHECK_EXTENSION, -1L), 0);

	/* argsz, flags, pointers. */
	struct ioasid_alloc alloc = { .argsz = sizeof(alloc) };
	EXPECT("2", ioctl(fd, IOASID_ALLOC, BAD), -EFAULT);
	EXPECT("2", ioctl(fd, IOASID_ALLOC, -1L), -EFAULT);
	alloc.argsz = sizeof(alloc) - 1;
	EXPECT("2", ioctl(fd, IOASID_ALLOC, &alloc), -EINVAL);
	alloc.argsz = 0;
	EXPECT("2", ioctl(fd, IOASID_ALLOC, &alloc), -EINVAL);
	EXPECT("2", alloc_flags(fd, 8), -EINVAL);
	EXPECT("2", alloc_flags(fd, 1u << 31), -EINVAL);
	EXPECT("2", alloc_flags(fd, IOASID_ALLOC_ENFORCE_SNOOP | IOASID_ALLOC_NO_ENFORCE_SNOOP), -EINVAL);
	struct { struct ioasid_alloc a; char more[64]; } large = { .a = { .argsz = sizeof(large) } };
	memset(large.more, 0xff, sizeof(large.more));
	EXPECT("2", ioctl(fd, IOASID_ALLOC, &large), 1);
	/* A struct that ends where the memory ends is read in full and no further. */
	char *two = pages(2);
	MUST(munmap(two + PAGE, PAGE));
	struct ioasid_alloc *last = (struct ioasid_alloc *)(two + PAGE - sizeof(*last));
	last->argsz = sizeof(*last);
	EXPECT("2", ioctl(fd, IOASID_ALLOC, last), 2);
	__u32 *half = (__u32 *)(two + PAGE - 4);
	*half = sizeof(*last);
	EXPECT("2", ioctl(fd, IOASID_ALLOC, half), -EFAULT);

	/* 2.1: lowest id first; what does not exist here is ENOENT. */
	EXPECT("2.1", ioctl(fd, IOASID_ALLOC, NULL), 3);
	EXPECT("2.1", ioctl(fd, IOASID_FREE, 2), 0);
	EXPECT("2.1", ioctl(fd, IOASID_FREE, 2), -ENOENT);
	EXPECT("2.1", ioctl(fd, IOASID_ALLOC, NULL), 2);
	EXPECT("2.1", ioctl(fd, IOASID_FREE, 0), -ENOENT);
	EXPECT("2.1", ioctl(fd, IOASID_FREE, (1UL << 32) + 1), -ENOENT);
	EXPECT("2.1", ioctl(fd, IOASID_FREE, -1L), -ENOENT);
	EXPECT("2.1", get_info(fd, 77, &info), -ENOENT);

	/* GET_INFO without a device: its own flags and parent, zero for everything that devices decide. */
	int enforcing = MUST(alloc_flags(fd, IOASID_ALLOC_ENFORCE_SNOOP));
	EXPECT("2.1", get_info(fd, enforcing, &info), 0);
	TRUE("2.1", info.flags == IOASID_INFO_ENFORCE_SNOOP && info.parent == 0 && info.ioasid == (__u32)enforcing);
	TRUE("2.1", !info.pgsizes && !info.pgtable_formats && !info.addr_width && !info.nr_devices && !info.nr_ranges);
	info.flags = 1u << 30;
	EXPECT("2", ioctl(fd, IOASID_GET_INFO, &info), -EINVAL);
	EXPECT("2", ioctl(fd, IOASID_GET_INFO, NULL), -EFAULT);

	/* Every other command on it is ENODEV. */
	struct ioasid_dma_unmap all = { .argsz = sizeof(all), .flags = IOASID_DMA_UNMAP_ALL, .ioasid = 1 };
	EXPECT("2.1", map(fd, 1, two, 0x1000, PAGE), -ENODEV);
	EXPECT("2.1", unmap(fd, 1, 0x1000, PAGE), -ENODEV);
	EXPECT("2.1", ioctl(fd, IOASID_UNMAP_DMA, &all), -ENODEV);

	/* With a device, what its IOMMU decides. */
	EXPECT("3.1", bind_device(device, fd, 0xc0ffee), 0);
	EXPECT("3.2", attach(device, 1), 0);
	struct ioasid_range ranges[4] = { 0 };
	memset(&info, 0, sizeof(info));
	info = (struct ioasid_info){ .argsz = sizeof(info), .ioasid = 1, .nr_ranges = 4, .ranges = (__u64)ranges };
	EXPECT("2", ioctl(fd, IOASID_GET_INFO, &info), 0);
	EXPECT("2", info.flags, IOASID_INFO_ATTACHED | IOASID_INFO_ENFORCE_SNOOP | IOASID_INFO_NESTING_HW | IOASID_INFO_NESTING_SW);
	EXPECT("5", info.pgsizes, 0x40201000);
	EXPECT("5", info.addr_width, 48);
	EXPECT("5", info.nr_devices, 1);
	EXPECT("5", info.nr_ranges, 2);
	TRUE("5", ranges[0].start == 0 && ranges[0].last == 0xfedfffff);
	TRUE("5", ranges[1].start == 0xfef00000 && ranges[1].last == (1ULL << 48) - 1);
	/* Room for one range: one is written, and the number says that there are two. */
	memset(ranges, 0, sizeof(ranges));
	info.nr_ranges = 1;
	EXPECT("2", ioctl(fd, IOASID_GET_INFO, &info), 0);
	TRUE("2", info.nr_ranges == 2 && ranges[0].last == 0xfedfffff && ranges[1].last == 0);
	info.nr_ranges = 2;
	info.ranges = (__u64)BAD;
	EXPECT("2", ioctl(fd, IOASID_GET_INFO, &info), -EFAULT);
	/* A short argsz: what fits is written, argsz says what is needed. */
	memset(&info, 0xaa, sizeof(info));
	info.argsz = 24;
	info.flags = 0;
	info.ioasid = 1;
	info.parent = 0;
	EXPECT("2", ioctl(fd, IOASID_GET_INFO, &info), 0);
	TRUE("2", info.argsz == sizeof(info) && info.pgsizes == 0x40201000 && info.pgtable_formats == 0xaaaaaaaaaaaaaaaaULL);
	info.argsz = 12;
	EXPECT("2", ioctl(fd, IOASID_GET_INFO, &info), -EINVAL);

	/* The device by its cookie. */
	struct ioasid_device_info dev = { .argsz = sizeof(dev), .cookie = 0xc0ffee };
	EXPECT("2", ioctl(fd, IOASID_DEVICE_GET_INFO, &dev), 0);
	EXPECT("5", dev.flags, IOASID_DEVICE_INFO_ENFORCE_SNOOP | IOASID_DEVICE_INFO_NO_SNOOP | IOASID_DEVICE_INFO_NESTING_HW |
		IOASID_DEVICE_INFO_NESTING_SW | IOASID_DEVICE_INFO_PASID | IOASID_DEVICE_INFO_PRI | IOASID_DEVICE_INFO_DIRTY);
	TRUE("5", dev.addr_width == 48 && dev.pasid_bits == 20 && dev.group == 2 && dev.pgsizes == 0x40201000);
	dev = (struct ioasid_device_info){ .argsz = sizeof(dev), .cookie = 1 };
	EXPECT("2", ioctl(fd, IOASID_DEVICE_GET_INFO, &dev), -ENOENT);
	dev.argsz = 8;
	EXPECT("2", ioctl(fd, IOASID_DEVICE_GET_INFO, &dev), -EINVAL);

	/* FREE with a device attached, or a child alive. */
	EXPECT("2.1", ioctl(fd, IOASID_FREE, 1), -EBUSY);
	int child = MUST(ioctl(fd, IOASID_CREATE_NESTING, 2));
	EXPECT("2.1", get_info(fd, child, &info), 0);
	EXPECT("2.1", info.parent, 2);
	EXPECT("2.1", ioctl(fd, IOASID_FREE, 2), -EBUSY);
	EXPECT("2.1", ioctl(fd, IOASID_FREE, child), 0);
	EXPECT("2.1", ioctl(fd, IOASID_FREE, 2), 0);
	EXPECT("2.2", ioctl(fd, IOASID_CREATE_NESTING, 2), -ENOENT);

	/* Not a descriptor of this kind, or none. */
	EXPECT("2", ioctl(-1, IOASID_ALLOC, NULL), -EBADF);
	EXPECT("2", ioctl(999, IOASID_ALLOC, NULL), -EBADF);
	int plain = MUST(open("/dev/null", O_RDWR));
	EXPECT("2", ioctl(plain, IOASID_ALLOC, NULL), -ENOTTY);
	return failures != 0;
}
