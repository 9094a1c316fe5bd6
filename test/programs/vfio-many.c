/* Every device of the machine is opened, asked, mapped and closed, each by a thread of its own, all in one container (linux-vfio.md, 2 to 5). */
#include "check-vfio.h"
#include <dirent.h>

#define MOST 256

static int container;
static pthread_barrier_t together;
static char names[MOST][256];

static void *one(void *argument)
{
	const char *bdf = argument;
	int group = MUST(group_open(group_of(bdf)));
	EXPECT("2", set_container(group, container), 0);
	pthread_barrier_wait(&together);
	/* The first sets it, the others are told that it is set. */
	int set = R(set_iommu(container, VFIO_TYPE1v2_IOMMU));
	TRUE("3", set == 0 || set == -EINVAL);
	pthread_barrier_wait(&together);
	int device = MUST(device_fd(group, bdf));
	struct vfio_region_info info;
	for (__u32 index = 0; index < VFIO_PCI_NUM_REGIONS - 1; index++) {
		EXPECT("5.2", region_info(device, index, &info), 0);
		if (!(info.flags & VFIO_REGION_INFO_FLAG_MMAP))
			continue;
		char *bar = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, info.offset);
		TRUE("5.3", bar != MAP_FAILED);
		/* Version of the channel: each has registers of its own. */
		if (index == 0)
			EXPECT("5.3", bar[8], 0x33);
		munmap(bar, info.size);
	}
	EXPECT("5.4", read_config(device, 0, 4), 0x20218086);
	int fd = event();
	EXPECT("5.6", irqs(device, TRIGGER_FDS, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1, &fd), 0);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1, NULL), 0);
	EXPECT("5.6", counted(fd), 1);
	EXPECT("5.7", ioctl(device, VFIO_DEVICE_RESET), 0);
	pthread_barrier_wait(&together);
	close(device);
	close(group);
	close(fd);
	return NULL;
}

int main(void)
{
	pthread_t threads[MOST];
	int count = 0;
	DIR *devices = opendir("/sys/bus/pci/devices");
	struct dirent *entry;
	while (devices && count < MOST && (entry = readdir(devices)))
		if (entry->d_name[0] != '.')
			snprintf(names[count++], sizeof(names[0]), "%s", entry->d_name);
	closedir(devices);
	EXPECT("9", count, 64);
	container = container_open();
	pthread_barrier_init(&together, NULL, count);
	for (int i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, one, names[i]);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	close(container);
	return failures != 0;
}
