/* Section 3.1 to 3.3: devices that are unplugged under their user's hands, by `ioasid ctl` from outside. */
#include "check.h"
#include <sys/eventfd.h>

static void wait_for(const char *what)
{
	char line[64];
	printf("%s\n", what);
	if (!fgets(line, sizeof(line), stdin))
		exit(9);
}

int main(void)
{
	int fd = ioasid_open(), device = vfio_open(0), kvm_vfio, vm = vm_create(&kvm_vfio);
	char *memory = pages(1);
	__u32 word;
	struct ioasid_event e;
	setlinebuf(stdout);
	MUST(bind_device(device, fd, 0x77));
	int id = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	MUST(attach(device, id));
	MUST(map(fd, id, memory, 0x1000, PAGE));
	MUST(proof(kvm_vfio, KVM_DEV_IOASID_ADD, fd));
	EXPECT("4", guest_wbinvd(vm), KVM_GUEST_OP_EMULATED);
	int events = MUST(ioctl(fd, IOASID_EVENT_FD, O_NONBLOCK));
	int request = MUST(eventfd(0, EFD_NONBLOCK));
	struct { struct vfio_irq_set set; int fd; } irqs = { { sizeof(irqs), VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_PCI_REQ_IRQ_INDEX, 0, 1 }, request };
	MUST(ioctl(device, VFIO_DEVICE_SET_IRQS, &irqs));

	wait_for("unplug vfio0");
	/* The descriptor stays valid, calls on the device answer ENODEV. */
	EXPECT("3", ioctl(device, VFIO_DEVICE_RESET), -ENODEV);
	EXPECT("3", ioctl(device, VFIO_UNBIND_IOASID_FD), -ENODEV);
	EXPECT("3", bind_device(device, fd, 1), -ENODEV);
	EXPECT("3", pread(device, &word, 4, 0), -ENODEV);
	EXPECT("3", open("/dev/vfio/devices/vfio0", O_RDWR), -ENOENT);
	EXPECT("3", (long)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, device, 2ULL << 40), -ENODEV);
	/* The address space has no device any more, and the rights follow. */
	EXPECT("2.1", unmap(fd, id, 0x1000, PAGE), -ENODEV);
	EXPECT("4", ioctl(fd, IOASID_EXECUTE_WBINVD), -ENXIO);
	EXPECT("4", guest_wbinvd(vm), KVM_GUEST_OP_NOOP);
	__u64 asked = 0;
	EXPECT("3", read(request, &asked, 8), 8);
	EXPECT("2", read(events, &e, sizeof(e)), sizeof(e));
	TRUE("2", e.type == IOASID_EVENT_DEVICE_REMOVED && e.cookie == 0x77);
	EXPECT("2", read(events, &e, sizeof(e)), sizeof(e));
	EXPECT("2", e.type, IOASID_EVENT_WBINVD_REVOKED);
	EXPECT("2", read(events, &e, sizeof(e)), -EAGAIN);

	wait_for("plug vfio0");
	EXPECT("3", ioctl(device, VFIO_DEVICE_RESET), -ENODEV);
	int again = vfio_open(0);
	EXPECT("3.1", bind_device(again, fd, 0x78), 0);
	EXPECT("3.2", attach(again, id), 0);
	EXPECT("2.1", dma(again, FILL, 0, 0x1000, 8), 0);
	EXPECT("4", guest_wbinvd(vm), KVM_GUEST_OP_EMULATED);

	/* One of a group goes: the other is the whole group then. */
	int a = vfio_open(3), b = vfio_open(4), pair = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	MUST(bind_device(a, fd, 3));
	MUST(bind_device(b, fd, 4));
	MUST(attach(a, pair));
	EXPECT("3.3", map(fd, pair, memory, 0x1000, PAGE), -EBUSY);
	wait_for("unplug vfio4");
	EXPECT("3.3", map(fd, pair, memory, 0x1000, PAGE), 0);
	EXPECT("6", dma(a, FILL, 0, 0x1000, 8), 0);

	wait_for("authority one-time");
	/* The policy that comes starts anew, and sees the proofs as shown now. */
	EXPECT("4", guest_wbinvd(vm), KVM_GUEST_OP_EMULATED);
	EXPECT("3.2", detach(again, id), 0);
	EXPECT("4", guest_wbinvd(vm), KVM_GUEST_OP_EMULATED);
	return failures != 0;
}
