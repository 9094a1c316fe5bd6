/* DMA buffers of BARs (linux-vfio.md, 5.9; linux-iommufd.md, 4): a device's memory that another device reaches, and that is taken back. */
#include "check-iommufd.h"
#include "check-vfio.h"

#ifndef VFIO_DEVICE_FEATURE_DMA_BUF
#define VFIO_DEVICE_FEATURE_DMA_BUF 11
#endif
#define IOVA 0x100000ULL
#define EDU_BUFFER 0x40000
enum { SOURCE = 0x80, DESTINATION = 0x88, COUNT = 0x90, COMMAND = 0x98, TO_MEMORY = 3, PCI_COMMAND = 4 };

struct range { __u64 offset, length; };

/* A descriptor, or -errno. */
static long buffer(int device, __u32 bar, __u32 flags, __u32 count, const struct range *ranges)
{
	struct { struct vfio_device_feature head; __u32 bar, open_flags, flags, count; struct range ranges[4]; } arg = {
		.head = { .argsz = sizeof(arg), .flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF },
		.bar = bar, .open_flags = O_RDWR | O_CLOEXEC, .flags = flags, .count = count };
	memcpy(arg.ranges, ranges, (count > 4 ? 4 : count) * sizeof(*ranges));
	return R(ioctl(device, VFIO_DEVICE_FEATURE, &arg));
}

/* The edu device writes 8 bytes of its buffer to memory. */
static void edu_writes(int edu, __u64 iova)
{
	__u64 values[] = { EDU_BUFFER, iova, 8, TO_MEMORY }, registers[] = { SOURCE, DESTINATION, COUNT, COMMAND };
	for (int i = 0; i < 4; i++)
		EXPECT("5.4", pwrite(edu, &values[i], 8, registers[i]), 8);
	__u64 command = 1;
	WAIT("5.4", (pread(edu, &command, 8, COMMAND), (command & 1) == 0));
}

int main(void)
{
	struct range part = { 0x1000, 0x2000 }, two[] = { { 0x2000, 0x1000 }, { 0, 0x1000 } }, bad[] = { { 0, 0 }, { 1, 0x1000 }, { 0, 0x5000 } };
	int fd = iommu_open(), device = vfio_open(1), edu = vfio_open(0), ioas = ioas_alloc(fd);
	MUST(bind_iommufd(device, fd));
	MUST(bind_iommufd(edu, fd));
	MUST(attach_pt(edu, ioas));
	EXPECT("7", write_config(edu, PCI_COMMAND, 2, 6), 2);

	EXPECT("5.9", buffer(device, 6, 0, 1, &part), -ENODEV);
	EXPECT("5.9", buffer(device, 3, 0, 1, &part), -ENODEV);
	EXPECT("5.9", buffer(device, 1, 0, 1, &part), -EINVAL);
	EXPECT("5.9", buffer(device, 2, 1, 1, &part), -EINVAL);
	EXPECT("5.9", buffer(device, 2, 0, 0, &part), -EINVAL);
	for (int i = 0; i < 3; i++)
		EXPECT("5.9", buffer(device, 2, 0, 1, &bad[i]), -EINVAL);

	/* Another device writes into the BAR. */
	int one = MUST(buffer(device, 2, 0, 1, &part)), pair = MUST(buffer(device, 2, 0, 2, two));
	EXPECT("4", map_file(fd, ioas, one, 0, IOVA, 0x3000), -EINVAL);
	EXPECT("4", map_file(fd, ioas, pair, 0, IOVA, 0x1000), -EOPNOTSUPP);
	EXPECT("4", map_file(fd, ioas, one, 0, IOVA, 0x2000), 0);
	write32(device, REGION(2) + 0x1010, 0x11111111);
	edu_writes(edu, IOVA + 0x10);
	EXPECT("5.9", read32(device, REGION(2) + 0x1010), 0);
	/* Its mapping is unmapped and made again from the second page on. */
	EXPECT("4", unmap_at(fd, ioas, IOVA, 0x2000), 0x2000);
	EXPECT("4", map_file(fd, ioas, one, 0x1000, IOVA, 0x1000), 0);
	write32(device, REGION(2) + 0x2010, 0x22222222);
	edu_writes(edu, IOVA + 0x10);
	EXPECT("5.9", read32(device, REGION(2) + 0x2010), 0);

	/* Without decode it is taken back: the area stays, and leads nowhere, also later. */
	EXPECT("7", write_config(device, PCI_COMMAND, 2, 0), 2);
	int without = MUST(buffer(device, 2, 0, 1, &part));
	EXPECT("5.9", map_file(fd, ioas, without, 0, 2 * IOVA, 0x1000), -ENODEV);
	EXPECT("5.9", map_file(fd, ioas, one, 0, 2 * IOVA, 0x1000), -ENODEV);
	EXPECT("7", write_config(device, PCI_COMMAND, 2, 2), 2);
	write32(device, REGION(2) + 0x2010, 0x33333333);
	edu_writes(edu, IOVA + 0x10);
	EXPECT("5.9", read32(device, REGION(2) + 0x2010), 0x33333333);
	EXPECT("4", unmap_at(fd, ioas, IOVA, 0x1000), 0x1000);
	EXPECT("5.9", map_file(fd, ioas, without, 0x1000, IOVA, 0x1000), 0);
	edu_writes(edu, IOVA + 0x10);
	EXPECT("5.9", read32(device, REGION(2) + 0x2010), 0);

	/* A reset takes it back for a moment; the last close for good. */
	EXPECT("5.7", ioctl(device, VFIO_DEVICE_RESET), 0);
	write32(device, REGION(2) + 0x2010, 0x44444444);
	edu_writes(edu, IOVA + 0x10);
	EXPECT("5.9", read32(device, REGION(2) + 0x2010), 0x44444444);
	EXPECT("4", unmap_at(fd, ioas, IOVA, 0x1000), 0x1000);
	EXPECT("5.9", map_file(fd, ioas, one, 0x1000, IOVA, 0x1000), 0);
	close(device);
	EXPECT("5.9", map_file(fd, ioas, one, 0, 2 * IOVA, 0x1000), -ENODEV);
	edu_writes(edu, IOVA + 0x10);
	return failures != 0;
}
