/* /dev/iommu: entry rules of ioctls, ids, lifetime of objects (linux-iommufd.md, 2 and 3). */
#include <stddef.h>
#include "check-iommufd.h"

static int sized(int fd, __u32 size, const void *rest, size_t length)
{
	char arg[64] = { 0 };
	memcpy(arg, &size, 4);
	memcpy(arg + 4, rest, length);
	return ioctl(fd, IOMMU_IOAS_ALLOC, arg);
}

int main(void)
{
	int fd = iommu_open();
	char zero[60] = { 0 }, tail[60] = { 0 };

	/* The size of the struct. */
	EXPECT("2", sized(fd, 12, zero, 8), 0);
	EXPECT("2", sized(fd, 11, zero, 8), -EINVAL);
	EXPECT("2", sized(fd, 0, zero, 8), -EINVAL);
	EXPECT("2", sized(fd, 40, zero, 36), 0);
	tail[30] = 1;
	EXPECT("2", sized(fd, 40, tail, 36), -E2BIG);
	EXPECT("2", ioctl(fd, IOMMU_IOAS_ALLOC, NULL), -EFAULT);
	char *page = pages(2);
	munmap(page + PAGE, PAGE);
	*(__u32 *)(page + PAGE - 12) = 16;
	EXPECT("2", ioctl(fd, IOMMU_IOAS_ALLOC, page + PAGE - 12), -EFAULT);
	/* The whole number must match; an unknown number is nobody's. */
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	EXPECT("2", ioctl(fd, _IOWR(';', 0x81, struct iommu_ioas_alloc), &alloc), -ENOTTY);
	EXPECT("2", ioctl(fd, _IO('X', 0x81), &alloc), -ENOTTY);
	EXPECT("2", ioctl(fd, _IO(';', 0x7f), &alloc), -ENOTTY);
	EXPECT("2", ioctl(fd, _IO(';', 0x9f), &alloc), -ENOTTY);
	EXPECT("15", ioctl(fd, IOMMU_TEST_CMD, &alloc), -ENOTTY);
	/* Unknown flags and reserved fields. */
	alloc.flags = 1;
	EXPECT("2", ioctl(fd, IOMMU_IOAS_ALLOC, &alloc), -EOPNOTSUPP);
	struct iommu_ioas_iova_ranges ranges = { .size = sizeof(ranges), .ioas_id = 1, .__reserved = 1 };
	EXPECT("2", ioctl(fd, IOMMU_IOAS_IOVA_RANGES, &ranges), -EOPNOTSUPP);

	/* An object whose answer cannot be written is undone. */
	char *readonly = pages(1);
	*(__u32 *)readonly = 12;
	mprotect(readonly, PAGE, PROT_READ);
	EXPECT("2", ioctl(fd, IOMMU_IOAS_ALLOC, readonly), -EFAULT);

	/* Ids: the lowest that is free, per context; used again at once. */
	int other = iommu_open();
	EXPECT("3", ioas_alloc(other), 1);
	EXPECT("3", ioas_alloc(fd), 3);
	EXPECT("3", ioas_alloc(fd), 4);
	EXPECT("3", destroy(fd, 3), 0);
	EXPECT("3", destroy(fd, 3), -ENOENT);
	EXPECT("3", ioas_alloc(fd), 3);
	EXPECT("3", destroy(fd, 0), -ENOENT);
	EXPECT("3", destroy(fd, ~0U), -ENOENT);
	EXPECT("3", destroy(other, 2), -ENOENT);

	/* An IOAS with mappings can be destroyed. */
	__u64 iova = 0;
	EXPECT("3", ioas_map(fd, 3, ANYWHERE, readonly, PAGE, &iova), 0);
	EXPECT("3", destroy(fd, 3), 0);
	EXPECT("3", unmap_at(fd, 3, 0, ALL), -ENOENT);

	/* dup and fork share the context. */
	int copy = MUST(dup(fd));
	close(fd);
	pid_t child = fork();
	if (child == 0)
		_exit(ioas_alloc(copy));
	EXPECT("1", reap(child), 3);
	EXPECT("3", destroy(copy, 3), 0);

	/* A fault queue is in use while its file is open; the file keeps the context. */
	struct iommu_fault_alloc fault = { .size = sizeof(fault) };
	EXPECT("9", ioctl(copy, IOMMU_FAULT_QUEUE_ALLOC, &fault), 0);
	TRUE("9", fcntl(fault.out_fault_fd, F_GETFD) == FD_CLOEXEC);
	EXPECT("3", destroy(copy, fault.out_fault_id), -EBUSY);
	close(fault.out_fault_fd);
	EXPECT("3", destroy(copy, fault.out_fault_id), 0);
	fault.flags = 1;
	EXPECT("9", ioctl(copy, IOMMU_FAULT_QUEUE_ALLOC, &fault), -EOPNOTSUPP);
	return failures != 0;
}
