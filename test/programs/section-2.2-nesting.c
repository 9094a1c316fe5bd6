/* Section 2.2: hardware nesting over real page tables in this program's memory. */
#include "tables.h"

#define GUEST (64UL << 20)

static void hostile(int fd, int device, int child, __u64 root, int levels)
{
	__u64 va = 0x40000000;
	__u64 *e = entry(root, levels, va, 0), good = 0x100000 | PWU;
	(void)fd;
	/* Every shape of a bad entry aborts the DMA and nothing else. */
	*e = 0;
	EXPECT("2.2", dma(device, FILL, 0, va, 8), 1);
	*e = good & ~(__u64)W;
	EXPECT("2.2", dma(device, FILL, 0, va, 8), 2);
	*e = good & ~(__u64)U;
	EXPECT("2.2", dma(device, FILL, 0, va, 8), 2);
	*e = (1ULL << 45) | PWU; /* outside the parent */
	EXPECT("2.2", dma(device, FILL, 0, va, 8), 1);
	EXPECT("2.2", invalidate(fd, child, 0, IOASID_INVALIDATE_ALL, 0, 0, 0), 0);
	__u64 *up = entry(root, levels, va, 1), saved = *up;
	*up = root | PWU; /* a loop: the walk ends all the same */
	TRUE("2.2", dma(device, CHECKSUM, va, 0, 8) >= 0);
	EXPECT("2.2", invalidate(fd, child, 0, IOASID_INVALIDATE_ALL, 0, 0, 0), 0);
	*up = (1ULL << 45) | PWU; /* a table outside the parent */
	EXPECT("2.2", dma(device, FILL, 0, va, 8), 1);
	*up = 0x200000 | PWU | PS | 1 << 13; /* reserved bits of a 2M leaf */
	EXPECT("2.2", dma(device, FILL, 0, va, 8), 4);
	*up = saved;
	*e = good;
	EXPECT("2.2", dma(device, FILL, 0, va, 8), 0);
	EXPECT("2.2", invalidate(fd, child, 0, IOASID_INVALIDATE_ALL, 0, 0, 0), 0);
}

