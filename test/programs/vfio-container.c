/* Containers and the type 1 IOMMU, version 1 and 2 (linux-vfio.md, 3 and 4). Sections are those of that document. */
#include "check-vfio.h"

#define EDU "0000:00:05.0"
#define OTHER "0000:01:00.0"
#define UNSNOOPED "0000:05:00.0"
#define IOVA 0x10000UL
#define WINDOW 0xfee00000UL

static int container, group;
static char *memory;

/* A container with the edu device's group. */
static void begin(long type)
{
	container = container_open();
	group = MUST(group_open(group_of(EDU)));
	MUST(set_container(group, container));
	MUST(set_iommu(container, type));
}
static void end(void)
{
	close(group);
	close(container);
}

static void without_driver(void)
{
	int c = container_open(), g = MUST(group_open(group_of(EDU)));
	int known[] = { VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU, VFIO_UNMAP_ALL };
	EXPECT("3", ioctl(c, VFIO_GET_API_VERSION), 0);
	for (int joined = 0; joined < 2; joined++) {
		for (int n = 0; n < 20; n++) {
			int yes = 0;
			for (int k = 0; k < 3; k++)
				yes |= known[k] == n;
			EXPECT("3", ioctl(c, VFIO_CHECK_EXTENSION, (long)n), yes);
		}
		EXPECT("3", dma_map(c, READ_WRITE, memory, IOVA, PAGE), -EINVAL);
		EXPECT("3", ioctl(c, VFIO_IOMMU_GET_INFO, NULL), -EINVAL);
		EXPECT("3", ioctl(c, _IO(';', 100 + 99)), -EINVAL);
		if (!joined) {
			EXPECT("3", set_iommu(c, VFIO_TYPE1_IOMMU), -EINVAL);
			EXPECT("2", set_container(g, c), 0);
		}
	}
	EXPECT("3", set_iommu(c, 2), -ENODEV);
	EXPECT("3", set_iommu(c, 8), -ENODEV);
	EXPECT("3", set_iommu(c, VFIO_UNMAP_ALL), -EINVAL);
	EXPECT("3", set_iommu(c, VFIO_TYPE1v2_IOMMU), 0);
	EXPECT("3", set_iommu(c, VFIO_TYPE1v2_IOMMU), -EINVAL);
	EXPECT("3", ioctl(c, _IO(';', 100 + 99)), -ENOTTY);
	EXPECT("3", ioctl(c, VFIO_GROUP_GET_STATUS, NULL), -ENOTTY);
	EXPECT("3", ioctl(c, VFIO_CHECK_EXTENSION, (long)VFIO_DMA_CC_IOMMU), 1);
	EXPECT("3", ioctl(c, VFIO_CHECK_EXTENSION, 10L), 1);
	EXPECT("3", ioctl(c, VFIO_CHECK_EXTENSION, 8L), 0);
	close(g);
	close(c);
}

