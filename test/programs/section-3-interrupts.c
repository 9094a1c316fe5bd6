/* Section 3: VFIO_DEVICE_GET_IRQ_INFO and SET_IRQS with eventfds, as vfio-pci has them. */
#include "check.h"
#include <sys/eventfd.h>

static int set_irqs(int device, __u32 flags, __u32 index, __u32 start, __u32 count, const void *data, unsigned size)
{
	char buffer[64];
	struct vfio_irq_set *set = (void *)buffer;
	*set = (struct vfio_irq_set){ .argsz = sizeof(*set) + size, .flags = flags, .index = index, .start = start, .count = count };
	memcpy(set->data, data, size);
	return ioctl(device, VFIO_DEVICE_SET_IRQS, set);
}
static int irq_info(int device, __u32 index, struct vfio_irq_info *info)
{
	*info = (struct vfio_irq_info){ .argsz = sizeof(*info), .index = index };
	return ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, info);
}
static long count(int fd)
{
	__u64 value = 0;
	return read(fd, &value, 8) == 8 ? (long)value : 0;
}

int main(void)
{
	enum { NONE = VFIO_IRQ_SET_DATA_NONE, BOOL = VFIO_IRQ_SET_DATA_BOOL, EVENTFD = VFIO_IRQ_SET_DATA_EVENTFD, TRIGGER = VFIO_IRQ_SET_ACTION_TRIGGER };
	int fd = ioasid_open(), device = vfio_open(2), null = MUST(open("/dev/null", O_RDWR));
	struct vfio_irq_info info;
	MUST(bind_device(device, fd, 1));
	EXPECT("3", irq_info(device, VFIO_PCI_MSIX_IRQ_INDEX, &info), 0);
	TRUE("6", info.count == 2 && (info.flags & VFIO_IRQ_INFO_EVENTFD));
	EXPECT("3", irq_info(device, VFIO_PCI_INTX_IRQ_INDEX, &info), 0);
	EXPECT("3", info.count, 0);
	EXPECT("3", irq_info(device, VFIO_PCI_MSI_IRQ_INDEX, &info), 0);
	EXPECT("3", info.count, 0);
	EXPECT("3", irq_info(device, 99, &info), -EINVAL);
	info.argsz = 8;
	EXPECT("3", ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &info), -EINVAL);

	int fds[2] = { MUST(eventfd(0, EFD_NONBLOCK)), MUST(eventfd(0, EFD_NONBLOCK)) };
	int bad[2] = { fds[0], null }, closed[2] = { fds[0], 999 };
	EXPECT("3", set_irqs(device, EVENTFD | TRIGGER, VFIO_PCI_MSIX_IRQ_INDEX, 0, 3, fds, 8), -EINVAL);
	EXPECT("3", set_irqs(device, EVENTFD | TRIGGER, VFIO_PCI_MSIX_IRQ_INDEX, 0, 2, fds, 4), -EINVAL);
	EXPECT("3", set_irqs(device, EVENTFD | TRIGGER, 99, 0, 2, fds, 8), -EINVAL);
	EXPECT("3", set_irqs(device, EVENTFD | NONE | TRIGGER, VFIO_PCI_MSIX_IRQ_INDEX, 0, 2, fds, 8), -EINVAL);
	EXPECT("3", set_irqs(device, EVENTFD, VFIO_PCI_MSIX_IRQ_INDEX, 0, 2, fds, 8), -ENOTTY);
	EXPECT("3", set_irqs(device, EVENTFD | TRIGGER | 1 << 20, VFIO_PCI_MSIX_IRQ_INDEX, 0, 2, fds, 8), -EINVAL);
	EXPECT("3", set_irqs(device, EVENTFD | TRIGGER, VFIO_PCI_INTX_IRQ_INDEX, 0, 1, fds, 4), -EINVAL);
	EXPECT("3", set_irqs(device, EVENTFD | TRIGGER, VFIO_PCI_MSIX_IRQ_INDEX, -1u, 2, fds, 8), -EINVAL);
	EXPECT("3", set_irqs(device, EVENTFD | TRIGGER, VFIO_PCI_MSIX_IRQ_INDEX, 0, 2, bad, 8), -EINVAL);
	EXPECT("3", set_irqs(device, EVENTFD | TRIGGER, VFIO_PCI_MSIX_IRQ_INDEX, 0, 2, closed, 8), -EBADF);
	EXPECT("3", set_irqs(device, NONE | TRIGGER, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1, NULL, 0), -EINVAL);
	EXPECT("3", set_irqs(device, NONE | VFIO_IRQ_SET_ACTION_MASK, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1, NULL, 0), -ENOTTY);
	EXPECT("3", ioctl(device, VFIO_DEVICE_SET_IRQS, NULL), -EFAULT);
	EXPECT("3", set_irqs(device, EVENTFD | TRIGGER, VFIO_PCI_MSIX_IRQ_INDEX, 0, 2, fds, 8), 0);

	/* Done is vector 0, error is vector 1; only when asked for. */
	char *memory = pages(1);
	int id = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	MUST(attach(device, id));
	MUST(map(fd, id, memory, 0x1000, PAGE));
	EXPECT("6", dma(device, FILL, 0, 0x1000, 8), 0);
	EXPECT("6", count(fds[0]), 0);
	reg_write(device, IOASID_DMAE_REG_FLAGS, 4 | 8, 4);
	EXPECT("6", dma(device, FILL, 0, 0x1000, 8), 0);
	TRUE("6", count(fds[0]) == 1 && count(fds[1]) == 0);
	EXPECT("6", dma(device, FILL, 0, 0x9000, 8), 1);
	TRUE("6", count(fds[0]) == 0 && count(fds[1]) == 1);
	/* Triggers by hand, for tests of drivers. */
	unsigned char which[2] = { 0, 1 };
	EXPECT("3", set_irqs(device, NONE | TRIGGER, VFIO_PCI_MSIX_IRQ_INDEX, 0, 2, NULL, 0), 0);
	TRUE("3", count(fds[0]) == 1 && count(fds[1]) == 1);
	EXPECT("3", set_irqs(device, BOOL | TRIGGER, VFIO_PCI_MSIX_IRQ_INDEX, 0, 2, which, 2), 0);
	TRUE("3", count(fds[0]) == 0 && count(fds[1]) == 1);
	/* -1 takes one away; count 0 takes all. */
	int none = -1;
	EXPECT("3", set_irqs(device, EVENTFD | TRIGGER, VFIO_PCI_MSIX_IRQ_INDEX, 1, 1, &none, 4), 0);
	EXPECT("6", dma(device, FILL, 0, 0x9000, 8), 1);
	EXPECT("6", count(fds[1]), 0);
	EXPECT("3", set_irqs(device, NONE | TRIGGER, VFIO_PCI_MSIX_IRQ_INDEX, 0, 0, NULL, 0), 0);
	EXPECT("6", dma(device, FILL, 0, 0x1000, 8), 0);
	EXPECT("6", count(fds[0]), 0);
	/* The program may close its own copy: the device keeps signalling the same counter. */
	int copy = MUST(dup(fds[0]));
	EXPECT("3", set_irqs(device, EVENTFD | TRIGGER, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1, &copy, 4), 0);
	close(copy);
	EXPECT("6", dma(device, FILL, 0, 0x1000, 8), 0);
	EXPECT("6", count(fds[0]), 1);
	return failures != 0;
}
