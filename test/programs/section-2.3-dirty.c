/* Section 2.3: dirty tracking. */
#include "check.h"

static int tracking(int fd, __u32 ioasid, __u32 flags)
{
	struct ioasid_dirty_tracking arg = { .argsz = sizeof(arg), .flags = flags, .ioasid = ioasid };
	return ioctl(fd, IOASID_DIRTY_TRACKING, &arg);
}
static int bitmap(int fd, __u32 ioasid, __u32 flags, __u64 iova, __u64 size, __u64 page_size, void *data)
{
	struct ioasid_dirty_bitmap arg = { .argsz = sizeof(arg), .flags = flags, .ioasid = ioasid, .iova = iova, .size = size,
					   .page_size = page_size, .data = (__u64)data };
	return ioctl(fd, IOASID_GET_DIRTY_BITMAP, &arg);
}

int main(void)
{
	int fd = ioasid_open(), device = vfio_open(1);
	char *memory = pages(256);
	__u64 bits[8];
	MUST(bind_device(device, fd, 1));
	int id = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	EXPECT("2.1", tracking(fd, id, IOASID_DIRTY_TRACKING_START), -ENODEV);
	MUST(attach(device, id));
	MUST(map(fd, id, memory, 0x100000, 256 * PAGE));
	EXPECT("2.3", bitmap(fd, id, 0, 0x100000, PAGE, PAGE, bits), -EINVAL);
	EXPECT("2.3", tracking(fd, id, 0), -EINVAL);
	EXPECT("2.3", tracking(fd, id, 3), -EINVAL);
	EXPECT("2.3", tracking(fd, id, 4), -EINVAL);
	EXPECT("2.3", tracking(fd, 99, IOASID_DIRTY_TRACKING_START), -ENOENT);
	EXPECT("2.3", dma(device, FILL, 0, 0x100000, 8), 0);
	EXPECT("2.3", tracking(fd, id, IOASID_DIRTY_TRACKING_START), 0);
	struct ioasid_info info;
	EXPECT("2", get_info(fd, id, &info), 0);
	TRUE("2", info.flags & IOASID_INFO_DIRTY_TRACKING);

	/* DMA writes count; reads and the CPU's stores do not. */
	memory[50 * PAGE] = 1;
	EXPECT("6", dma(device, CHECKSUM, 0x100000, 0, 100 * PAGE), 0);
	EXPECT("6", dma(device, FILL, 0, 0x101fff, 2), 0);
	EXPECT("6", dma(device, FILL, 0, 0x100000 + 70 * PAGE, 3 * PAGE), 0);
	memset(bits, 0xff, sizeof(bits));
	EXPECT("2.3", bitmap(fd, id, IOASID_DIRTY_BITMAP_NO_CLEAR, 0x100000, 256 * PAGE, PAGE, bits), 0);
	TRUE("2.3", bits[0] == 6 && bits[1] == 7 << 6 && !bits[2] && !bits[3] && bits[4] == -1ULL);
	/* Larger pages, and a range that does not fill a word. */
	EXPECT("2.3", bitmap(fd, id, IOASID_DIRTY_BITMAP_NO_CLEAR, 0x100000, 256 * PAGE, 4 * PAGE, bits), 0);
	EXPECT("2.3", bits[0], 1 | 1 << 17 | 1 << 18);
	EXPECT("2.3", bitmap(fd, id, 0, 0x100000 + 65 * PAGE, 6 * PAGE, PAGE, bits), 0);
	EXPECT("2.3", bits[0], 1 << 5);
	/* What was returned is cleared, and nothing else. */
	EXPECT("2.3", bitmap(fd, id, 0, 0x100000, 256 * PAGE, PAGE, bits), 0);
	TRUE("2.3", bits[0] == 6 && bits[1] == 6 << 6);
	EXPECT("2.3", bitmap(fd, id, 0, 0x100000, 256 * PAGE, PAGE, bits), 0);
	TRUE("2.3", !bits[0] && !bits[1]);

	EXPECT("2.3", bitmap(fd, id, 2, 0x100000, PAGE, PAGE, bits), -EINVAL);
	EXPECT("2.3", bitmap(fd, id, 0, 0x100000, PAGE, 2048, bits), -EINVAL);
	EXPECT("2.3", bitmap(fd, id, 0, 0x100000, PAGE, 3 * PAGE, bits), -EINVAL);
	EXPECT("2.3", bitmap(fd, id, 0, 0x100000, 0, PAGE, bits), -EINVAL);
	EXPECT("2.3", bitmap(fd, id, 0, 0x101000, 2 * PAGE, 2 * PAGE, bits), -EINVAL);
	EXPECT("2.3", bitmap(fd, id, 0, -PAGE, 2 * PAGE, PAGE, bits), -EOVERFLOW);
	/* A failed call changes nothing. */
	EXPECT("6", dma(device, FILL, 0, 0x100000, 8), 0);
	EXPECT("2.3", bitmap(fd, id, 0, 0x100000, PAGE, PAGE, (void *)0x10), -EFAULT);
	EXPECT("2.3", bitmap(fd, id, 0, 0x100000, PAGE, PAGE, bits), 0);
	EXPECT("2.3", bits[0], 1);

	/* DMA through a child writes the parent's pages. */
	int child = MUST(ioctl(fd, IOASID_CREATE_NESTING, id));
	MUST(attach(device, child));
	MUST(map(fd, child, (void *)0x104000, 0x900000, PAGE));
	EXPECT("2.3", tracking(fd, child, IOASID_DIRTY_TRACKING_START), -EINVAL);
	EXPECT("2.3", bitmap(fd, child, 0, 0x900000, PAGE, PAGE, bits), -EINVAL);
	EXPECT("6", dma(device, FILL, 0, 0x900000, 8), 0);
	EXPECT("2.3", bitmap(fd, id, 0, 0x100000, 64 * PAGE, PAGE, bits), 0);
	EXPECT("2.3", bits[0], 1 << 4);
	EXPECT("2.3", tracking(fd, id, IOASID_DIRTY_TRACKING_STOP), 0);
	EXPECT("2.3", bitmap(fd, id, 0, 0x100000, PAGE, PAGE, bits), -EINVAL);
	return failures != 0;
}