static void info(void)
{
	struct {
		struct vfio_iommu_type1_info head;
		unsigned char rest[256];
	} info;
	memset(&info, 0xaa, sizeof(info));
	info.head.argsz = 15;
	EXPECT("4.1", ioctl(container, VFIO_IOMMU_GET_INFO, &info), -EINVAL);
	EXPECT("4.1", ioctl(container, VFIO_IOMMU_GET_INFO, NULL), -EFAULT);
	info.head.argsz = 16;
	EXPECT("4.1", ioctl(container, VFIO_IOMMU_GET_INFO, &info), 0);
	EXPECT("4.1", info.head.flags, 3);
	EXPECT("4.1", info.head.iova_pgsizes, 0x40201000);
	EXPECT("4.1", info.head.cap_offset, 0xaaaaaaaa);
	info.head.argsz = 24;
	EXPECT("4.1", ioctl(container, VFIO_IOMMU_GET_INFO, &info), 0);
	EXPECT("4.1", info.head.iova_pgsizes, 0x40201000);
	EXPECT("4.1", info.head.cap_offset, 0);
	EXPECT("4.1", info.head.argsz, 120);
	EXPECT("4.1", info.rest[0], 0xaa);
	info.head.argsz = sizeof(info);
	EXPECT("4.1", ioctl(container, VFIO_IOMMU_GET_INFO, &info), 0);
	EXPECT("4.1", info.head.argsz, sizeof(info));
	EXPECT("4.1", info.head.cap_offset, 24);
	struct { __u16 id, version; __u32 next; } *cap = (void *)((char *)&info + 24);
	TRUE("4.1", cap->id == 2 && cap->version == 1 && cap->next == 56);
	struct vfio_iommu_type1_info_cap_migration *migration = (void *)cap;
	TRUE("4.1", migration->flags == 0 && migration->pgsize_bitmap == PAGE && migration->max_dirty_bitmap_size == 1 << 28);
	cap = (void *)((char *)&info + 56);
	TRUE("4.1", cap->id == 3 && cap->version == 1 && cap->next == 72);
	EXPECT("4.1", ((struct vfio_iommu_type1_info_dma_avail *)cap)->avail, 65535);
	struct vfio_iommu_type1_info_cap_iova_range *ranges = (void *)((char *)&info + 72);
	TRUE("4.1", ranges->header.id == 1 && ranges->header.version == 1 && ranges->header.next == 0);
	EXPECT("4.1", ranges->nr_iovas, 2);
	TRUE("4.1", ranges->iova_ranges[0].start == 0 && ranges->iova_ranges[0].end == WINDOW - 1);
	TRUE("4.1", ranges->iova_ranges[1].start == WINDOW + 0x100000 && ranges->iova_ranges[1].end == 0xffffffffffffUL);
}

static void mapping(void)
{
	struct vfio_iommu_type1_dma_map arg = { .argsz = 31, .flags = READ_WRITE };
	EXPECT("4.2", ioctl(container, VFIO_IOMMU_MAP_DMA, NULL), -EFAULT);
	EXPECT("4.2", ioctl(container, VFIO_IOMMU_MAP_DMA, &arg), -EINVAL);
	EXPECT("4.2", dma_map(container, 8 | READ_WRITE, memory, IOVA, PAGE), -EINVAL);
	EXPECT("4.2", dma_map(container, READ_WRITE, memory, IOVA, 0), -EINVAL);
	EXPECT("4.2", dma_map(container, READ_WRITE, memory, -PAGE, 2 * PAGE), -EOVERFLOW);
	EXPECT("4.2", dma_map(container, READ_WRITE, (void *)-PAGE, IOVA, 2 * PAGE), -EOVERFLOW);
	EXPECT("4.2", dma_map(container, 0, memory, -PAGE, 2 * PAGE), -EOVERFLOW);
	EXPECT("4.2", dma_map(container, 0, memory, IOVA, PAGE), -EINVAL);
	EXPECT("4.2", dma_map(container, 4 | READ_WRITE, memory, IOVA, PAGE), -EINVAL);
	EXPECT("4.2", dma_map(container, READ_WRITE, memory + 1, IOVA, PAGE), -EINVAL);
	EXPECT("4.2", dma_map(container, READ_WRITE, memory, IOVA + 512, PAGE), -EINVAL);
	EXPECT("4.2", dma_map(container, READ_WRITE, memory, IOVA, PAGE + 1), -EINVAL);
	EXPECT("4.2", dma_map(container, 4, memory, IOVA, PAGE), -ENOENT);
	EXPECT("4.2", dma_map(container, READ_WRITE, memory, WINDOW, PAGE), -EINVAL);
	EXPECT("4.2", dma_map(container, READ_WRITE, memory, WINDOW - PAGE, 2 * PAGE), -EINVAL);
	EXPECT("4.2", dma_map(container, READ_WRITE, memory, 1UL << 48, PAGE), -EINVAL);
	EXPECT("4.2", dma_map(container, READ_WRITE, memory, (1UL << 48) - PAGE, PAGE), 0);
	EXPECT("4.3", dma_unmap(container, 0, (1UL << 48) - PAGE, PAGE), PAGE);
	char *hole = pages(3);
	MUST(munmap(hole + PAGE, PAGE));
	EXPECT("4.2", dma_map(container, READ_WRITE, hole, IOVA, 3 * PAGE), -EFAULT);
	EXPECT("4.3", dma_unmap(container, 0, IOVA, 3 * PAGE), 0);
	EXPECT("4.2", dma_map(container, READ_WRITE, (void *)0x1000, IOVA, PAGE), -EFAULT);
	char *read_only = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT("4.2", dma_map(container, READ_WRITE, read_only, IOVA, PAGE), -EFAULT);
	EXPECT("4.2", dma_map(container, VFIO_DMA_MAP_FLAG_READ, read_only, IOVA, PAGE), 0);
	EXPECT("4.2", dma_map(container, READ_WRITE, memory, IOVA, PAGE), -EEXIST);
	EXPECT("4.2", dma_map(container, READ_WRITE, (void *)0x1000, IOVA, PAGE), -EEXIST);
	EXPECT("4.2", dma_map(container, READ_WRITE, memory, IOVA - PAGE, 4 * PAGE), -EEXIST);
	/* The same memory at another address; an address without its permission. */
	EXPECT("4.2", dma_map(container, VFIO_DMA_MAP_FLAG_WRITE, memory, IOVA + PAGE, PAGE), 0);
	EXPECT("4.2", dma_map(container, READ_WRITE, memory, IOVA + 2 * PAGE, PAGE), 0);
	EXPECT("4.3", dma_unmap(container, 0, IOVA, 3 * PAGE), 3 * PAGE);
}

