/* Nodes, groups, and what each last close undoes (linux-vfio.md, 1 and 2). Sections are those of that document. */
#include "check-vfio.h"
#include <sys/sysmacros.h>
#include <dirent.h>

#define EDU "0000:00:05.0"
#define FIRST "0000:02:00.0"
#define SECOND "0000:02:00.1"
#define PF "0000:03:00.0"
#define NVME "0000:04:00.0"
#define COMPANION "0000:04:00.1"
#define TOKEN "6a1ee5a0-1234-4321-89ab-000102030405"
#define OTHER "6a1ee5a0-1234-4321-89ab-000102030406"

static long status_flags(int group)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	return ioctl(group, VFIO_GROUP_GET_STATUS, &status) ? -errno : (long)status.flags;
}

static long put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	long result = fd < 0 ? -errno : R(write(fd, text, strlen(text)));
	if (fd >= 0)
		close(fd);
	return result;
}

static void nodes(void)
{
	struct stat st;
	EXPECT("1", stat("/dev/vfio/vfio", &st), 0);
	TRUE("1", S_ISCHR(st.st_mode) && major(st.st_rdev) == 10 && minor(st.st_rdev) == 196);
	EXPECT("1", st.st_mode & 0777, 0666);
	EXPECT("1", stat("/dev/vfio/1", &st), 0);
	TRUE("1", S_ISCHR(st.st_mode) && major(st.st_rdev) >= 234);
	EXPECT("1", stat("/dev/vfio/99", &st), -ENOENT);
	EXPECT("1", open("/dev/vfio/99", O_RDWR), -ENOENT);
	/* The number of a device's node is what sysfs says. */
	char text[32] = { 0 }, path[64], link[256] = { 0 };
	int dev = MUST(open("/sys/bus/pci/devices/" EDU "/vfio-dev/vfio0/dev", O_RDONLY));
	MUST(read(dev, text, sizeof(text) - 1));
	close(dev);
	EXPECT("1", stat("/dev/vfio/devices/vfio0", &st), 0);
	EXPECT("1", atoi(text), major(st.st_rdev));
	EXPECT("1", atoi(strchr(text, ':') + 1), minor(st.st_rdev));
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u", major(st.st_rdev), minor(st.st_rdev));
	TRUE("9", readlink(path, link, sizeof(link) - 1) > 0 && strstr(link, EDU "/vfio-dev/vfio0"));
}

static void opening(void)
{
	int one = MUST(group_open(1)), copy = MUST(dup(one));
	EXPECT("1", group_open(1), -EBUSY);
	close(one);
	EXPECT("1", group_open(1), -EBUSY);
	/* A child shares the open file: it is closed when both have done so. */
	int pipes[2];
	MUST(pipe(pipes));
	pid_t child = MUST(fork());
	if (child == 0) {
		char byte;
		close(pipes[1]);
		exit(read(pipes[0], &byte, 1) != 0);
	}
	close(copy);
	EXPECT("1", group_open(1), -EBUSY);
	close(pipes[1]);
	EXPECT("1", reap(child), 0);
	one = MUST(group_open(1));
	TRUE("1", one >= 0);
	close(one);
	/* For reading alone, too: the mode matters to no ioctl. */
	one = MUST(open("/dev/vfio/1", O_RDONLY));
	EXPECT("1", status_flags(one), VFIO_GROUP_FLAGS_VIABLE);
	close(one);
	/* The device's own file can be opened any number of times, also while the group is open. */
	one = MUST(group_open(1));
	int cdev = MUST(open("/dev/vfio/devices/vfio0", O_RDWR)), again = MUST(open("/dev/vfio/devices/vfio0", O_RDWR));
	struct vfio_device_info info = { .argsz = sizeof(info) };
	EXPECT("5", ioctl(cdev, VFIO_DEVICE_GET_INFO, &info), -EINVAL);
	EXPECT("5", ioctl(cdev, VFIO_DEVICE_RESET), -EINVAL);
	EXPECT("5", pread(cdev, &info, 4, CONFIG), -EINVAL);
	TRUE("5", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, cdev, 0) == MAP_FAILED && errno == EINVAL);
	close(cdev);
	close(again);
	close(one);
}

