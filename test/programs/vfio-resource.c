/* resourceN in /sys: memory that is mapped, ports that are read and written; beside VFIO (linux-vfio.md, 5.3 and 9). */
#include "check-vfio.h"

#define D "/sys/bus/pci/devices/"
#define MEMORY "0000:01:00.0"
#define PAGE 4096UL
#define FAILED(call) EXPECT("9", (long)(call) == -1 ? -errno : 0, 0)
#define REFUSED(call, code) do { void *at_ = (call); EXPECT("9", at_ == MAP_FAILED ? -errno : 0, code); } while (0)

static void memory(void)
{
	int fd = MUST(open(D MEMORY "/resource2", O_RDWR | O_SYNC)), wide = MUST(open(D MEMORY "/resource2_wc", O_RDWR));
	__u32 word = 0;
	struct stat st;
	EXPECT("9", fstat(fd, &st), 0);
	EXPECT("9", st.st_size, 16384);
	EXPECT("9", st.st_mode, S_IFREG | 0600);
	/* Memory is neither read nor written. */
	EXPECT("9", read(fd, &word, 4), -EIO);
	EXPECT("9", pread(fd, &word, 4, 0), -EIO);
	EXPECT("9", write(fd, &word, 4), -EIO);
	EXPECT("9", pwrite(fd, &word, 4, 0), -EIO);
	REFUSED(mmap(NULL, 5 * PAGE, PROT_READ, MAP_SHARED, fd, 0), -EINVAL);
	REFUSED(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 16384), -EINVAL);
	volatile __u32 *a = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	volatile __u32 *b = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, wide, 2 * PAGE);
	FAILED(a);
	FAILED(b);
	EXPECT("9", a[0], 0);
	a[2 * PAGE / 4] = 0x1234;
	EXPECT("9", b[0], 0x1234);
	/* A mapping outlives its descriptor, and others come later. */
	close(fd);
	close(wide);
	int again = MUST(open(D MEMORY "/resource2", O_RDONLY));
	const volatile __u32 *c = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, again, 2 * PAGE);
	b[1] = 0x5678;
	EXPECT("9", c[1], 0x5678);
	REFUSED(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0), -EACCES);
	munmap((void *)a, 16384);
	munmap((void *)b, PAGE);
	munmap((void *)c, PAGE);
	close(again);
}

static void ports(void)
{
	int fd = MUST(open(D MEMORY "/resource1", O_RDWR));
	__u32 word = 0x11223344;
	__u64 wide = 0;
	EXPECT("9", pwrite(fd, &word, 4, 60), 4);
	EXPECT("9", pread(fd, &wide, 2, 62), 2);
	EXPECT("9", wide, 0x1122);
	EXPECT("9", pread(fd, &wide, 1, 60), 1);
	EXPECT("9", wide & 0xff, 0x44);
	/* One register an access, inside the BAR. */
	EXPECT("9", pread(fd, &wide, 8, 0), -EINVAL);
	EXPECT("9", pread(fd, &wide, 3, 0), -EINVAL);
	EXPECT("9", pread(fd, &wide, 4, 64), 0);
	EXPECT("9", pwrite(fd, &word, 4, 64), -EFBIG);
	REFUSED(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0), -ENODEV);
	close(fd);
}

/* The expansion ROM shows once something was written; as long as its image is. */
static void rom(void)
{
	char bytes[4096];
	struct stat st;
	int fd = MUST(open(D MEMORY "/rom", O_RDWR));
	EXPECT("9", fstat(fd, &st), 0);
	EXPECT("9", st.st_size, 4096);
	EXPECT("9", st.st_mode, S_IFREG | 0600);
	EXPECT("9", pread(fd, bytes, 4, 0), -EINVAL);
	EXPECT("9", pwrite(fd, "1", 1, 0), 1);
	EXPECT("9", pread(fd, bytes, 4096, 0), 1024);
	EXPECT("9", memcmp(bytes, "\x55\xaa\2", 3), 0);
	EXPECT("9", memcmp(bytes + bytes[0x18], "PCIR\x34\x12\xe8\x11", 8), 0);
	__u8 sum = 0;
	for (int i = 0; i < 1024; i++)
		sum += bytes[i];
	EXPECT("9", sum, 0);
	EXPECT("9", pread(fd, bytes, 4, 1024), 0);
	EXPECT("9", pwrite(fd, "0\n", 2, 0), 2);
	EXPECT("9", pread(fd, bytes, 4, 0), -EINVAL);
	close(fd);
	EXPECT("9", open(D "0000:02:00.0/rom", O_RDWR), -ENOENT);
	FILE *lines = fopen(D MEMORY "/resource", "r");
	unsigned long start = 0, last = 0, flags = 0;
	for (int i = 0; i < 7; i++)
		EXPECT("9", fscanf(lines, "%lx %lx %lx", &start, &last, &flags), 3);
	EXPECT("9", last - start, 4095);
	EXPECT("9", flags, 0x46200);
	fclose(lines);
}

/* A BAR that a driver's user has mapped is not for sysfs, and the other way round. */
static void beside_vfio(void)
{
	int container, group, device = device_open(MEMORY, &container, &group);
	int fd = MUST(open(D MEMORY "/resource2", O_RDWR));
	volatile __u32 *ours = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	FAILED(ours);
	write32(device, REGION(2) + 8, 0xabcd);
	EXPECT("9", ours[2], 0xabcd);
	ours[3] = 0xef;
	EXPECT("9", read32(device, REGION(2) + 12), 0xef);
	REFUSED(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, device, REGION(2)), -EBUSY);
	munmap((void *)ours, PAGE);
	close(fd);
	volatile __u32 *theirs = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, device, REGION(2));
	FAILED(theirs);
	fd = MUST(open(D MEMORY "/resource2", O_RDWR));
	REFUSED(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0), -EINVAL);
	/* All who open a device through its group see the same. */
	int second = MUST(device_fd(group, MEMORY));
	volatile __u32 *same = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, second, REGION(2));
	FAILED(same);
	theirs[5] = 55;
	same[6] = 66;
	EXPECT("5", same[5], 55);
	EXPECT("5", theirs[6], 66);
	EXPECT("5", read32(device, REGION(2) + 20), 55);
	close(device);
	EXPECT("5", read32(second, REGION(2) + 24), 66);
	EXPECT("2", ioctl(group, VFIO_GROUP_UNSET_CONTAINER), -EBUSY);
	munmap((void *)theirs, PAGE);
	munmap((void *)same, PAGE);
	close(second);
	EXPECT("2", ioctl(group, VFIO_GROUP_UNSET_CONTAINER), 0);
	FAILED(theirs = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	munmap((void *)theirs, PAGE);
	close(fd);
	close(group);
	close(container);
}

int main(void)
{
	memory();
	ports();
	rom();
	beside_vfio();
	return failures != 0;
}