static void walk(int fd, int device, int child, __u32 format, int levels, int width)
{
	__u64 root = new_table(), va = levels == 5 ? 1ULL << 50 : 0x7f0000001000;
	EXPECT("2.2", bind_table(fd, child, format, root, width), 0);
	EXPECT("2.2", bind_table(fd, child, format, root, width), -EBUSY);
	EXPECT("2.2", map(fd, child, (void *)0x1000, 0x1000, PAGE), -EINVAL);
	EXPECT("2.2", unmap(fd, child, 0x1000, PAGE), -EINVAL);

	/* 4K: accessed and dirty bits are written back. A read sets only the first. */
	*entry(root, levels, va, 0) = 0x100000 | PWU;
	*entry(root, levels, va + PAGE, 0) = 0x101000 | PWU;
	strcpy(guest + 0x100000, "nested");
	EXPECT("2.2", dma(device, CHECKSUM, va, 0, 8), 0);
	EXPECT("2.2", *entry(root, levels, va, 0) & (A | D), A);
	EXPECT("2.2", dma(device, COPY, va, va + PAGE, 8), 0);
	EXPECT("2.2", strcmp(guest + 0x101000, "nested"), 0);
	EXPECT("2.2", *entry(root, levels, va + PAGE, 0) & (A | D), A | D);
	EXPECT("2.2", dma(device, FILL, 0, va, 8), 0);
	EXPECT("2.2", *entry(root, levels, va, 0) & (A | D), A | D);
	EXPECT("2.2", *entry(root, levels, va, 1) & (A | D), A);

	/* 2M and 1G leaves. */
	*entry(root, levels, 0x80000000, 1) = 0x400000 | PWU | PS;
	memset(guest + 0x400000, 0, 4 << 20);
	reg_write(device, IOASID_DMAE_REG_PATTERN, 0x0101010101010101, 8);
	EXPECT("2.2", dma(device, FILL, 0, 0x80000000 + 0x1000, 0x1ff000), 0);
	TRUE("2.2", guest[0x400000] == 0 && guest[0x401000] == 1 && guest[0x5fffff] == 1 && guest[0x600000] == 0);
	*entry(root, levels, 0x100000000, 2) = PWU | PS; /* GPA 0 to 1G: the parent maps 64M of it */
	EXPECT("2.2", dma(device, FILL, 0, 0x100000000 + 0x700000, 8), 0);
	TRUE("2.2", guest[0x700000] == 1);
	EXPECT("2.2", dma(device, FILL, 0, 0x100000000 + GUEST, 8), 1);

	/* A changed entry is stale until it is invalidated; a not-present one is never remembered. */
	memset(guest + 0x100000, 0, 4 * PAGE);
	*entry(root, levels, va, 0) = 0x102000 | PWU;
	EXPECT("2.2", dma(device, FILL, 0, va, 8), 0);
	TRUE("2.2", guest[0x100000] == 1 && guest[0x102000] == 0);
	EXPECT("2.2", invalidate(fd, child, 0, IOASID_INVALIDATE_RANGE, va + PAGE, PAGE, 0), 0);
	EXPECT("2.2", dma(device, FILL, 0, va, 8), 0);
	TRUE("2.2", guest[0x102000] == 0);
	EXPECT("2.2", invalidate(fd, child, 0, IOASID_INVALIDATE_RANGE, va, PAGE, 0), 0);
	EXPECT("2.2", dma(device, FILL, 0, va, 8), 0);
	TRUE("2.2", guest[0x102000] == 1);
	*entry(root, levels, va, 0) = 0;
	EXPECT("2.2", dma(device, FILL, 0, va, 8), 0);
	EXPECT("2.2", invalidate(fd, child, IOASID_INVALIDATE_DEVICE, IOASID_INVALIDATE_ALL, 0, 0, 7), -ENOENT);
	EXPECT("2.2", invalidate(fd, child, IOASID_INVALIDATE_DEVICE, IOASID_INVALIDATE_ALL, 0, 0, 1), 0);
	EXPECT("2.2", dma(device, FILL, 0, va, 8), 1);
	*entry(root, levels, va, 0) = 0x103000 | PWU;
	EXPECT("2.2", dma(device, FILL, 0, va, 8), 0);
	TRUE("2.2", guest[0x103000] == 1);

	/* The parent's change is seen at once, whatever the IOTLB remembers. */
	EXPECT("2.2", unmap(fd, 1, 0, GUEST), GUEST);
	EXPECT("2.2", dma(device, FILL, 0, va, 8), 1);
	EXPECT("2.2", map(fd, 1, guest, 0, GUEST), 0);
	EXPECT("2.2", dma(device, FILL, 0, va, 8), 0);
	/* Beyond the width that was bound. */
	EXPECT("2.2", dma(device, FILL, 0, 1ULL << width, 8), 1);

	hostile(fd, device, child, root, levels);

	EXPECT("2.2", invalidate(fd, child, 0, 2, 0, 0, 0), -EINVAL);
	EXPECT("2.2", invalidate(fd, child, 0, IOASID_INVALIDATE_RANGE, 1, PAGE, 0), -EINVAL);
	EXPECT("2.2", invalidate(fd, child, 0, IOASID_INVALIDATE_RANGE, 0, 0, 0), -EINVAL);
	EXPECT("2.2", invalidate(fd, child, IOASID_INVALIDATE_PASID, IOASID_INVALIDATE_ALL, 0, 0, 0), -EINVAL);
	EXPECT("2", invalidate(fd, child, 4, IOASID_INVALIDATE_ALL, 0, 0, 0), -EINVAL);
	EXPECT("2.2", ioctl(fd, IOASID_UNBIND_PASID_TABLE, child), -EINVAL);
	EXPECT("2.2", ioctl(fd, IOASID_UNBIND_PGTABLE, child), 0);
	EXPECT("2.2", ioctl(fd, IOASID_UNBIND_PGTABLE, child), -EINVAL);
	EXPECT("2.2", invalidate(fd, child, 0, IOASID_INVALIDATE_ALL, 0, 0, 0), -EINVAL);
	EXPECT("2.2", dma(device, FILL, 0, va, 8), 1);
}