static void group_calls(void)
{
	int group = MUST(group_open(1)), container = container_open(), second = container_open();
	struct vfio_group_status status = { .argsz = 4 };
	EXPECT("2", ioctl(group, VFIO_GROUP_GET_STATUS, NULL), -EFAULT);
	EXPECT("2", ioctl(group, VFIO_GROUP_GET_STATUS, &status), -EINVAL);
	status.argsz = 4096;
	EXPECT("2", ioctl(group, VFIO_GROUP_GET_STATUS, &status), 0);
	EXPECT("2", status.argsz, 4096);
	EXPECT("2", status.flags, VFIO_GROUP_FLAGS_VIABLE);
	EXPECT("2", ioctl(group, VFIO_GET_API_VERSION), -ENOTTY);
	EXPECT("2", ioctl(group, VFIO_IOMMU_MAP_DMA, NULL), -ENOTTY);
	EXPECT("2", ioctl(group, VFIO_GROUP_UNSET_CONTAINER), -EINVAL);

	EXPECT("2", ioctl(group, VFIO_GROUP_SET_CONTAINER, NULL), -EFAULT);
	EXPECT("2", set_container(group, -1), -EBADF);
	EXPECT("2", set_container(group, 999), -EBADF);
	EXPECT("2", set_container(group, group), -EBADFD);
	int null = MUST(open("/dev/null", O_RDWR));
	EXPECT("2", set_container(group, null), -EBADFD);
	close(null);
	EXPECT("2", device_fd(group, EDU), -EINVAL);
	EXPECT("2", device_fd(group, "nonsense"), -ENODEV);
	EXPECT("2", set_container(group, container), 0);
	EXPECT("2", status_flags(group), VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET);
	EXPECT("2", set_container(group, second), -EINVAL);
	EXPECT("2", set_container(group, 999), -EBADF);
	EXPECT("2", device_fd(group, EDU), -EINVAL);
	EXPECT("3", set_iommu(container, VFIO_TYPE1v2_IOMMU), 0);

	EXPECT("2", device_fd(group, NULL), -EFAULT);
	char *guarded = pages(2);
	MUST(munmap(guarded + PAGE, PAGE));
	memset(guarded, 'x', PAGE);
	EXPECT("2", device_fd(group, guarded + PAGE - 8), -EFAULT);
	char *longest = pages(2);
	memset(longest, 'x', 2 * PAGE - 1);
	EXPECT("2", device_fd(group, longest), -EINVAL);
	EXPECT("2", device_fd(group, "0000:00:05.1"), -ENODEV);
	EXPECT("2", device_fd(group, "0000:00:05"), -ENODEV);
	EXPECT("2", device_fd(group, "00:05.0"), -ENODEV);
	EXPECT("2", device_fd(group, FIRST), -ENODEV);
	EXPECT("2", device_fd(group, EDU " nonsense=1"), -EINVAL);
	EXPECT("2", device_fd(group, EDU " vf_token=" TOKEN), -EINVAL);
	EXPECT("2", device_fd(group, EDU " vf_token=6a1ee5a0"), -EINVAL);

	int device = MUST(device_fd(group, EDU)), again = MUST(device_fd(group, EDU));
	TRUE("1", fcntl(device, F_GETFD) == FD_CLOEXEC);
	char link[64] = { 0 }, path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", device);
	MUST(readlink(path, link, sizeof(link) - 1));
	EXPECT("1", strcmp(link, "anon_inode:[vfio-device]"), 0);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", device);
	char info[512] = { 0 };
	int fdinfo = MUST(open(path, O_RDONLY));
	MUST(read(fdinfo, info, sizeof(info) - 1));
	close(fdinfo);
	TRUE("6", strstr(info, "\nvfio-device-syspath: /sys/devices/pci0000:00/" EDU "\n"));
	EXPECT("2", ioctl(group, VFIO_GROUP_UNSET_CONTAINER), -EBUSY);
	/* Descriptors are closed in any order: the device keeps the group, the group the container. */
	char *memory = pages(1);
	EXPECT("4.2", dma_map(container, READ_WRITE, memory, 0x10000, PAGE), 0);
	close(group);
	EXPECT("1", group_open(1), -EBUSY);
	EXPECT("4.2", dma_map(container, READ_WRITE, memory, 0x10000, PAGE), -EEXIST);
	close(device);
	EXPECT("1", group_open(1), -EBUSY);
	close(again);
	/* The last group has left: the container has no driver, and another type may be chosen. */
	EXPECT("1", dma_map(container, READ_WRITE, memory, 0x10000, PAGE), -EINVAL);
	group = MUST(group_open(1));
	EXPECT("2", set_container(group, container), 0);
	EXPECT("3", set_iommu(container, VFIO_TYPE1_IOMMU), 0);
	EXPECT("1", dma_unmap(container, 0, 0x10000, PAGE), 0);
	EXPECT("2", ioctl(group, VFIO_GROUP_UNSET_CONTAINER), 0);
	EXPECT("2", ioctl(group, VFIO_GROUP_UNSET_CONTAINER), -EINVAL);
	EXPECT("3", set_iommu(container, VFIO_TYPE1v2_IOMMU), -EINVAL);
	close(group);
	close(container);
	close(second);
}

