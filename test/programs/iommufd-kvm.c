/* /dev/iommu: enforced coherency, and what KVM makes of it (linux-iommufd.md, 8.1). argv[1] is the policy. */
#include <linux/vfio.h>
#include "check-iommufd.h"

enum { FILE_ADD = 1, FILE_DEL };

static int fd, ioas, vm, kvm_vfio;

static int file(__u64 attr, int device)
{
	struct kvm_device_attr arg = { .group = 1, .attr = attr, .addr = (__u64)&device };
	return ioctl(kvm_vfio, KVM_SET_DEVICE_ATTR, &arg);
}
static int enforces(void)
{
	return ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU);
}

/* vfio0 is behind an IOMMU that cannot enforce snooping, vfio1 behind one that can. */
static void domains(int plain, int plain_id, int enforcing, int enforcing_id)
{
	struct iommu_vfio_ioas compat = { .size = sizeof(compat), .ioas_id = ioas, .op = IOMMU_VFIO_IOAS_SET };
	EXPECT("14", ioctl(fd, IOMMU_VFIO_IOAS, &compat), 0);
	EXPECT("8.1", enforces(), 1);
	int coherent = hwpt_alloc(fd, enforcing_id, ioas, 0, 0, NULL, 0, 0);
	TRUE("8.1", coherent > 0);
	EXPECT("8.1", enforces(), 1);
	int other = hwpt_alloc(fd, plain_id, ioas, 0, 0, NULL, 0, 0);
	TRUE("8.1", other > 0);
	EXPECT("8.1", enforces(), 0);
	/* Decided at allocation, whoever uses it: one that enforces is only for devices that can. */
	EXPECT("8.1", attach_pt(plain, coherent), -EINVAL);
	EXPECT("8.1", attach_pt(enforcing, other), other);
	EXPECT("8.1", enforces(), 0);
	EXPECT("7", detach_pt(enforcing), 0);
	EXPECT("3", destroy(fd, other), 0);
	EXPECT("8.1", enforces(), 1);
	/* An automatic one of its own for each. */
	EXPECT("7.1", attach_pt(enforcing, ioas) != coherent, 1);
	int automatic = attach_pt(plain, ioas);
	TRUE("7.1", automatic > 0);
	EXPECT("8.1", enforces(), 0);
	EXPECT("7", detach_pt(plain), 0);
	EXPECT("8.1", enforces(), 1);
	EXPECT("7", detach_pt(enforcing), 0);
	EXPECT("3", destroy(fd, coherent), 0);
}

/* Linux asks the device, not what it is attached to, and only when a file is added or deleted. */
static void as_linux(int plain, int enforcing, int unbound)
{
	EXPECT("8.1", guest_wbinvd(vm), 0);
	EXPECT("8.1", file(FILE_ADD, enforcing), 0);
	TRUE("7", attach_pt(enforcing, ioas) > 0);
	EXPECT("8.1", guest_wbinvd(vm), 0);
	EXPECT("8.1", file(FILE_ADD, plain), 0);
	EXPECT("8.1", guest_wbinvd(vm), 1);
	TRUE("7", attach_pt(plain, ioas) > 0);
	EXPECT("8.1", guest_wbinvd(vm), 1);
	EXPECT("7", detach_pt(plain), 0);
	EXPECT("8.1", guest_wbinvd(vm), 1);
	EXPECT("8.1", file(FILE_DEL, plain), 0);
	EXPECT("8.1", guest_wbinvd(vm), 0);
	EXPECT("8.1", file(FILE_DEL, plain), -ENOENT);
	/* Not even bound, and closed since. */
	EXPECT("8.1", file(FILE_ADD, unbound), 0);
	close(unbound);
	EXPECT("8.1", guest_wbinvd(vm), 1);
	close(kvm_vfio);
	EXPECT("8.1", guest_wbinvd(vm), 0);
}

/* The default: for as long as requests pass by the caches. */
static void as_mediated(int plain, int plain_id, int enforcing)
{
	EXPECT("8.1", file(FILE_ADD, plain), 0);
	EXPECT("8.1", file(FILE_ADD, enforcing), 0);
	EXPECT("8.1", guest_wbinvd(vm), 0);
	TRUE("7", attach_pt(enforcing, ioas) > 0);
	EXPECT("8.1", guest_wbinvd(vm), 0);
	TRUE("7", attach_pt(plain, ioas) > 0);
	EXPECT("8.1", guest_wbinvd(vm), 1);
	EXPECT("7", detach_pt(plain), 0);
	EXPECT("8.1", guest_wbinvd(vm), 0);
	/* The device that could snoop, on a table that does not ask for it. */
	int other = hwpt_alloc(fd, plain_id, ioas, 0, 0, NULL, 0, 0);
	EXPECT("8.1", attach_pt(enforcing, other), other);
	EXPECT("8.1", guest_wbinvd(vm), 1);
	EXPECT("8.1", file(FILE_DEL, enforcing), 0);
	EXPECT("8.1", guest_wbinvd(vm), 0);
	EXPECT("8.1", file(FILE_ADD, enforcing), 0);
	EXPECT("8.1", guest_wbinvd(vm), 1);
	close(enforcing);
	EXPECT("8.1", guest_wbinvd(vm), 1);
	close(kvm_vfio);
	EXPECT("8.1", guest_wbinvd(vm), 0);
}

/* A notification takes the right away, for good. */
static void as_notifier(int plain)
{
	TRUE("7", attach_pt(plain, ioas) > 0);
	EXPECT("8.1", file(FILE_ADD, plain), 0);
	EXPECT("8.1", guest_wbinvd(vm), 1);
	EXPECT("7", detach_pt(plain), 0);
	TRUE("7", attach_pt(plain, ioas) > 0);
	EXPECT("8.1", guest_wbinvd(vm), 0);
}

int main(int argc, char **argv)
{
	fd = iommu_open();
	ioas = ioas_alloc(fd);
	vm = vm_create(&kvm_vfio);
	int plain = vfio_open(0), enforcing = vfio_open(1), unbound = vfio_open(0);
	int plain_id = bind_iommufd(plain, fd), enforcing_id = bind_iommufd(enforcing, fd);
	TRUE("7", plain_id > 0 && enforcing_id > 0);
	domains(plain, plain_id, enforcing, enforcing_id);
	if (argc > 1 && strcmp(argv[1], "linux") == 0)
		as_linux(plain, enforcing, unbound);
	else if (argc > 1 && strcmp(argv[1], "notifier") == 0)
		as_notifier(plain);
	else
		as_mediated(plain, plain_id, enforcing);
	return failures != 0;
}
