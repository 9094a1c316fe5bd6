/* /dev/iommu: areas, automatic choice, reserved and allowed ranges, options (linux-iommufd.md, 4 and 5). */
#include "check-iommufd.h"

static int fd, ioas;
static char *memory;

static void mapping(void)
{
	__u64 iova = 0x10000;
	EXPECT("4", ioas_map(fd, ioas, 8 | FIXED, memory, PAGE, &iova), -EOPNOTSUPP);
	EXPECT("4", ioas_map(fd, ioas, IOMMU_IOAS_MAP_FIXED_IOVA, memory, PAGE, &iova), -EINVAL);
	iova = ALL;
	EXPECT("4", ioas_map(fd, ~0U, FIXED, memory, PAGE, &iova), -EOVERFLOW);
	iova = 0x10000;
	EXPECT("4", ioas_map(fd, ioas, FIXED, memory, ALL, &iova), -EOVERFLOW);
	EXPECT("4", ioas_map(fd, ~0U, FIXED, memory, PAGE, &iova), -ENOENT);
	EXPECT("4", ioas_map(fd, ioas, FIXED, memory, 0, &iova), -EINVAL);
	EXPECT("4", ioas_map(fd, ioas, FIXED, (void *)(ALL - 0xff), 0x200, &iova), -EOVERFLOW);
	iova = ALL - 0xff;
	EXPECT("4", ioas_map(fd, ioas, FIXED, memory, 0x200, &iova), -EOVERFLOW);
	/* Exact to the byte, and nothing is looked at without a domain. */
	EXPECT("4", map_at(fd, ioas, memory + 1, 3, 5), 0);
	EXPECT("4", map_at(fd, ioas, memory, 7, 1), -EEXIST);
	EXPECT("4", map_at(fd, ioas, (void *)0xdead0000, 8, 1), 0);
	EXPECT("4", map_at(fd, ioas, memory, 0, 4), -EEXIST);
	EXPECT("4", unmap_at(fd, ioas, 4, 1), -ENOENT);
	EXPECT("4", unmap_at(fd, ioas, 0, 0), -EINVAL);
	EXPECT("4", unmap_at(fd, ioas, ALL, 1), -EOVERFLOW);
	EXPECT("4", unmap_at(fd, ioas, 2, ALL), -EOVERFLOW);
	EXPECT("4", unmap_at(fd, ioas, 0x100, 0x100), -ENOENT);
	/* A range that cuts the second area has taken the first one away. */
	EXPECT("4", map_at(fd, ioas, memory, 0x100, 0x100), 0);
	EXPECT("4", unmap_at(fd, ioas, 0, 0x180), -ENOENT);
	EXPECT("4", map_at(fd, ioas, memory, 0, 0x100), 0);
	EXPECT("4", unmap_at(fd, ioas, 0, ALL), 0x200);
	EXPECT("4", unmap_at(fd, ioas, 0, ALL), 0);
}

static void choice(void)
{
	__u64 iova = 77;
	EXPECT("4.1", ioas_map(fd, ioas, ANYWHERE, memory, PAGE, &iova), 0);
	TRUE("4.1", iova == PAGE);
	/* As aligned as the length and the source are; the offset in the page is kept. */
	EXPECT("4.1", ioas_map(fd, ioas, ANYWHERE, memory + 0x800, 0x801, &iova), 0);
	TRUE("4.1", iova % PAGE == 0x800);
	EXPECT("4.1", ioas_map(fd, ioas, ANYWHERE, (void *)0x200000, 0x200000, &iova), 0);
	TRUE("4.1", iova == 0x200000);
	EXPECT("4.1", ioas_map(fd, ioas, ANYWHERE, NULL, ALL / 2, &iova), -EOVERFLOW);
	struct iommu_iova_range ranges[2] = { { 0x5000, 0x5fff }, { 0x9000, 0xafff } };
	EXPECT("4.2", allow(fd, ioas, ranges, 2), 0);
	EXPECT("4.1", ioas_map(fd, ioas, ANYWHERE, (void *)0x70000000, 2 * PAGE, &iova), -ENOSPC);
	EXPECT("4.1", ioas_map(fd, ioas, ANYWHERE, (void *)0x70001000, 2 * PAGE, &iova), 0);
	TRUE("4.1", iova == 0x9000);
	/* A given address may lie outside the list. */
	EXPECT("4", map_at(fd, ioas, memory, 0x7000, PAGE), 0);
	ranges[1].start = 0x5800;
	EXPECT("4.2", allow(fd, ioas, ranges, 2), -EINVAL);
	ranges[1] = (struct iommu_iova_range){ 0x9000, 0x9000 };
	EXPECT("4.2", allow(fd, ioas, ranges, 2), -EINVAL);
	EXPECT("4.2", allow(fd, ioas, NULL, 1), -EFAULT);
	EXPECT("4.2", allow(fd, ioas, NULL, 0), 0);
	EXPECT("4", unmap_at(fd, ioas, 0, ALL) > 0, 1);

	struct iommu_ioas_iova_ranges arg;
	EXPECT("4.2", iova_ranges(fd, &arg, ioas, ranges, 0), -EMSGSIZE);
	TRUE("4.2", arg.num_iovas == 1 && arg.out_iova_alignment == 1);
	EXPECT("4.2", iova_ranges(fd, &arg, ioas, ranges, 2), 0);
	TRUE("4.2", arg.num_iovas == 1 && ranges[0].start == 0 && ranges[0].last == ALL);
	EXPECT("4.2", iova_ranges(fd, &arg, ioas, NULL, 1), -EFAULT);
}