static long unmap_raw(__u32 argsz, __u32 flags, __u64 iova, __u64 size)
{
	struct { struct vfio_iommu_type1_dma_unmap arg; struct vfio_bitmap bitmap; } call = {
		.arg = { .argsz = argsz, .flags = flags, .iova = iova, .size = size } };
	return R(ioctl(container, VFIO_IOMMU_UNMAP_DMA, &call));
}

static void unmapping(int v2)
{
	EXPECT("4.3", ioctl(container, VFIO_IOMMU_UNMAP_DMA, NULL), -EFAULT);
	EXPECT("4.3", unmap_raw(23, 0, IOVA, PAGE), -EINVAL);
	EXPECT("4.3", unmap_raw(24, 8, IOVA, PAGE), -EINVAL);
	EXPECT("4.3", unmap_raw(48, 1 | 2, 0, 0), -EINVAL);
	EXPECT("4.3", unmap_raw(48, 1 | 4, IOVA, PAGE), -EINVAL);
	EXPECT("4.3", unmap_raw(24, 1, IOVA, PAGE), -EINVAL);
	EXPECT("4.3", unmap_raw(24, 0, IOVA + 1, PAGE), -EINVAL);
	EXPECT("4.3", unmap_raw(24, 0, IOVA, 0), -EINVAL);
	EXPECT("4.3", unmap_raw(24, 0, IOVA, 100), -EINVAL);
	EXPECT("4.3", unmap_raw(24, 2, IOVA, 0), -EINVAL);
	EXPECT("4.3", unmap_raw(24, 2, 0, PAGE), -EINVAL);
	EXPECT("4.3", unmap_raw(24, 0, -PAGE, 2 * PAGE), -EOVERFLOW);
	EXPECT("4.3", dma_unmap(container, 0, IOVA, PAGE), 0);
	/* On error nothing is written back. */
	struct vfio_iommu_type1_dma_unmap arg = { .argsz = sizeof(arg), .iova = IOVA + 1, .size = 12345 };
	EXPECT("4.3", ioctl(container, VFIO_IOMMU_UNMAP_DMA, &arg), -EINVAL);
	EXPECT("4.3", arg.size, 12345);

	MUST(dma_map(container, READ_WRITE, memory, IOVA, 4 * PAGE));
	MUST(dma_map(container, READ_WRITE, memory, IOVA + 4 * PAGE, 4 * PAGE));
	if (v2) {
		EXPECT("4.3", dma_unmap(container, 0, IOVA + PAGE, 7 * PAGE), -EINVAL);
		EXPECT("4.3", dma_unmap(container, 0, IOVA, 5 * PAGE), -EINVAL);
		EXPECT("4.3", dma_unmap(container, 0, IOVA - PAGE, 10 * PAGE), 8 * PAGE);
	} else {
		/* From the middle of one: nothing. From its first byte: all of it, and all of what begins in the range. */
		EXPECT("4.3", dma_unmap(container, 0, IOVA + PAGE, 7 * PAGE), 0);
		EXPECT("4.3", dma_unmap(container, 0, IOVA, PAGE), 4 * PAGE);
		EXPECT("4.3", dma_unmap(container, 0, IOVA, 5 * PAGE), 4 * PAGE);
	}
	EXPECT("4.3", dma_unmap(container, VFIO_DMA_UNMAP_FLAG_ALL, 0, 0), 0);
	for (int i = 0; i < 3; i++)
		MUST(dma_map(container, READ_WRITE, memory, IOVA + 4 * i * PAGE, 2 * PAGE));
	EXPECT("4.3", dma_unmap(container, VFIO_DMA_UNMAP_FLAG_ALL, 0, 0), 6 * PAGE);
}

