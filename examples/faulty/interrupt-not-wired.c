/* The device is asked to interrupt, and nobody has said whom. */
#include "engine.h"

int main(void)
{
	struct {
		struct vfio_irq_set set;
		int fd;
	} irq = { .set = { .argsz = sizeof(irq), .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			   .index = VFIO_PCI_MSIX_IRQ_INDEX, .count = 1 },
		  .fd = eventfd(0, 0) };
	bind_engine();
	attach_engine();
	map(memory(PAGE), PAGE, READ | WRITE);
	IF_FIXED(check(ioctl(device, VFIO_DEVICE_SET_IRQS, &irq), "VFIO_DEVICE_SET_IRQS"));
	(void)irq;
	run(FILL, IOVA, 64, FLAG_INTERRUPT);
	finish(PAGE);
	return 0;
}