static void copies(void)
{
	int target = ioas_alloc(fd);
	__u64 iova = 0x10000;
	EXPECT("4", ioas_map(fd, ioas, 5, memory, 2 * PAGE, &iova), 0);
	EXPECT("4", map_at(fd, ioas, memory, 0x12000, PAGE), 0);
	EXPECT("4", copy_to(fd, FIXED, ioas, 0x10000, target, 0x1000, 3 * PAGE), -EPERM);
	EXPECT("4", copy_to(fd, 5, ioas, 0x10000, target, 0x1000, 3 * PAGE), 0);
	EXPECT("4", copy_to(fd, 5, ioas, 0x10000, target, 0x3000, PAGE), -EEXIST);
	EXPECT("4", copy_to(fd, 5, ioas, 0x10000, target, 0x8000, 4 * PAGE), -ENOENT);
	EXPECT("4", copy_to(fd, 5, ioas, 0xf000, target, 0x8000, 2 * PAGE), -ENOENT);
	EXPECT("4", copy_to(fd, 5, ioas, 0x10000, target, 0x8000, 0), -EINVAL);
	EXPECT("4", copy_to(fd, 5, ioas, ALL, target, 0x8000, 1), -EOVERFLOW);
	EXPECT("4", copy_to(fd, 16, ioas, 0x10000, target, 0x8000, 1), -EOPNOTSUPP);
	EXPECT("4", copy_to(fd, 5, ~0U, 0x10000, target, 0x8000, 1), -ENOENT);
	EXPECT("4", copy_to(fd, 5, ioas, 0x10000, ~0U, 0x8000, 1), -ENOENT);
	EXPECT("4", copy_to(fd, 5, ioas, 0x10001, ioas, 0x8001, 5), 0);
	/* A copy outlives its source. */
	EXPECT("3", destroy(fd, ioas), 0);
	EXPECT("4", unmap_at(fd, target, 0, ALL), 3 * PAGE);
	EXPECT("3", destroy(fd, target), 0);
	ioas = ioas_alloc(fd);
}

static void files(void)
{
	int file = MUST(memfd_create("pages", 0));
	MUST(ftruncate(file, 4 * PAGE));
	EXPECT("4", map_file(fd, ioas, 9999, 0, 0x10000, PAGE), -EBADF);
	EXPECT("4", map_file(fd, ioas, file, 0, 0x10000, 0), -EINVAL);
	EXPECT("4", map_file(fd, ioas, file, ALL, 0x10000, 2), -EOVERFLOW);
	/* What the file has is looked at when pages are pinned. */
	EXPECT("4", map_file(fd, ioas, file, 64 * PAGE, 0x10000, PAGE), 0);
	EXPECT("4", map_file(fd, ioas, fd, 0, 0x20000, PAGE), 0);
	EXPECT("4", unmap_at(fd, ioas, 0, ALL), 2 * PAGE);
	close(file);
}

int main(void)
{
	fd = iommu_open();
	ioas = ioas_alloc(fd);
	memory = pages(16);
	mapping();
	choice();
	copies();
	files();

	__u64 value = 0;
	EXPECT("5", option(fd, IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_GET, ioas, &value), 0);
	TRUE("5", value == 1);
	EXPECT("5", set_option(fd, IOMMU_OPTION_HUGE_PAGES, ioas, 2), -EINVAL);
	EXPECT("5", set_option(fd, IOMMU_OPTION_HUGE_PAGES, ~0U, 0), -ENOENT);
	EXPECT("5", set_option(fd, 7, ioas, 0), -EOPNOTSUPP);
	EXPECT("5", option(fd, IOMMU_OPTION_HUGE_PAGES, 9, ioas, &value), -EOPNOTSUPP);
	EXPECT("4.3", map_at(fd, ioas, memory, 0x10000, 0x800), 0);
	EXPECT("5", set_option(fd, IOMMU_OPTION_HUGE_PAGES, ioas, 0), -EADDRINUSE);
	EXPECT("4", unmap_at(fd, ioas, 0, ALL), 0x800);
	EXPECT("5", set_option(fd, IOMMU_OPTION_HUGE_PAGES, ioas, 0), 0);
	EXPECT("4.3", map_at(fd, ioas, memory, 0x10000, 0x800), -EINVAL);
	EXPECT("5", set_option(fd, IOMMU_OPTION_HUGE_PAGES, ioas, 1), 0);
	EXPECT("4.3", map_at(fd, ioas, memory, 0x10000, 0x800), 0);
	EXPECT("5", set_option(fd, IOMMU_OPTION_RLIMIT_MODE, ioas, 1), -EOPNOTSUPP);
	EXPECT("5", option(fd, IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_GET, 0, &value), 0);
	TRUE("5", value == 0);
	return failures != 0;
}