static void user_addresses(void)
{
	char *other = pages(4);
	MUST(dma_map(container, READ_WRITE, memory, IOVA, 2 * PAGE));
	MUST(dma_map(container, READ_WRITE, memory + 2 * PAGE, IOVA + 2 * PAGE, 2 * PAGE));
	EXPECT("4.4", dma_map(container, 4, other, IOVA, 2 * PAGE), -EINVAL);
	EXPECT("4.4", dma_unmap(container, VFIO_DMA_UNMAP_FLAG_VADDR, IOVA, 2 * PAGE), 2 * PAGE);
	/* One is marked already: all of this call is undone. */
	EXPECT("4.4", dma_unmap(container, VFIO_DMA_UNMAP_FLAG_VADDR, IOVA, 4 * PAGE), -EINVAL);
	EXPECT("4.4", dma_unmap(container, VFIO_DMA_UNMAP_FLAG_VADDR, IOVA + 2 * PAGE, 2 * PAGE), 2 * PAGE);
	int third = MUST(group_open(group_of(OTHER)));
	EXPECT("4.4", set_container(third, container), -EBUSY);
	EXPECT("4.4", dma_map(container, 4, other, IOVA, PAGE), -EINVAL);
	EXPECT("4.4", dma_map(container, 4, other, IOVA + 8 * PAGE, PAGE), -ENOENT);
	EXPECT("4.4", dma_map(container, 4, other, IOVA, 2 * PAGE), 0);
	EXPECT("4.4", dma_map(container, 4, other, IOVA, 2 * PAGE), -EINVAL);
	EXPECT("4.4", dma_map(container, 4, other, IOVA + 2 * PAGE, 2 * PAGE), 0);
	EXPECT("4.4", dma_unmap(container, VFIO_DMA_UNMAP_FLAG_VADDR | VFIO_DMA_UNMAP_FLAG_ALL, 0, 0), 4 * PAGE);
	EXPECT("4.3", dma_unmap(container, 0, IOVA, 4 * PAGE), 4 * PAGE);
	EXPECT("4.4", set_container(third, container), 0);
	close(third);
}

static long dirty(__u32 argsz, __u32 flags, __u64 iova, __u64 size, __u64 pgsize, __u64 bytes, void *data)
{
	struct { struct vfio_iommu_type1_dirty_bitmap head; struct vfio_iommu_type1_dirty_bitmap_get get; } call = {
		{ .argsz = argsz, .flags = flags },
		{ .iova = iova, .size = size, .bitmap = { .pgsize = pgsize, .size = bytes, .data = data } } };
	return R(ioctl(container, VFIO_IOMMU_DIRTY_PAGES, &call));
}

