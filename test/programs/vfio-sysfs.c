/* Writing to /sys: drivers, ids, overrides, SR-IOV, resets, with their errors; unbinding a device in use (linux-vfio.md, 1 and 9). */
#include "check-vfio.h"

#define PCI "/sys/bus/pci/"
#define DEVICE(bdf) PCI "devices/" bdf "/"
#define EDU "0000:00:05.0"
#define EXPRESS "0000:01:00.0"
#define PF "0000:03:00.0"
#define NVME "0000:04:00.0"
#define VFIO PCI "drivers/vfio-pci/"

/* Bytes written, or -errno. */
static long put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	long result = R(write(fd, text, strlen(text)));
	close(fd);
	return result;
}
#define PUT(path, text, expected) EXPECT("9", put(path, text), expected)
#define TAKES(path, text) EXPECT("9", put(path, text), (long)strlen(text))

static char text[4096];
static const char *get(const char *path)
{
	int fd = open(path, O_RDONLY);
	long n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = 0;
	return n < 0 ? strerror(errno) : text;
}
#define SHOWS(path, expected) do { if (strcmp(get(path), expected)) { failures++; \
	fprintf(stderr, "%s:%d: %s is '%s', not '%s'\n", __FILE__, __LINE__, path, text, expected); } } while (0)

/* The driver's name, or an error. */
static const char *driver(const char *path)
{
	long n = readlink(path, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = 0;
	return n < 0 ? strerror(errno) : strrchr(text, '/') + 1;
}
#define DRIVEN(bdf, expected) do { const char *by = driver(DEVICE(bdf) "driver"); if (strcmp(by, expected)) { failures++; \
	fprintf(stderr, "%s:%d: %s is bound to '%s', not '%s'\n", __FILE__, __LINE__, bdf, by, expected); } } while (0)

static void binding(void)
{
	DRIVEN(EDU, "vfio-pci");
	/* It matches nothing now; with an override it does, and is bound already. */
	PUT(VFIO "bind", EDU, -ENODEV);
	TAKES(DEVICE(EDU) "driver_override", "vfio-pci");
	PUT(VFIO "bind", EDU, -EBUSY);
	TAKES(DEVICE(EDU) "driver_override", "\n");
	PUT(VFIO "bind", "0000:ff:00.0", -ENODEV);
	PUT(VFIO "unbind", NVME, -ENODEV);
	PUT(PCI "drivers/nvme/bind", EDU, -ENODEV);
	TAKES(VFIO "unbind", EDU "\n");
	DRIVEN(EDU, "No such file or directory");
	PUT(VFIO "unbind", EDU, -ENODEV);
	EXPECT("1", group_open(1), -ENOENT);
	TRUE("9", access(DEVICE(EDU) "vfio-dev", F_OK) != 0);
	/* No id, no override: vfio-pci does not match. */
	PUT(VFIO "bind", EDU, -ENODEV);
	TAKES(PCI "drivers_probe", EDU);
	DRIVEN(EDU, "No such file or directory");
	PUT(PCI "drivers_probe", "0000:ff:00.0", -ENODEV);
	SHOWS(DEVICE(EDU) "driver_override", "(null)\n");
	TAKES(DEVICE(EDU) "driver_override", "absent");
	SHOWS(DEVICE(EDU) "driver_override", "absent\n");
	PUT(VFIO "bind", EDU, -ENODEV);
	TAKES(DEVICE(EDU) "driver_override", "\n");
	SHOWS(DEVICE(EDU) "driver_override", "(null)\n");
	/* By id: it is bound at once. */
	PUT(VFIO "new_id", "1234", -EINVAL);
	PUT(VFIO "new_id", "zzzz 11e8", -EINVAL);
	PUT(VFIO "remove_id", "1234 11e8", -ENODEV);
	TAKES(VFIO "new_id", "1234 11e8\n");
	DRIVEN(EDU, "vfio-pci");
	PUT(VFIO "new_id", "1234 11e8", -EEXIST);
	TAKES(VFIO "remove_id", "1234 11e8");
	DRIVEN(EDU, "vfio-pci");
	PUT(VFIO "remove_id", "1234 11e8", -ENODEV);
	/* Its node is back. */
	close(MUST(group_open(1)));
	/* By override, from a driver of the host and back. */
	DRIVEN(NVME, "nvme");
	TAKES(PCI "drivers/nvme/unbind", NVME);
	TAKES(DEVICE(NVME) "driver_override", "vfio-pci");
	TAKES(PCI "drivers_probe", NVME);
	DRIVEN(NVME, "vfio-pci");
	PUT(PCI "drivers/nvme/bind", NVME, -ENODEV);
	TAKES(DEVICE(NVME) "driver_override", "\n");
	TAKES(VFIO "unbind", NVME);
	TAKES(PCI "drivers/nvme/bind", NVME);
	DRIVEN(NVME, "nvme");
}