/* A group with an iommufd: the group may be closed and opened while its devices are open. */
static void with_iommufd(void)
{
	int group = MUST(group_open(1)), iommufd = MUST(open("/dev/iommu", O_RDWR));
	EXPECT("2", set_container(group, iommufd), 0);
	EXPECT("2", status_flags(group), VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET);
	int device = MUST(device_fd(group, EDU));
	EXPECT("2", ioctl(group, VFIO_GROUP_UNSET_CONTAINER), 0);
	close(group);
	group = MUST(group_open(1));
	EXPECT("5", read_config(device, 0, 4), 0x11e81234);
	close(device);
	close(group);
	close(iommufd);
}

/* A group is owned by one user; a driver of the host owns its DMA. */
static void ownership(void)
{
	int group = MUST(group_open(group_of(NVME))), container = container_open();
	EXPECT("2", status_flags(group), 0);
	EXPECT("2", set_container(group, container), -EPERM);
	EXPECT("9", put("/sys/bus/pci/drivers/nvme/unbind", NVME), strlen(NVME));
	EXPECT("2", status_flags(group), VFIO_GROUP_FLAGS_VIABLE);
	EXPECT("2", set_container(group, container), 0);
	/* VFIO owns it: an ordinary driver is refused. */
	EXPECT("2", put("/sys/bus/pci/drivers/nvme/bind", NVME), -EBUSY);
	EXPECT("9", put("/sys/bus/pci/drivers_probe", NVME), -EINVAL);
	EXPECT("3", set_iommu(container, VFIO_TYPE1v2_IOMMU), 0);
	EXPECT("2", device_fd(group, NVME), -ENODEV);
	int device = MUST(device_fd(group, COMPANION));
	close(device);
	close(group);
	EXPECT("9", put("/sys/bus/pci/drivers/nvme/bind", NVME "\n"), strlen(NVME) + 1);
	close(container);
}

/* Two functions of a group: one group file, and several devices of it by their own files. */
static void shared_group(void)
{
	int container, group, first = device_open(FIRST, &container, &group), second = MUST(device_fd(group, SECOND));
	EXPECT("5", read_config(second, 0, 4), 0x11e81234);
	close(first);
	EXPECT("2", ioctl(group, VFIO_GROUP_UNSET_CONTAINER), -EBUSY);
	close(second);
	EXPECT("2", ioctl(group, VFIO_GROUP_UNSET_CONTAINER), 0);
	close(group);
	close(container);
}

static void tokens(void)
{
	int container, group = MUST(group_open(group_of(PF)));
	container = container_open();
	MUST(set_container(group, container));
	MUST(set_iommu(container, VFIO_TYPE1v2_IOMMU));
	int pf = MUST(device_fd(group, PF " vf_token=" TOKEN));
	EXPECT("9", put("/sys/bus/pci/devices/" PF "/sriov_numvfs", "5"), -ERANGE);
	EXPECT("9", put("/sys/bus/pci/devices/" PF "/sriov_numvfs", "1"), 1);
	EXPECT("9", put("/sys/bus/pci/devices/" PF "/sriov_numvfs", "2"), -EBUSY);
	char vf[256] = { 0 }, name[64];
	MUST(readlink("/sys/bus/pci/devices/" PF "/virtfn0", vf, sizeof(vf) - 1));
	const char *bdf = strrchr(vf, '/') + 1;
	int vf_group = MUST(group_open(group_of(bdf)));
	MUST(set_container(vf_group, container));
	EXPECT("2", device_fd(vf_group, bdf), -EACCES);
	snprintf(name, sizeof(name), "%s vf_token=%s", bdf, OTHER);
	EXPECT("2", device_fd(vf_group, name), -EACCES);
	snprintf(name, sizeof(name), "%s vf_token=%s", bdf, TOKEN);
	int device = MUST(device_fd(vf_group, name));
	/* With a VF open, the PF needs the token, and keeps it. */
	EXPECT("2", device_fd(group, PF), -EACCES);
	EXPECT("2", device_fd(group, PF " vf_token=" OTHER), -EACCES);
	close(MUST(device_fd(group, PF " vf_token=" TOKEN)));
	/* The feature overwrites it always. */
	struct { struct vfio_device_feature head; unsigned char token[16]; } set = { .head = { .argsz = sizeof(set),
		.flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_PCI_VF_TOKEN } };
	EXPECT("5.9", ioctl(device, VFIO_DEVICE_FEATURE, &set), -ENOTTY);
	EXPECT("5.9", ioctl(pf, VFIO_DEVICE_FEATURE, &set), 0);
	close(device);
	EXPECT("2", device_fd(vf_group, name), -EACCES);
	snprintf(name, sizeof(name), "%s vf_token=00000000-0000-0000-0000-000000000000", bdf);
	close(MUST(device_fd(vf_group, name)));
	close(vf_group);
	EXPECT("9", put("/sys/bus/pci/devices/" PF "/sriov_numvfs", "0"), 1);
	close(pf);
	close(group);
	close(container);
}

int main(void)
{
	nodes();
	opening();
	group_calls();
	with_iommufd();
	ownership();
	shared_group();
	tokens();
	return failures != 0;
}