static void dirty_pages(void)
{
	__u64 bits[8];
	EXPECT("4.5", ioctl(container, VFIO_IOMMU_DIRTY_PAGES, NULL), -EFAULT);
	EXPECT("4.5", dirty(7, 1, 0, 0, 0, 0, NULL), -EINVAL);
	EXPECT("4.5", dirty(8, 0, 0, 0, 0, 0, NULL), -EINVAL);
	EXPECT("4.5", dirty(8, 3, 0, 0, 0, 0, NULL), -EINVAL);
	EXPECT("4.5", dirty(8, 8, 0, 0, 0, 0, NULL), -EINVAL);
	EXPECT("4.5", dirty(48, 4, IOVA, PAGE, PAGE, 8, bits), -EINVAL);
	EXPECT("4.5", dirty(8, 2, 0, 0, 0, 0, NULL), 0);
	EXPECT("4.5", dirty(8, 1, 0, 0, 0, 0, NULL), 0);
	EXPECT("4.5", dirty(8, 1, 0, 0, 0, 0, NULL), 0);
	MUST(dma_map(container, READ_WRITE, memory, IOVA, 2 * PAGE));
	MUST(dma_map(container, READ_WRITE, memory, IOVA + 4 * PAGE, 2 * PAGE));
	memset(bits, 0, sizeof(bits));
	EXPECT("4.5", dirty(47, 4, IOVA, PAGE, PAGE, 8, bits), -EINVAL);
	EXPECT("4.5", dirty(48, 4, IOVA, 0, PAGE, 8, bits), -EINVAL);
	EXPECT("4.5", dirty(48, 4, -PAGE, 2 * PAGE, PAGE, 8, bits), -EOVERFLOW);
	EXPECT("4.5", dirty(48, 4, IOVA, PAGE, PAGE, 0, bits), -EINVAL);
	EXPECT("4.5", dirty(48, 4, IOVA, 65 * PAGE, PAGE, 8, bits), -EINVAL);
	EXPECT("4.5", dirty(48, 4, IOVA, PAGE, PAGE, (1UL << 28) + 8, bits), -EINVAL);
	EXPECT("4.5", dirty(48, 4, IOVA, PAGE, 2 * PAGE, 8, bits), -EINVAL);
	EXPECT("4.5", dirty(48, 4, IOVA + 8, PAGE, PAGE, 8, bits), -EINVAL);
	EXPECT("4.5", dirty(48, 4, IOVA, PAGE, PAGE, 8, bits), -EINVAL);
	EXPECT("4.5", dirty(48, 4, IOVA, 6 * PAGE, PAGE, 8, bits), 0);
	/* Pages of the hole are left alone. */
	EXPECT("4.5", bits[0], 0x33);
	bits[0] = ~0UL;
	EXPECT("4.5", dirty(48, 4, IOVA, 8 * PAGE, PAGE, 8, bits), 0);
	EXPECT("4.5", bits[0] & 0x33, 0x33);
	struct { struct vfio_iommu_type1_dma_unmap arg; struct vfio_bitmap bitmap; } unmap = {
		.arg = { .argsz = sizeof(unmap), .flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP, .iova = IOVA, .size = 2 * PAGE },
		.bitmap = { .pgsize = PAGE, .size = 8, .data = bits } };
	bits[0] = 0;
	unmap.bitmap.pgsize = 8192;
	EXPECT("4.3", ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap), -EINVAL);
	unmap.bitmap.pgsize = PAGE;
	EXPECT("4.3", ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap), 0);
	EXPECT("4.3", unmap.arg.size, 2 * PAGE);
	EXPECT("4.3", bits[0], 3);
	EXPECT("4.5", dirty(8, 2, 0, 0, 0, 0, NULL), 0);
	unmap.arg.iova += 4 * PAGE;
	EXPECT("4.3", ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap), -EINVAL);
	EXPECT("4.3", dma_unmap(container, VFIO_DMA_UNMAP_FLAG_ALL, 0, 0), 2 * PAGE);
}

