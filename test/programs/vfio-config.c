/* The virtual configuration space (linux-vfio.md, 7): which bits can be written, what a write does, what closing undoes. */
#include "check-vfio.h"

#define EDU "0000:00:05.0"
#define EXPRESS "0000:01:00.0"
#define IOAT "0000:03:00.0"

static int container, group, device;

static __u32 get(int offset, int width)
{
	return read_config(device, offset, width);
}
#define GET(offset, width, expected) EXPECT("7", get(offset, width), expected)
#define PUT(offset, width, value) EXPECT("7", write_config(device, offset, width, value), width)

/* Where a capability is; 0: it is not shown. */
static int find(int id)
{
	for (int at = get(0x34, 1), n = 0; at && n < 48; at = get(at + 1, 1), n++)
		if ((int)get(at, 1) == id)
			return at;
	return 0;
}
static int find_extended(int id)
{
	for (int at = 0x100, n = 0; at && n < 100; at = get(at, 4) >> 20, n++)
		if ((int)(get(at, 4) & 0xffff) == id)
			return at;
	return 0;
}
static void end(void)
{
	close(device);
	close(group);
	close(container);
}

static void header(void)
{
	/* Ids, class and the rest are read-only. */
	GET(0, 4, 0x11e81234);
	PUT(0, 4, 0);
	GET(0, 4, 0x11e81234);
	PUT(8, 4, 0xffffffff);
	GET(8, 4, 0x00ff0010);
	PUT(0x2c, 4, 0);
	GET(0x2c, 4, 0x11001af4);
	/* After open: decode as firmware left it, no bus mastering. */
	GET(4, 2, 0x103);
	PUT(4, 2, 0x406);
	GET(4, 2, 0x406);
	PUT(4, 2, 2);
	/* Line is free to write; the pin is not; cache line size is. */
	PUT(0x3c, 2, 0x5533);
	GET(0x3c, 2, 0x0133);
	PUT(0x0c, 1, 0x10);
	GET(0x0c, 1, 0x10);
	/* A BAR: sized by ones, also byte by byte; it never moves the real one. */
	__u32 first = get(0x10, 4);
	TRUE("7", first != 0 && (first & 0xfffff) == 0);
	PUT(0x10, 4, 0xffffffff);
	GET(0x10, 4, 0xfff00000);
	PUT(0x10, 4, 0x12345678);
	GET(0x10, 4, 0x12300000);
	PUT(0x13, 1, 0xab);
	GET(0x10, 4, 0xab300000);
	EXPECT("7", read32(device, 0), 0x010000ed);
	PUT(0x14, 4, 0xffffffff);
	GET(0x14, 4, 0);
	PUT(0x30, 4, 0xfffff800);
	GET(0x30, 4, 0);
	/* Closing drops the image. */
	close(device);
	device = MUST(device_fd(group, EDU));
	GET(0x10, 4, first);
	GET(4, 2, 0x103);
}

static void messages(void)
{
	int msi = find(5), fd = event();
	TRUE("7", msi != 0);
	__u32 control = get(msi + 2, 2);
	/* The enable bit sticks only while SET_IRQS has MSI active. */
	PUT(msi + 2, 2, control | 1);
	GET(msi + 2, 2, control);
	PUT(msi + 4, 4, 0xfee01000);
	GET(msi + 4, 4, 0xfee01000);
	EXPECT("5.6", irqs(device, TRIGGER_FDS, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, &fd), 0);
	PUT(msi + 2, 2, control | 1);
	GET(msi + 2, 2, control | 1);
	PUT(msi + 2, 2, control);
	GET(msi + 2, 2, control);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, VFIO_PCI_MSI_IRQ_INDEX, 0, 0, NULL), 0);
	close(fd);
}

