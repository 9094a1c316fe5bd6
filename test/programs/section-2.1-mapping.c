/* Section 2.1: MAP_DMA, UNMAP_DMA, and what devices reach. */
#include "check.h"

int main(void)
{
	int fd = ioasid_open(), device = vfio_open(2);
	int id = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	char *memory = pages(16);
	MUST(bind_device(device, fd, 1));
	MUST(attach(device, id));

	/* Each rule of MAP, in its order. */
	EXPECT("2.1", map(fd, 99, memory, 0x1000, PAGE), -ENOENT);
	EXPECT("2.1", map_flags(fd, id, 4, memory, 0x1000, PAGE), -EINVAL);
	EXPECT("2.1", map_flags(fd, id, 0, memory, 0x1000, PAGE), -EINVAL);
	EXPECT("2.1", map(fd, id, memory, 0x1001, PAGE), -EINVAL);
	EXPECT("2.1", map(fd, id, memory + 1, 0x1000, PAGE), -EINVAL);
	EXPECT("2.1", map(fd, id, memory, 0x1000, 100), -EINVAL);
	EXPECT("2.1", map(fd, id, memory, 0x1000, 0), -EINVAL);
	EXPECT("2.1", map(fd, id, memory, -PAGE, 2 * PAGE), -EOVERFLOW);
	EXPECT("2.1", map(fd, id, (void *)-PAGE, 0x1000, 2 * PAGE), -EOVERFLOW);
	EXPECT("2.1", map(fd, id, memory, 1ULL << 48, PAGE), -EINVAL);
	EXPECT("2.1", map(fd, id, memory, (1ULL << 48) - PAGE, 2 * PAGE), -EINVAL);
	EXPECT("5", map(fd, id, memory, 0xfee00000, PAGE), -EINVAL);
	EXPECT("5", map(fd, id, memory, 0xfedff000, 2 * PAGE), -EINVAL);
	EXPECT("2.1", map(fd, id, (void *)0x1000, 0x1000, PAGE), -EFAULT);
	EXPECT("2.1", map(fd, id, (void *)(1ULL << 62), 0x1000, PAGE), -EFAULT);
	char *readonly = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT("2.1", map(fd, id, readonly, 0x1000, PAGE), -EFAULT);
	EXPECT("2.1", map_flags(fd, id, IOASID_DMA_MAP_READ, readonly, 0xa0000, PAGE), 0);
	struct ioasid_dma_map resv = { .argsz = sizeof(resv), .flags = RW, .ioasid = id, .resv = 1, .vaddr = (__u64)memory,
				       .iova = 0x1000, .size = PAGE };
	EXPECT("2", ioctl(fd, IOASID_MAP_DMA, &resv), -EINVAL);
	EXPECT("2", ioctl(fd, IOASID_MAP_DMA, NULL), -EFAULT);
	resv.resv = 0;
	resv.argsz = sizeof(resv) - 4;
	EXPECT("2", ioctl(fd, IOASID_MAP_DMA, &resv), -EINVAL);

	EXPECT("2.1", map(fd, id, memory, 0x10000, 4 * PAGE), 0);
	EXPECT("2.1", map(fd, id, memory, 0x10000, 4 * PAGE), -EEXIST);
	EXPECT("2.1", map(fd, id, memory, 0x13000, PAGE), -EEXIST);
	EXPECT("2.1", map(fd, id, memory, 0xf000, 8 * PAGE), -EEXIST);
	EXPECT("2.1", map(fd, id, memory + 4 * PAGE, 0x14000, 4 * PAGE), 0);
	EXPECT("2.1", map(fd, id, memory, 0xfedff000, PAGE), 0);
	EXPECT("2.1", map(fd, id, memory, (1ULL << 48) - PAGE, PAGE), 0);

	/* Devices reach those bytes at once, with the permissions that were given. */
	strcpy(memory + 100, "over two mappings");
	EXPECT("2.1", dma(device, COPY, 0x10000 + 100, 0x14000 - 8, 32), 0);
	EXPECT("2.1", strcmp(memory + 4 * PAGE - 8, "over two mappings"), 0);
	EXPECT("6", dma(device, COPY, 0x10000, 0xa0000, 8), 2);
	EXPECT("6", dma(device, COPY, 0xa0000, 0x10000, 8), 0);
	EXPECT("2.1", map_flags(fd, id, IOASID_DMA_MAP_WRITE, memory + 8 * PAGE, 0xb0000, PAGE), 0);
	EXPECT("6", dma(device, COPY, 0xb0000, 0x10000, 8), 2);
	EXPECT("6", dma(device, COPY, 0x10000, 0xb0000, 8), 0);
	/* DMA writes into a page that the program has not touched yet. */
	EXPECT("2.1", map(fd, id, memory + 12 * PAGE, 0xc0000, PAGE), 0);
	EXPECT("6", dma(device, COPY, 0x10000 + 100, 0xc0000, 18), 0);
	EXPECT("2.1", strcmp(memory + 12 * PAGE, "over two mappings"), 0);

	/* UNMAP: whole mappings only. */
	EXPECT("2.1", unmap(fd, id, 0x10000, PAGE), -EINVAL);
	EXPECT("2.1", unmap(fd, id, 0x11000, 3 * PAGE), -EINVAL);
	EXPECT("2.1", unmap(fd, id, 0xf000, 4 * PAGE), -EINVAL);
	EXPECT("2.1", unmap(fd, id, 0x10000, 6 * PAGE), -EINVAL);
	EXPECT("2.1", unmap(fd, id, 0x20000, PAGE), -ENOENT);
	EXPECT("2.1", unmap(fd, id, 0x10001, PAGE), -EINVAL);
	EXPECT("2.1", unmap(fd, id, 0x10000, 0), -EINVAL);
	EXPECT("2.1", unmap(fd, id, -PAGE, 2 * PAGE), -EOVERFLOW);
	EXPECT("2.1", unmap(fd, 99, 0x10000, PAGE), -ENOENT);
	EXPECT("2.1", dma(device, COPY, 0x10000, 0x14000, 8), 0);
	EXPECT("2.1", unmap(fd, id, 0xf000, 16 * PAGE), 8 * PAGE);
	/* After UNMAP returns no device reaches them. */
	EXPECT("6", dma(device, COPY, 0x10000, 0xc0000, 8), 1);
	EXPECT("6", reg_read(device, IOASID_DMAE_REG_FAULT_ADDR, 8), 0x10000);
	EXPECT("2.1", unmap(fd, id, 0x10000, 4 * PAGE), -ENOENT);

	/* UNMAP_ALL takes no range. */
	struct ioasid_dma_unmap all = { .argsz = sizeof(all), .flags = IOASID_DMA_UNMAP_ALL, .ioasid = id, .size = PAGE };
	EXPECT("2", ioctl(fd, IOASID_UNMAP_DMA, &all), -EINVAL);
	all.size = 0;
	EXPECT("2", ioctl(fd, IOASID_UNMAP_DMA, &all), 0);
	EXPECT("2", all.size, 5 * PAGE);
	all.size = 0;
	EXPECT("2", ioctl(fd, IOASID_UNMAP_DMA, &all), 0);
	EXPECT("2", all.size, 0);
	/* The answer cannot be written: nothing is unmapped. */
	EXPECT("2.1", map(fd, id, memory, 0x10000, PAGE), 0);
	struct ioasid_dma_unmap *locked = (void *)pages(1);
	*locked = (struct ioasid_dma_unmap){ .argsz = sizeof(*locked), .ioasid = id, .iova = 0x10000, .size = PAGE };
	MUST(mprotect(locked, PAGE, PROT_READ));
	EXPECT("2", ioctl(fd, IOASID_UNMAP_DMA, locked), -EFAULT);
	EXPECT("2", unmap(fd, id, 0x10000, PAGE), PAGE);

	/* A program that takes the memory away from under its own mapping harms nobody. */
	EXPECT("2.1", map(fd, id, memory, 0x10000, 2 * PAGE), 0);
	MUST(munmap(memory, 2 * PAGE));
	EXPECT("6", dma(device, FILL, 0, 0x10000, 8), 1);
	EXPECT("2.1", unmap(fd, id, 0x10000, 2 * PAGE), 2 * PAGE);

	/* Mappings outlive the last detach; commands need a device. */
	EXPECT("2.1", map(fd, id, memory + 8 * PAGE, 0x30000, PAGE), 0);
	EXPECT("3.2", detach(device, id), 0);
	EXPECT("2.1", unmap(fd, id, 0x30000, PAGE), -ENODEV);
	EXPECT("3.2", attach(device, id), 0);
	EXPECT("2.1", unmap(fd, id, 0x30000, PAGE), PAGE);
	return failures != 0;
}