/* A second group joins and leaves: what the container can do is what both can. */
static void groups(void)
{
	struct { struct vfio_iommu_type1_info head; unsigned char rest[256]; } info;
	int other = MUST(group_open(group_of(UNSNOOPED)));
	MUST(dma_map(container, READ_WRITE, memory, 1UL << 40, PAGE));
	/* A mapping lies outside of what the newcomer can address. */
	EXPECT("4.6", set_container(other, container), -EINVAL);
	EXPECT("3", ioctl(container, VFIO_CHECK_EXTENSION, (long)VFIO_DMA_CC_IOMMU), 1);
	MUST(dma_unmap(container, 0, 1UL << 40, PAGE));
	MUST(dma_map(container, READ_WRITE, memory, IOVA, PAGE));
	EXPECT("4.6", set_container(other, container), 0);
	EXPECT("3", ioctl(container, VFIO_CHECK_EXTENSION, (long)VFIO_DMA_CC_IOMMU), 0);
	memset(&info, 0, sizeof(info));
	info.head.argsz = sizeof(info);
	MUST(ioctl(container, VFIO_IOMMU_GET_INFO, &info));
	EXPECT("4.1", info.head.iova_pgsizes, 0x201000);
	struct vfio_iommu_type1_info_cap_iova_range *ranges = (void *)((char *)&info + 72);
	EXPECT("4.6", ranges->iova_ranges[1].end, (1UL << 39) - 1);
	EXPECT("4.2", dma_map(container, READ_WRITE, memory, 1UL << 40, PAGE), -EINVAL);
	int device = MUST(device_fd(other, UNSNOOPED));
	close(other);
	close(device);
	EXPECT("3", ioctl(container, VFIO_CHECK_EXTENSION, (long)VFIO_DMA_CC_IOMMU), 1);
	EXPECT("4.2", dma_map(container, READ_WRITE, memory, 1UL << 40, PAGE), 0);
	EXPECT("4.3", dma_unmap(container, VFIO_DMA_UNMAP_FLAG_ALL, 0, 0), 2 * PAGE);
}

/* A mapped BAR as the memory of a mapping: accepted, not charged; not while it cannot be reached. */
static void bars(void)
{
	int device = MUST(device_fd(group, EDU));
	char *bar = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, device, 0);
	TRUE("5.3", bar != MAP_FAILED);
	EXPECT("4.2", dma_map(container, READ_WRITE, bar, IOVA, 2 * PAGE), 0);
	EXPECT("4.3", dma_unmap(container, 0, IOVA, 2 * PAGE), 2 * PAGE);
	EXPECT("7", write_config(device, 4, 2, 0), 2);
	EXPECT("4.2", dma_map(container, READ_WRITE, bar, IOVA, 2 * PAGE), -EFAULT);
	EXPECT("7", write_config(device, 4, 2, 2), 2);
	EXPECT("4.2", dma_map(container, READ_WRITE, bar, IOVA, 2 * PAGE), 0);
	EXPECT("4.3", dma_unmap(container, 0, IOVA, 2 * PAGE), 2 * PAGE);
	munmap(bar, 2 * PAGE);
	close(device);
}

int main(void)
{
	memory = pages(8);
	without_driver();
	for (long type = VFIO_TYPE1_IOMMU; type <= VFIO_TYPE1v2_IOMMU; type += 2) {
		begin(type);
		info();
		mapping();
		unmapping(type == VFIO_TYPE1v2_IOMMU);
		user_addresses();
		if (type == VFIO_TYPE1_IOMMU)
			EXPECT("4.5", dirty(8, 1, 0, 0, 0, 0, NULL), -EACCES);
		else
			dirty_pages();
		groups();
		bars();
		end();
	}
	return failures != 0;
}