static void express(void)
{
	int pm = find(1), pcie = find(0x10), msix = find(0x11), msi = find(5), fds[2] = { event(), event() };
	TRUE("7", pm && pcie && msix && msi);
	/* Wake-up is not offered; the state can be written. */
	EXPECT("7", get(pm + 2, 2) & 0xf800, 0);
	PUT(pm + 4, 2, 0x8103);
	EXPECT("7", get(pm + 4, 2) & 0x8103, 3);
	PUT(pm + 4, 2, 0);
	/* MSI-X: enable and mask bits are the kernel's. */
	__u32 control = get(msix + 2, 2);
	PUT(msix + 2, 2, control | 0xc000);
	GET(msix + 2, 2, control);
	EXPECT("5.6", irqs(device, TRIGGER_FDS, VFIO_PCI_MSIX_IRQ_INDEX, 0, 2, fds), 0);
	GET(msix + 2, 2, control | 0x8000);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, VFIO_PCI_MSIX_IRQ_INDEX, 0, 0, NULL), 0);
	GET(msix + 2, 2, control);
	/* MSI: no more messages than were enabled. */
	EXPECT("5.6", irqs(device, TRIGGER_FDS, VFIO_PCI_MSI_IRQ_INDEX, 0, 2, fds), 0);
	control = get(msi + 2, 2) & ~0x71;
	PUT(msi + 2, 2, control | 0x21);
	GET(msi + 2, 2, control | 0x11);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, VFIO_PCI_MSI_IRQ_INDEX, 0, 0, NULL), 0);
	/* Pointers of the list and ids are read-only, in both spaces. */
	__u32 list = get(pm, 2), extended = get(0x100, 4);
	PUT(pm, 2, 0xffff);
	GET(pm, 2, list);
	PUT(0x100, 4, 0);
	GET(0x100, 4, extended);
	TRUE("7", find_extended(1) == 0x100);
	/* The BARs: 64-bit takes two, ports say so, absent ones read zero. */
	PUT(0x18, 4, 0xffffffff);
	PUT(0x1c, 4, 0xffffffff);
	GET(0x18, 4, 0xffffc00c);
	GET(0x1c, 4, 0xffffffff);
	PUT(0x14, 4, 0xffffffff);
	GET(0x14, 4, 0xffffffc1);
	PUT(0x20, 4, 0xffffffff);
	GET(0x20, 4, 0);
	close(fds[0]);
	close(fds[1]);
}

static void resets(void)
{
	int pcie = find(0x10);
	TRUE("7", find_extended(0x10) != 0);
	/* PASID is hidden, as are others; SR-IOV is shown and cannot be written. */
	EXPECT("7", find_extended(0x1b), 0);
	int sriov = find_extended(0x10);
	__u32 value = get(sriov + 0x10, 4);
	PUT(sriov + 0x10, 4, ~value);
	GET(sriov + 0x10, 4, value);
	/* FLR by its bit, which reads zero: registers are reset, the virtual image stays. */
	PUT(4, 2, 0x406);
	PUT(0x3c, 1, 0x42);
	PUT(0x10, 4, 0xdeadbeef);
	__u32 bar = get(0x10, 4), control = get(pcie + 8, 2);
	EXPECT("7", bar & 0xffffc000, 0xdeadbeef & 0xffffc000);
	__u64 marker = 0x1122334455667788;
	EXPECT("5.4", pwrite(device, &marker, 8, 0x98), 8);
	PUT(pcie + 8, 2, control | 0x8000);
	GET(pcie + 8, 2, control);
	EXPECT("5.4", pread(device, &marker, 8, 0x98), 8);
	EXPECT("7", marker, 0);
	GET(4, 2, 0x406);
	GET(0x3c, 1, 0x42);
	GET(0x10, 4, bar);
	/* The larger of read request size and payload reaches the device; what is read back is what was written. */
	PUT(pcie + 8, 2, (control & ~0x7000) | 0x5000);
	GET(pcie + 8, 2, (control & ~0x7000) | 0x5000);
	/* VFIO_DEVICE_RESET leaves the image alone, too. */
	EXPECT("5.7", ioctl(device, VFIO_DEVICE_RESET), 0);
	GET(0x3c, 1, 0x42);
	GET(0x10, 4, bar);
	GET(4, 2, 0x406);
}

int main(void)
{
	device = device_open(EDU, &container, &group);
	header();
	messages();
	end();
	device = device_open(EXPRESS, &container, &group);
	express();
	end();
	device = device_open(IOAT, &container, &group);
	resets();
	end();
	return failures != 0;
}