static void attributes(void)
{
	SHOWS(DEVICE(EDU) "vendor", "0x1234\n");
	SHOWS(DEVICE(EDU) "device", "0x11e8\n");
	SHOWS(DEVICE(EDU) "class", "0x00ff00\n");
	SHOWS(DEVICE(EDU) "revision", "0x10\n");
	SHOWS(DEVICE(EDU) "numa_node", "-1\n");
	SHOWS(DEVICE(EDU) "modalias", "pci:v00001234d000011E8sv00001AF4sd00001100bc00scFFi00\n");
	EXPECT("9", strncmp(get(DEVICE(EDU) "uevent"), "DRIVER=vfio-pci\nPCI_CLASS=FF00\nPCI_ID=1234:11E8\nPCI_SUBSYS_ID=1AF4:1100\n"
		"PCI_SLOT_NAME=" EDU "\nMODALIAS=pci:", 110), 0);
	PUT(DEVICE(EDU) "uevent", "nonsense", -EINVAL);
	TAKES(DEVICE(EDU) "uevent", "add");
	/* No reset method: no file; else "1" alone. */
	PUT(DEVICE(EDU) "reset", "1", -ENOENT);
	TAKES(DEVICE(PF) "reset", "1\n");
	PUT(DEVICE(PF) "reset", "0", -EINVAL);
	PUT(DEVICE(PF) "reset", "x", -EINVAL);
	/* The real configuration space. */
	int config = MUST(open(DEVICE(EDU) "config", O_RDONLY));
	__u32 id = 0;
	EXPECT("9", pread(config, &id, 4, 0), 4);
	EXPECT("9", id, 0x11e81234);
	EXPECT("9", pread(config, &id, 4, 4096), 0);
	close(config);
	struct stat st;
	EXPECT("9", stat(DEVICE(EDU) "config", &st), 0);
	EXPECT("9", st.st_size, 256);
	EXPECT("9", stat(DEVICE(EDU) "resource0", &st), 0);
	EXPECT("9", st.st_size, 1 << 20);
	EXPECT("9", stat(DEVICE(EDU) "resource1", &st), -ENOENT);
	EXPECT("9", stat(DEVICE(EXPRESS) "resource2_wc", &st), 0);
	EXPECT("9", stat(DEVICE(EXPRESS) "config", &st), 0);
	EXPECT("9", st.st_size, 4096);
	SHOWS("/sys/kernel/iommu_groups/1/reserved_regions", "0x00000000fee00000 0x00000000feefffff msi\n");
	SHOWS("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "N\n");
}

#define LIMIT "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit"

/* What a container may hold is latched when it gets its driver. */
static void parameters(void)
{
	char *memory = aligned_alloc(4096, 3 * 4096);
	int container, group, device;
	SHOWS(LIMIT, "65535\n");
	PUT(LIMIT, "many", -EINVAL);
	PUT(LIMIT, "4294967296", -ERANGE);
	TAKES(LIMIT, "2\n");
	device = device_open(EXPRESS, &container, &group);
	TAKES(LIMIT, "65535");
	for (__u64 i = 0; i < 3; i++)
		EXPECT("4.2", dma_map(container, READ_WRITE, memory + i * 4096, i << 12, 4096), i < 2 ? 0 : -ENOSPC);
	EXPECT("4.3", dma_unmap(container, 0, 0, 4096), 4096);
	EXPECT("4.2", dma_map(container, READ_WRITE, memory, 2 << 12, 4096), 0);
	close(device);
	close(group);
	close(container);
	container = container_open();
	EXPECT("3", ioctl(container, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU), 0);
	TAKES("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y");
	EXPECT("3", ioctl(container, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU), 1);
	TAKES("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "0");
	close(container);
	PUT("/sys/module/vfio_pci/parameters/disable_denylist", "Y", -EACCES);
	free(memory);
}

/* Interrupts and power as the device's user sets them. */
static void in_operation(void)
{
	int container, group, device = device_open(EXPRESS, &container, &group), fds[3] = { event(), -1, event() };
	TRUE("9", access(DEVICE(EXPRESS) "msi_irqs", F_OK) != 0);
	SHOWS(DEVICE(EXPRESS) "irq", "16\n");
	EXPECT("5.6", irqs(device, TRIGGER_FDS, VFIO_PCI_MSIX_IRQ_INDEX, 0, 2, fds), 0);
	SHOWS(DEVICE(EXPRESS) "msi_irqs/24", "msix\n");
	SHOWS(DEVICE(EXPRESS) "msi_irqs/25", "msix\n");
	TRUE("9", access(DEVICE(EXPRESS) "msi_irqs/26", F_OK) != 0);
	/* One more on demand. */
	EXPECT("5.6", irqs(device, TRIGGER_FDS, VFIO_PCI_MSIX_IRQ_INDEX, 3, 1, &fds[2]), 0);
	SHOWS(DEVICE(EXPRESS) "msi_irqs/27", "msix\n");
	TRUE("9", access(DEVICE(EXPRESS) "msi_irqs/26", F_OK) != 0);
	SHOWS(DEVICE(EXPRESS) "irq", "16\n");
	EXPECT("5.6", irqs(device, TRIGGER_NONE, VFIO_PCI_MSIX_IRQ_INDEX, 0, 0, NULL), 0);
	TRUE("9", access(DEVICE(EXPRESS) "msi_irqs", F_OK) != 0);
	EXPECT("5.6", irqs(device, TRIGGER_FDS, VFIO_PCI_MSI_IRQ_INDEX, 0, 3, fds), 0);
	SHOWS(DEVICE(EXPRESS) "irq", "24\n");
	SHOWS(DEVICE(EXPRESS) "msi_irqs/26", "msi\n");
	TRUE("9", access(DEVICE(EXPRESS) "msi_irqs/27", F_OK) != 0);
	SHOWS(DEVICE(EXPRESS) "power_state", "D0\n");
	int pm = read_config(device, 0x34, 1);
	while (pm && (read_config(device, pm, 1) != 1))
		pm = read_config(device, pm + 1, 1);
	EXPECT("7", write_config(device, pm + 4, 2, 3), 2);
	SHOWS(DEVICE(EXPRESS) "power_state", "D3hot\n");
	EXPECT("7", write_config(device, pm + 4, 2, 0), 2);
	SHOWS(DEVICE(EXPRESS) "power_state", "D0\n");
	close(device);
	close(group);
	close(container);
	close(fds[0]);
	close(fds[2]);
	SHOWS(DEVICE(EXPRESS) "irq", "16\n");
	PUT(DEVICE(EXPRESS) "numa_node", "7", -EINVAL);
	TAKES(DEVICE(EXPRESS) "numa_node", "0");
	SHOWS(DEVICE(EXPRESS) "numa_node", "0\n");
	TAKES(DEVICE(EXPRESS) "numa_node", "-1");
	SHOWS(DEVICE(EXPRESS) "numa_node", "-1\n");
}

static void virtual_functions(void)
{
	SHOWS(DEVICE(PF) "sriov_totalvfs", "4\n");
	SHOWS(DEVICE(PF) "sriov_numvfs", "0\n");
	PUT(DEVICE(EDU) "sriov_numvfs", "1", -ENOENT);
	PUT(DEVICE(PF) "sriov_numvfs", "5", -ERANGE);
	PUT(DEVICE(PF) "sriov_numvfs", "x", -EINVAL);
	PUT(DEVICE(PF) "sriov_numvfs", "65536", -EINVAL);
	SHOWS("/sys/module/vfio_pci/parameters/enable_sriov", "Y\n");
	TAKES("/sys/module/vfio_pci/parameters/enable_sriov", "N");
	PUT(DEVICE(PF) "sriov_numvfs", "2", -ENOENT);
	TAKES(DEVICE(PF) "sriov_numvfs", "0");
	TAKES("/sys/module/vfio_pci/parameters/enable_sriov", "1");
	TAKES(DEVICE(PF) "sriov_numvfs", "2\n");
	SHOWS(DEVICE(PF) "sriov_numvfs", "2\n");
	PUT(DEVICE(PF) "sriov_numvfs", "3", -EBUSY);
	TAKES(DEVICE(PF) "sriov_numvfs", "2");
	const char *by = driver(DEVICE(PF) "virtfn1/driver");
	EXPECT("9", strcmp(by, "vfio-pci"), 0);
	EXPECT("9", strcmp(driver(DEVICE(PF) "virtfn0/physfn"), PF), 0);
	SHOWS(DEVICE(PF) "virtfn0/driver_override", "vfio-pci\n");
	PUT(DEVICE(PF) "virtfn0/remove", "1", -ENOENT);
	PUT(DEVICE(PF) "virtfn0/rescan", "1", -ENOENT);
	TAKES(DEVICE(PF) "sriov_drivers_autoprobe", "0");
	SHOWS(DEVICE(PF) "sriov_drivers_autoprobe", "0\n");
	TAKES(DEVICE(PF) "sriov_drivers_autoprobe", "1");
	TAKES(DEVICE(PF) "sriov_numvfs", "0");
	TRUE("9", readlink(DEVICE(PF) "virtfn0", text, sizeof(text)) < 0);
	TAKES(VFIO "unbind", PF);
	PUT(DEVICE(PF) "sriov_numvfs", "1", -ENOENT);
	TAKES(DEVICE(PF) "driver_override", "vfio-pci");
	TAKES(VFIO "bind", PF);
	TAKES(DEVICE(PF) "driver_override", "\n");
}

/* A write in a thread of its own. */
struct writer {
	const char *path, *text;
	volatile int ended;
	long result;
	pthread_t thread;
};

static void *put_of(void *argument)
{
	struct writer *writer = argument;
	writer->result = put(writer->path, writer->text);
	writer->ended = 1;
	return NULL;
}

static void begin(struct writer *writer, const char *path, const char *text)
{
	*writer = (struct writer){ .path = path, .text = text };
	pthread_create(&writer->thread, NULL, put_of, writer);
}

/* It waits; its end is waited for. */
#define WAITS(writer) do { usleep(50000); EXPECT("1", (writer)->ended, 0); } while (0)
#define ENDS(writer) do { pthread_join((writer)->thread, NULL); \
	EXPECT("1", (writer)->result, (long)strlen((writer)->text)); } while (0)

/* The writer waits until the device is closed, its user is asked to let it go, and nobody can open it meanwhile. */
static void in_use(void)
{
	int container, group, device = device_open(EDU, &container, &group), request = event(), memory = event();
	struct writer unbinder, second;
	EXPECT("5.6", irqs(device, TRIGGER_FDS, VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &request), 0);
	begin(&unbinder, VFIO "unbind", EDU);
	long asked = 0;
	WAIT("1", asked > 0 || (asked = counted(request)) > 0);
	WAITS(&unbinder);
	begin(&second, VFIO "unbind", EDU);
	WAITS(&second);
	DRIVEN(EDU, "vfio-pci");
	EXPECT("1", device_fd(group, EDU), -ENODEV);
	EXPECT("1", open("/dev/vfio/devices/vfio0", O_RDWR), -ENOENT);
	/* Whoever has it can go on with it. */
	EXPECT("1", read_config(device, 0, 4), 0x11e81234);
	EXPECT("1", read32(device, 0), 0x010000ed);
	close(device);
	ENDS(&unbinder);
	ENDS(&second);
	DRIVEN(EDU, "No such file or directory");
	close(group);
	close(container);
	TAKES(DEVICE(EDU) "driver_override", "vfio-pci");
	TAKES(PCI "drivers_probe", EDU);
	DRIVEN(EDU, "vfio-pci");
	device = device_open(EDU, &container, &group);
	EXPECT("1", read32(device, 0), 0x010000ed);
	close(device);
	close(group);
	close(container);
	close(memory);
	close(request);
}

/* An open file of the device's own node is waited for, though it has no access. */
static void node_in_use(void)
{
	struct writer unbinder;
	int node = MUST(open("/dev/vfio/devices/vfio0", O_RDWR));
	begin(&unbinder, VFIO "unbind", EDU);
	WAITS(&unbinder);
	DRIVEN(EDU, "vfio-pci");
	EXPECT("1", open("/dev/vfio/devices/vfio0", O_RDWR), -ENOENT);
	close(node);
	ENDS(&unbinder);
	DRIVEN(EDU, "No such file or directory");
	TAKES(DEVICE(EDU) "driver_override", "vfio-pci");
	TAKES(PCI "drivers_probe", EDU);
	DRIVEN(EDU, "vfio-pci");
}

/* As unbind, and then the function is gone; a rescan finds it. */
static void removed_in_use(void)
{
	int container, group, device = device_open(EXPRESS, &container, &group), request = event();
	struct writer remover;
	EXPECT("5.6", irqs(device, TRIGGER_FDS, VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &request), 0);
	begin(&remover, DEVICE(EXPRESS) "remove", "1");
	long asked = 0;
	WAIT("1", asked > 0 || (asked = counted(request)) > 0);
	WAITS(&remover);
	EXPECT("1", access(DEVICE(EXPRESS) "vendor", F_OK), 0);
	EXPECT("9", access(DEVICE(EXPRESS) "remove", F_OK), -ENOENT);
	EXPECT("1", device_fd(group, EXPRESS), -ENODEV);
	EXPECT("1", read_config(device, 0, 4), 0x11e81234);
	close(device);
	ENDS(&remover);
	EXPECT("1", access(DEVICE(EXPRESS) "vendor", F_OK), -ENOENT);
	EXPECT("1", access("/sys/kernel/iommu_groups/2", F_OK), -ENOENT);
	close(group);
	close(container);
	TAKES(PCI "rescan", "1");
	DRIVEN(EXPRESS, "No such file or directory");
	TAKES(DEVICE(EXPRESS) "driver_override", "vfio-pci");
	TAKES(PCI "drivers_probe", EXPRESS);
	close(MUST(device_open(EXPRESS, &container, &group)));
	close(group);
	close(container);
	close(request);
}

#define TOKEN " vf_token=14d63f20-8445-11ea-8900-1f9ce7d5650d"

/* A device of its group, alone in a container; the group and the container go with it. */
static int with_token(const char *bdf, int *container, int *group)
{
	char name[128];
	snprintf(name, sizeof(name), "%s" TOKEN, bdf);
	*container = container_open();
	*group = MUST(group_open(group_of(bdf)));
	MUST(set_container(*group, *container));
	MUST(set_iommu(*container, VFIO_TYPE1v2_IOMMU));
	return MUST(device_fd(*group, name));
}

/* A virtual function goes when its last user has closed it: by sriov_numvfs, and when its physical function leaves its driver. */
static void virtual_in_use(void)
{
	for (int unbind = 0; unbind < 2; unbind++) {
		struct writer writer;
		int container, group, device, request = event();
		TAKES(DEVICE(PF) "sriov_numvfs", "2");
		/* Its first user gives the physical function a token. */
		device = with_token(PF, &container, &group);
		close(device);
		close(group);
		close(container);
		/* The second one is in use. Its directory, since its name in that of the physical function goes first. */
		char virtual[64], there[128];
		strcpy(virtual, driver(DEVICE(PF) "virtfn1"));
		snprintf(there, sizeof(there), PCI "devices/%s/vendor", virtual);
		device = with_token(virtual, &container, &group);
		EXPECT("5.6", irqs(device, TRIGGER_FDS, VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &request), 0);
		if (unbind)
			begin(&writer, VFIO "unbind", PF);
		else
			begin(&writer, DEVICE(PF) "sriov_numvfs", "0");
		long asked = 0;
		WAIT("1", asked > 0 || (asked = counted(request)) > 0);
		WAITS(&writer);
		TRUE("9", readlink(DEVICE(PF) "virtfn0", text, sizeof(text)) < 0);
		TRUE("9", readlink(DEVICE(PF) "virtfn1", text, sizeof(text)) < 0);
		EXPECT("9", access(there, F_OK), 0);
		SHOWS(DEVICE(PF) "sriov_numvfs", "2\n");
		/* A second writer waits for the first, and finds what that left. */
		struct writer second;
		begin(&second, DEVICE(PF) "sriov_numvfs", "1");
		WAITS(&second);
		close(device);
		ENDS(&writer);
		pthread_join(second.thread, NULL);
		EXPECT("9", second.result, unbind ? -ENOENT : 1);
		EXPECT("9", access(there, F_OK), -ENOENT);
		if (!unbind)
			TAKES(DEVICE(PF) "sriov_numvfs", "0");
		TRUE("9", readlink(DEVICE(PF) "virtfn0", text, sizeof(text)) < 0);
		SHOWS(DEVICE(PF) "sriov_numvfs", "0\n");
		close(group);
		close(container);
		close(request);
	}
	DRIVEN(PF, "No such file or directory");
	TAKES(DEVICE(PF) "driver_override", "vfio-pci");
	TAKES(VFIO "bind", PF);
}

static void on_alarm(int signal)
{
	(void)signal;
}

/* A signal ends the wait, not what was begun. */
static void interrupted(void)
{
	int container, group, device = device_open(EDU, &container, &group);
	struct sigaction action = { .sa_handler = on_alarm };
	sigaction(SIGALRM, &action, NULL);
	alarm(1);
	PUT(VFIO "unbind", EDU, -EINTR);
	DRIVEN(EDU, "vfio-pci");
	close(device);
	close(group);
	close(container);
	DRIVEN(EDU, "No such file or directory");
}

int main(void)
{
	binding();
	attributes();
	parameters();
	in_operation();
	virtual_functions();
	in_use();
	node_in_use();
	removed_in_use();
	virtual_in_use();
	interrupted();
	return failures != 0;
}
