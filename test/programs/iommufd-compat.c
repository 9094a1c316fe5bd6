/* /dev/iommu: the ioctls of VFIO containers (linux-iommufd.md, 14). */
#include <linux/vfio.h>
#include "check-iommufd.h"

static int fd, ioas;

static int compat(__u16 op, __u32 id)
{
	struct iommu_vfio_ioas arg = { .size = sizeof(arg), .ioas_id = id, .op = op };
	return ioctl(fd, IOMMU_VFIO_IOAS, &arg) ? -1 : (int)arg.ioas_id;
}
static int dma_map(__u32 flags, const void *address, __u64 iova, __u64 size)
{
	struct vfio_iommu_type1_dma_map arg = { .argsz = sizeof(arg), .flags = flags, .vaddr = (__u64)address, .iova = iova,
						.size = size };
	return ioctl(fd, VFIO_IOMMU_MAP_DMA, &arg);
}
/* Bytes, or -1; *left is what the struct said then. */
static long dma_unmap(__u32 flags, __u64 iova, __u64 size, __u64 *left)
{
	struct vfio_iommu_type1_dma_unmap arg = { .argsz = sizeof(arg), .flags = flags, .iova = iova, .size = size };
	int result = ioctl(fd, VFIO_IOMMU_UNMAP_DMA, &arg);
	*left = arg.size;
	return result ? -1 : (long)arg.size;
}

int main(void)
{
	__u64 left;
	fd = iommu_open();
	char *memory = pages(16);
	EXPECT("14", ioctl(fd, VFIO_GET_API_VERSION), 0);
	EXPECT("14", ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1_IOMMU), 1);
	EXPECT("14", ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU), 1);
	EXPECT("14", ioctl(fd, VFIO_CHECK_EXTENSION, 6), 0);
	EXPECT("14", ioctl(fd, VFIO_CHECK_EXTENSION, 12345), 0);
	/* Without an IOAS there is nothing to act on; wrong arguments come first. */
	EXPECT("14", ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU), -ENODEV);
	EXPECT("14", ioctl(fd, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), -ENODEV);
	EXPECT("14", ioctl(fd, VFIO_SET_IOMMU, 2), -EINVAL);
	EXPECT("14", dma_map(3, memory, 0x10000, PAGE), -ENODEV);
	EXPECT("14", dma_map(8, memory, 0x10000, PAGE), -EINVAL);
	EXPECT("14", dma_unmap(0, 0, PAGE, &left), -ENODEV);
	EXPECT("14", compat(IOMMU_VFIO_IOAS_GET, 0), -ENODEV);
	EXPECT("14", compat(IOMMU_VFIO_IOAS_SET, 77), -ENOENT);
	EXPECT("14", compat(9, 0), -EOPNOTSUPP);

	ioas = ioas_alloc(fd);
	EXPECT("14", compat(IOMMU_VFIO_IOAS_SET, ioas), ioas);
	EXPECT("14", compat(IOMMU_VFIO_IOAS_GET, 0), ioas);
	EXPECT("8.1", ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU), 1);
	EXPECT("14", ioctl(fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), 0);
	EXPECT("14", dma_map(3, memory, 0x10000, 4 * PAGE), 0);
	EXPECT("14", dma_map(3, memory, 0x13000, PAGE), -EEXIST);
	EXPECT("14", dma_map(0, memory, 0x30000, PAGE), 0);
	EXPECT("14", dma_unmap(0, 0x50000, PAGE, &left), 0);
	EXPECT("14", dma_unmap(0, 0x11000, PAGE, &left), -ENOENT);
	TRUE("14", left == 0);
	EXPECT("14", dma_unmap(0, 0x10000, 0, &left), -EINVAL);
	EXPECT("14", dma_unmap(0, ALL - 0xfff, 2 * PAGE, &left), -EOVERFLOW);
	EXPECT("14", dma_unmap(VFIO_DMA_UNMAP_FLAG_ALL, 0, PAGE, &left), -EINVAL);
	EXPECT("14", dma_unmap(4, 0, 0, &left), -EINVAL);
	EXPECT("14", dma_unmap(VFIO_DMA_UNMAP_FLAG_ALL, 0, 0, &left), 5 * PAGE);

	/* Type 1 cuts mappings. */
	EXPECT("14", ioctl(fd, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), 0);
	EXPECT("14", dma_map(3, memory, 0x10000, 4 * PAGE), 0);
	EXPECT("14", dma_unmap(0, 0x11000, PAGE, &left), PAGE);
	EXPECT("14", dma_unmap(0, 0x11000, 0x800, &left), 0);
	EXPECT("14", dma_unmap(0, 0x12800, PAGE, &left), -EINVAL);
	EXPECT("14", dma_unmap(0, 0x10000, 4 * PAGE, &left), 3 * PAGE);

	/* The chain of capabilities, no further than argsz. */
	struct {
		struct vfio_iommu_type1_info info;
		char rest[128];
	} buffer;
	struct vfio_iommu_type1_info *info = &buffer.info;
	memset(&buffer, 0xaa, sizeof(buffer));
	info->argsz = 15;
	EXPECT("14", ioctl(fd, VFIO_IOMMU_GET_INFO, info), -EINVAL);
	info->argsz = 24;
	EXPECT("14", ioctl(fd, VFIO_IOMMU_GET_INFO, info), 0);
	TRUE("14", info->argsz == 72 && info->flags == 3 && info->cap_offset == 0);
	TRUE("14", buffer.rest[0] == (char)0xaa && buffer.rest[100] == (char)0xaa);
	info->argsz = sizeof(buffer);
	EXPECT("14", ioctl(fd, VFIO_IOMMU_GET_INFO, info), 0);
	struct vfio_info_cap_header *header = (void *)((char *)info + info->cap_offset);
	TRUE("14", info->cap_offset == 24 && header->id == 3 && header->next == 40);
	struct vfio_iommu_type1_info_cap_iova_range *range = (void *)((char *)info + header->next);
	TRUE("14", range->header.id == 1 && range->header.next == 0 && range->nr_iovas == 1);
	TRUE("14", range->iova_ranges[0].start == 0 && range->iova_ranges[0].end == ALL);

	/* Destroying it clears the pointer. */
	EXPECT("3", destroy(fd, ioas), 0);
	EXPECT("14", compat(IOMMU_VFIO_IOAS_GET, 0), -ENODEV);
	return failures != 0;
}
