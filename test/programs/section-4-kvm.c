/* Section 4: KVM_CHECK_EXTENSION, memory slots, KVM_DEV_VFIO_FILE, guest loads and stores. */
#include "check.h"

static int slot(int vm, __u32 number, __u32 flags, __u64 gpa, __u64 size, const void *host)
{
	struct kvm_userspace_memory_region arg = { .slot = number, .flags = flags, .guest_phys_addr = gpa, .memory_size = size,
						   .userspace_addr = (__u64)host };
	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &arg);
}
static int file(int kvm_vfio, __u64 attr, int fd)
{
	struct kvm_device_attr arg = { .group = 1 /* KVM_DEV_VFIO_FILE */, .attr = attr, .addr = (__u64)&fd };
	return ioctl(kvm_vfio, KVM_SET_DEVICE_ATTR, &arg);
}
static int guest(int vm, __u32 op, __u64 gpa, __u64 *value)
{
	struct kvm_guest_op arg = { .argsz = sizeof(arg), .op = op, .arg0 = gpa, .arg1 = *value };
	int result = ioctl(vm, KVM_GUEST_OP, &arg);
	*value = arg.arg1;
	return result;
}

int main(void)
{
	int kvm_vfio, vm = vm_create(&kvm_vfio), kvm = MUST(open("/dev/kvm", O_RDWR));
	EXPECT("4", ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY), 1);
	EXPECT("4", ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_DEVICE_CTRL), 1);
	EXPECT("4", ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_DISABLE_WBINVD), 1);
	EXPECT("4", ioctl(kvm, KVM_CHECK_EXTENSION, 123456), 0);
	TRUE("4", ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS) >= 32);

	char *memory = pages(8);
	EXPECT("4", slot(vm, 0, 0, 1, PAGE, memory), -EINVAL);
	EXPECT("4", slot(vm, 0, 0, 0, 100, memory), -EINVAL);
	EXPECT("4", slot(vm, 0, 0, 0, PAGE, memory + 1), -EINVAL);
	EXPECT("4", slot(vm, 0, 1u << 30, 0, PAGE, memory), -EINVAL);
	EXPECT("4", slot(vm, 1u << 20, 0, 0, PAGE, memory), -EINVAL);
	EXPECT("4", slot(vm, 0, 0, 0, 0, memory), -EINVAL);
	EXPECT("4", slot(vm, 0, 0, -PAGE, 2 * PAGE, memory), -EINVAL);
	EXPECT("4", ioctl(vm, KVM_SET_USER_MEMORY_REGION, NULL), -EFAULT);
	EXPECT("4", slot(vm, 0, 0, 0x10000, 4 * PAGE, memory), 0);
	EXPECT("4", slot(vm, 1, 0, 0x12000, PAGE, memory), -EEXIST);
	EXPECT("4", slot(vm, 0, 0, 0x10000, 2 * PAGE, memory), -EINVAL);
	EXPECT("4", slot(vm, 1, KVM_MEM_READONLY, 0x20000, PAGE, memory + 4 * PAGE), 0);

	__u64 value = 0x1122334455667788;
	EXPECT("4", guest(vm, KVM_GUEST_OP_STORE, 0x10100, &value), 0);
	EXPECT("4", *(__u64 *)(memory + 0x100), 0x1122334455667788);
	value = 0;
	EXPECT("4", guest(vm, KVM_GUEST_OP_LOAD, 0x10100, &value), 0);
	EXPECT("4", value, 0x1122334455667788);
	EXPECT("4", guest(vm, KVM_GUEST_OP_LOAD, 0x20000, &value), 0);
	EXPECT("4", guest(vm, KVM_GUEST_OP_STORE, 0x20000, &value), -EFAULT);
	EXPECT("4", guest(vm, KVM_GUEST_OP_LOAD, 0x14000 - 4, &value), -EFAULT);
	EXPECT("4", guest(vm, KVM_GUEST_OP_LOAD, -4ULL, &value), -EFAULT);
	EXPECT("4", slot(vm, 0, 0, 0x30000, 4 * PAGE, memory), 0);
	EXPECT("4", guest(vm, KVM_GUEST_OP_LOAD, 0x10100, &value), -EFAULT);
	EXPECT("4", guest(vm, KVM_GUEST_OP_LOAD, 0x30100, &value), 0);
	EXPECT("4", slot(vm, 0, 0, 0, 0, NULL), 0);
	EXPECT("4", guest(vm, KVM_GUEST_OP_LOAD, 0x30100, &value), -EFAULT);

	/* VFIO devices as KVM knows them; they are no proof of anything under this policy. */
	int device = vfio_open(0), null = MUST(open("/dev/null", O_RDWR)), ioasid = ioasid_open();
	EXPECT("4", file(kvm_vfio, 1, -1), -EBADF);
	EXPECT("4", file(kvm_vfio, 1, null), -EINVAL);
	EXPECT("4", file(kvm_vfio, 1, ioasid), -EINVAL);
	EXPECT("4", file(kvm_vfio, 2, device), -ENOENT);
	EXPECT("4", file(kvm_vfio, 1, device), 0);
	EXPECT("4", file(kvm_vfio, 1, device), -EEXIST);
	EXPECT("4", file(kvm_vfio, 3, device), -ENXIO);
	EXPECT("4", guest_wbinvd(vm), KVM_GUEST_OP_NOOP);
	EXPECT("4", file(kvm_vfio, 2, device), 0);
	return failures != 0;
}