static void pasid_table(int fd, int device, int child)
{
	__u64 dir = new_table(), first = new_table(), second = new_table();
	struct ioasid_bind_pasid_table arg = { .argsz = sizeof(arg), .ioasid = child, .addr = dir, .pasid_bits = 9 };
	struct ioasid_info info;
	arg.pasid_bits = 21;
	EXPECT("2.2", ioctl(fd, IOASID_BIND_PASID_TABLE, &arg), -EINVAL);
	arg.pasid_bits = 9;
	arg.format = 9;
	EXPECT("2.2", ioctl(fd, IOASID_BIND_PASID_TABLE, &arg), -EINVAL);
	arg.format = 0;
	arg.addr = dir + 8;
	EXPECT("2.2", ioctl(fd, IOASID_BIND_PASID_TABLE, &arg), -EINVAL);
	arg.addr = dir;
	EXPECT("2.2", ioctl(fd, IOASID_BIND_PASID_TABLE, &arg), 0);
	EXPECT("2.2", ioctl(fd, IOASID_BIND_PASID_TABLE, &arg), -EBUSY);
	EXPECT("2.1", get_info(fd, child, &info), 0);
	TRUE("2.1", info.flags & IOASID_INFO_PASID_TABLE);
	table(dir)[0] = first | P;
	table(dir)[5] = second | P;
	*entry(first, 4, 0x5000, 0) = 0x104000 | PWU;
	*entry(second, 4, 0x5000, 0) = 0x105000 | PWU;
	memset(guest + 0x104000, 0, 2 * PAGE);
	EXPECT("2.2", dma(device, FILL, 0, 0x5000, 8), 0);
	TRUE("2.2", guest[0x104000] == 1 && guest[0x105000] == 0);
	reg_write(device, IOASID_DMAE_REG_FLAGS, 2, 4);
	reg_write(device, IOASID_DMAE_REG_PASID, 5, 4);
	EXPECT("2.2", dma(device, FILL, 0, 0x5000, 8), 0);
	TRUE("2.2", guest[0x105000] == 1);
	reg_write(device, IOASID_DMAE_REG_PASID, 6, 4);
	EXPECT("2.2", dma(device, FILL, 0, 0x5000, 8), 1);
	reg_write(device, IOASID_DMAE_REG_PASID, 512, 4);
	EXPECT("2.2", dma(device, FILL, 0, 0x5000, 8), 1);
	table(dir)[6] = second | P | 8; /* reserved */
	reg_write(device, IOASID_DMAE_REG_PASID, 6, 4);
	EXPECT("2.2", dma(device, FILL, 0, 0x5000, 8), 4);
	/* One PASID is invalidated, the other stays as it was. */
	*entry(first, 4, 0x5000, 0) = 0;
	*entry(second, 4, 0x5000, 0) = 0;
	struct ioasid_invalidate one = { .argsz = sizeof(one), .flags = IOASID_INVALIDATE_PASID, .ioasid = child, .pasid = 5 };
	EXPECT("2.2", ioctl(fd, IOASID_INVALIDATE_CACHE, &one), 0);
	reg_write(device, IOASID_DMAE_REG_PASID, 5, 4);
	EXPECT("2.2", dma(device, FILL, 0, 0x5000, 8), 1);
	reg_write(device, IOASID_DMAE_REG_FLAGS, 0, 4);
	EXPECT("2.2", dma(device, FILL, 0, 0x5000, 8), 0);
	EXPECT("2.2", ioctl(fd, IOASID_UNBIND_PGTABLE, child), -EINVAL);
	EXPECT("2.2", ioctl(fd, IOASID_UNBIND_PASID_TABLE, child), 0);
}

int main(void)
{
	int fd = ioasid_open(), device = vfio_open(1), software = vfio_open(0);
	guest = pages(GUEST / PAGE);
	next_table = 0x2000000;
	MUST(bind_device(device, fd, 1));
	MUST(bind_device(software, fd, 2));
	int root = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	MUST(attach(device, root));
	MUST(map(fd, root, guest, 0, GUEST));
	int child = MUST(ioctl(fd, IOASID_CREATE_NESTING, root));
	EXPECT("2.1", bind_table(fd, child, 0, 0x1000, 48), -ENODEV);
	EXPECT("3.2", attach(device, child), 0);
	EXPECT("2.2", bind_table(fd, root, 0, 0x1000, 48), -EINVAL);
	EXPECT("2.2", bind_table(fd, 99, 0, 0x1000, 48), -ENOENT);
	EXPECT("2.2", bind_table(fd, child, 2, 0x1000, 48), -EINVAL);
	EXPECT("2.2", bind_table(fd, child, -1u, 0x1000, 48), -EINVAL);
	EXPECT("2.2", bind_table(fd, child, 0, 0x1008, 48), -EINVAL);
	EXPECT("2.2", bind_table(fd, child, 0, 0x1000, 49), -EINVAL);
	EXPECT("2.2", bind_table(fd, child, 0, 0x1000, 0), -EINVAL);

	walk(fd, device, child, IOASID_PGTABLE_X86_64_4LEVEL, 4, 48);
	walk(fd, device, child, IOASID_PGTABLE_X86_64_5LEVEL, 5, 57);
	pasid_table(fd, device, child);

	/* A unit with software nesting only. */
	int plain = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	MUST(attach(software, plain));
	int soft = MUST(ioctl(fd, IOASID_CREATE_NESTING, plain));
	MUST(attach(software, soft));
	EXPECT("2.2", bind_table(fd, soft, 0, 0x1000, 48), -EOPNOTSUPP);
	return failures != 0;
}
