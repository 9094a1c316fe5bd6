/* /dev/iommu: pins, their account, and processes that end (linux-iommufd.md, 4, 6 and 7). */
#include <linux/capability.h>
#include "check-iommufd.h"

/* Without CAP_IPC_LOCK the limit binds. */
static void obey_limit(__u64 bytes)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	MUST(syscall(SYS_capget, &header, data));
	data[0].effective &= ~(1U << CAP_IPC_LOCK);
	data[0].permitted &= ~(1U << CAP_IPC_LOCK);
	MUST(syscall(SYS_capset, &header, data));
	struct rlimit limit = { bytes, bytes };
	MUST(setrlimit(RLIMIT_MEMLOCK, &limit));
}

/* What devices write and read: the DMA engine of a device that is attached. */
static void visible(int device, char *memory, __u64 iova)
{
	strcpy(memory, "from the program");
	EXPECT("4", dma(device, COPY, iova, iova + 64, 32), 0);
	TRUE("4", strcmp(memory + 64, "from the program") == 0);
}

int main(void)
{
	int fd = iommu_open(), device = vfio_open(1), ioas = ioas_alloc(fd);
	TRUE("7", bind_iommufd(device, fd) > 0);
	bus_master(device);
	char *memory = pages(64), *hole = pages(3);
	munmap(hole + PAGE, PAGE);

	/* A bad address is noticed when a device attaches; then nothing has changed. */
	EXPECT("4", map_at(fd, ioas, hole, 0x100000, 3 * PAGE), 0);
	EXPECT("4", attach_pt(device, ioas), -EFAULT);
	EXPECT("4", unmap_at(fd, ioas, 0, ALL), 3 * PAGE);
	TRUE("7", attach_pt(device, ioas) > 0);
	EXPECT("4", map_at(fd, ioas, hole, 0x100000, 3 * PAGE), -EFAULT);
	EXPECT("4", map_at(fd, ioas, hole, 0x100000, PAGE), 0);
	char *readonly = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT("4", map_at(fd, ioas, readonly, 0x200000, PAGE), -EFAULT);
	__u64 iova = 0x200000;
	EXPECT("4", ioas_map(fd, ioas, 5, readonly, PAGE, &iova), 0);
	EXPECT("4", dma(device, FILL, 0, iova, 8) != 0, 1);
	EXPECT("4", dma(device, CHECKSUM, iova, 0, 8), 0);
	EXPECT("4", unmap_at(fd, ioas, 0, ALL), 2 * PAGE);

	EXPECT("4", map_at(fd, ioas, memory, 0x100000, 8 * PAGE), 0);
	visible(device, memory, 0x100000);
	/* A page that is pinned stays the device's when the program forks and writes. */
	pid_t child = fork();
	if (child == 0) {
		memset(memory, 'x', PAGE);
		_exit(0);
	}
	EXPECT("4", reap(child), 0);
	visible(device, memory, 0x100000);

	/* Files: the size counts when pages are pinned. */
	int file = MUST(memfd_create("pages", 0));
	MUST(ftruncate(file, 2 * PAGE));
	EXPECT("4", map_file(fd, ioas, file, 0, 0x200000, 2 * PAGE), 0);
	EXPECT("4", map_file(fd, ioas, file, PAGE, 0x300000, 2 * PAGE), -EINVAL);
	EXPECT("4", map_file(fd, ioas, device, 0, 0x300000, PAGE), -EINVAL);
	char *view = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	visible(device, view, 0x200000);
	munmap(view, 2 * PAGE);
	close(file);
	EXPECT("4", dma(device, COPY, 0x200000, 0x201000, 32), 0);

	/* Shared memory of a process that has ended is still reached. */
	char *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	child = fork();
	if (child == 0)
		_exit(map_at(fd, ioas, shared, 0x400000, PAGE) ? errno : 0);
	EXPECT("6", reap(child), 0);
	visible(device, shared, 0x400000);
	/* Not yet pinned: it is gone with its process. */
	int later = ioas_alloc(fd);
	char *own = pages(1);
	child = fork();
	if (child == 0)
		_exit(map_at(fd, later, own, 0x400000, PAGE) ? errno : 0);
	EXPECT("6", reap(child), 0);
	EXPECT("6", attach_pt(device, later), -EFAULT);
	visible(device, memory, 0x100000);
	EXPECT("4", unmap_at(fd, later, 0, ALL), PAGE);
	EXPECT("4", unmap_at(fd, ioas, 0, ALL), 11 * PAGE);

	/* The limit of the user, and of the process. */
	obey_limit(4 * PAGE);
	EXPECT("6", map_at(fd, ioas, memory, 0x100000, 5 * PAGE), -ENOMEM);
	EXPECT("6", map_at(fd, ioas, memory, 0x100000, 3 * PAGE), 0);
	EXPECT("6", copy_to(fd, FIXED, ioas, 0x100000, ioas, 0x200000, 3 * PAGE), 0);
	EXPECT("6", map_at(fd, ioas, memory, 0x300000, 2 * PAGE), -ENOMEM);
	EXPECT("6", map_at(fd, ioas, memory, 0x300000, PAGE), 0);
	EXPECT("6", unmap_at(fd, ioas, 0x100000, 3 * PAGE), 3 * PAGE);
	EXPECT("6", map_at(fd, ioas, memory, 0x400000, PAGE), -ENOMEM);
	EXPECT("6", unmap_at(fd, ioas, 0, ALL), 4 * PAGE);
	EXPECT("6", map_at(fd, ioas, memory, 0x100000, 4 * PAGE), 0);

	/* Ownership of files moves as a whole; other memory cannot. */
	struct iommu_ioas_change_process change = { .size = sizeof(change) };
	EXPECT("6", ioctl(fd, IOMMU_IOAS_CHANGE_PROCESS, &change), -EINVAL);
	EXPECT("4", unmap_at(fd, ioas, 0, ALL), 4 * PAGE);
	EXPECT("6", ioctl(fd, IOMMU_IOAS_CHANGE_PROCESS, &change), 0);
	change.__reserved = 1;
	EXPECT("6", ioctl(fd, IOMMU_IOAS_CHANGE_PROCESS, &change), -EOPNOTSUPP);

	/* Closing the device stops its DMA and lets the context go. */
	close(device);
	close(fd);
	fd = iommu_open();
	device = vfio_open(1);
	TRUE("7", bind_iommufd(device, fd) > 0);
	return failures != 0;
}
