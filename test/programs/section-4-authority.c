/* Section 4: wbinvd, KVM, and what each policy makes of a device that goes away. argv[1] is the policy. */
#include "check.h"

static int enable_cap(int vm, __u32 capability, __u32 flags)
{
	struct kvm_enable_cap arg = { .cap = capability, .flags = flags };
	return ioctl(vm, KVM_ENABLE_CAP, &arg);
}
static int has_attr(int device, __u32 group, __u64 attr)
{
	struct kvm_device_attr arg = { .group = group, .attr = attr };
	return ioctl(device, KVM_HAS_DEVICE_ATTR, &arg);
}

static void kvm_interface(int fd)
{
	int kvm = MUST(open("/dev/kvm", O_RDWR)), null = MUST(open("/dev/null", O_RDWR));
	EXPECT("4", ioctl(kvm, KVM_GET_API_VERSION, 0), 12);
	EXPECT("4", ioctl(kvm, KVM_GET_API_VERSION, 1), -EINVAL);
	EXPECT("4", ioctl(kvm, KVM_CREATE_VM, 77), -EINVAL);
	EXPECT("4", ioctl(kvm, KVM_GUEST_OP, 0), -ENOTTY);
	int vm = MUST(ioctl(kvm, KVM_CREATE_VM, 0));
	TRUE("4", fcntl(vm, F_GETFD) & FD_CLOEXEC);
	EXPECT("4", ioctl(vm, KVM_CREATE_VM, 0), -ENOTTY);
	struct kvm_create_device create = { .type = 99 };
	EXPECT("4", ioctl(vm, KVM_CREATE_DEVICE, &create), -ENODEV);
	create = (struct kvm_create_device){ .type = KVM_DEV_TYPE_VFIO, .flags = KVM_CREATE_DEVICE_TEST };
	EXPECT("4", ioctl(vm, KVM_CREATE_DEVICE, &create), 0);
	create.flags = 0;
	EXPECT("4", ioctl(vm, KVM_CREATE_DEVICE, NULL), -EFAULT);
	EXPECT("4", ioctl(vm, KVM_CREATE_DEVICE, &create), 0);
	int device = create.fd;
	EXPECT("4", ioctl(vm, KVM_CREATE_DEVICE, &create), -EBUSY);
	EXPECT("4", has_attr(device, KVM_DEV_IOASID, KVM_DEV_IOASID_ADD), 0);
	EXPECT("4", has_attr(device, KVM_DEV_IOASID, KVM_DEV_IOASID_DEL), 0);
	EXPECT("4", has_attr(device, KVM_DEV_IOASID, 3), -ENXIO);
	EXPECT("4", has_attr(device, 77, KVM_DEV_IOASID_ADD), -ENXIO);
	EXPECT("4", proof(device, 3, fd), -ENXIO);
	EXPECT("4", proof(device, KVM_DEV_IOASID_ADD, -1), -EBADF);
	EXPECT("4", proof(device, KVM_DEV_IOASID_ADD, 999), -EBADF);
	EXPECT("4", proof(device, KVM_DEV_IOASID_ADD, null), -EINVAL);
	EXPECT("4", proof(device, KVM_DEV_IOASID_ADD, vm), -EINVAL);
	EXPECT("4", proof(device, KVM_DEV_IOASID_DEL, fd), -ENOENT);
	struct kvm_device_attr bad = { .group = KVM_DEV_IOASID, .attr = KVM_DEV_IOASID_ADD, .addr = 0x10 };
	EXPECT("4", ioctl(device, KVM_SET_DEVICE_ATTR, &bad), -EFAULT);
	EXPECT("4", ioctl(device, KVM_SET_DEVICE_ATTR, NULL), -EFAULT);
	EXPECT("4", proof(device, KVM_DEV_IOASID_ADD, fd), 0);
	EXPECT("4", proof(device, KVM_DEV_IOASID_ADD, fd), -EEXIST);
	EXPECT("4", proof(device, KVM_DEV_IOASID_DEL, fd), 0);
	EXPECT("4", enable_cap(vm, 99999, 0), -EINVAL);
	EXPECT("4", enable_cap(vm, KVM_CAP_DISABLE_WBINVD, 1), -EINVAL);
	struct kvm_guest_op op = { .argsz = sizeof(op), .op = 77 };
	EXPECT("4", ioctl(vm, KVM_GUEST_OP, &op), -EINVAL);
	op = (struct kvm_guest_op){ .argsz = sizeof(op), .flags = 1 };
	EXPECT("4", ioctl(vm, KVM_GUEST_OP, &op), -EINVAL);
	op = (struct kvm_guest_op){ .argsz = 8 };
	EXPECT("4", ioctl(vm, KVM_GUEST_OP, &op), -EINVAL);
	EXPECT("4", ioctl(vm, KVM_ENABLE_WBINVD, -1), -EBADF);
	EXPECT("4", ioctl(vm, KVM_ENABLE_WBINVD, null), -EINVAL);
	EXPECT("4", ioctl(vm, KVM_ENABLE_WBINVD, fd), -ENXIO);
	/* As in Linux, a VM belongs to the process that made it. */
	pid_t pid = MUST(fork());
	if (pid == 0)
		_exit(R(guest_wbinvd(vm)) == -EIO ? 0 : 1);
	EXPECT("4", reap(pid), 0);
}

/* The matrix of section 4: which attachments are non-coherent. */
static void coherency(void)
{
	static const struct { int device; __u32 alloc, attach; int right; const char *box; } cases[] = {
		{ 0, 0, 0, 1, "3: vtd1 cannot enforce" },
		{ 0, IOASID_ALLOC_NO_ENFORCE_SNOOP, 0, 1, "3" },
		{ 0, 0, VFIO_ATTACH_IOASID_NO_SNOOP_UNUSED, 0, "4: promised unused" },
		{ 1, 0, 0, 0, "1: AUTO enforces" },
		{ 1, IOASID_ALLOC_ENFORCE_SNOOP, 0, 0, "1" },
		{ 1, IOASID_ALLOC_NO_ENFORCE_SNOOP, 0, 1, "3: not enforced" },
		{ 2, 0, 0, 0, "2" },
		{ 2, IOASID_ALLOC_NO_ENFORCE_SNOOP, 0, 0, "4" },
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = ioasid_open(), device = vfio_open(cases[i].device);
		struct ioasid_info info;
		MUST(bind_device(device, fd, 1));
		int id = MUST(alloc_flags(fd, cases[i].alloc));
		EXPECT(cases[i].box, ioctl(fd, IOASID_EXECUTE_WBINVD), -ENXIO);
		MUST(attach_flags(device, id, cases[i].attach, 0));
		EXPECT(cases[i].box, ioctl(fd, IOASID_EXECUTE_WBINVD), cases[i].right ? 0 : -ENXIO);
		MUST(get_info(fd, id, &info));
		EXPECT(cases[i].box, !!(info.flags & IOASID_INFO_NONCOHERENT), cases[i].right);
		close(fd);
		close(device);
	}
}

int main(int argc, char **argv)
{
	const char *policy = argc > 1 ? argv[1] : "mediated";
	int one_time = !strcmp(policy, "one-time"), sticky = !strcmp(policy, "sticky");
	int fd = ioasid_open(), device = vfio_open(0), kvm_vfio, early_vfio;

	kvm_interface(fd);
	if (!sticky)
		coherency();
	/* A VM that is shown the proof before there is a need. */
	int early = vm_create(&early_vfio);
	EXPECT("4", proof(early_vfio, KVM_DEV_IOASID_ADD, fd), 0);
	EXPECT("4", guest_wbinvd(early), KVM_GUEST_OP_NOOP);

	MUST(bind_device(device, fd, 1));
	int id = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	EXPECT("4", ioctl(fd, IOASID_EXECUTE_WBINVD), -ENXIO);
	MUST(attach(device, id));
	EXPECT("4", ioctl(fd, IOASID_EXECUTE_WBINVD), 0);
	int vm = vm_create(&kvm_vfio);
	EXPECT("4", guest_wbinvd(vm), KVM_GUEST_OP_NOOP);
	EXPECT("4", proof(kvm_vfio, KVM_DEV_IOASID_ADD, fd), 0);
	EXPECT("4", guest_wbinvd(vm), KVM_GUEST_OP_EMULATED);
	EXPECT("4", guest_wbinvd(early), one_time || sticky ? KVM_GUEST_OP_NOOP : KVM_GUEST_OP_EMULATED);
	/* KVM_ENABLE_WBINVD shows the same proof in one call. */
	int third_vfio, third = vm_create(&third_vfio);
	EXPECT("4", ioctl(third, KVM_ENABLE_WBINVD, fd), 0);
	EXPECT("4", guest_wbinvd(third), KVM_GUEST_OP_EMULATED);
	EXPECT("4", ioctl(third, KVM_ENABLE_WBINVD, fd), 0);
	EXPECT("4", proof(third_vfio, KVM_DEV_IOASID_ADD, fd), -EEXIST);
	/* Forced off comes before the right, needs no proof and always works. */
	EXPECT("4", enable_cap(third, KVM_CAP_DISABLE_WBINVD, 0), 0);
	EXPECT("4", guest_wbinvd(third), KVM_GUEST_OP_NOOP);
	EXPECT("4", enable_cap(third, KVM_CAP_DISABLE_WBINVD, 0), 0);

	/* Another process that holds the descriptor can do the same with it, by its own VM too. */
	int sockets[2];
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	pid_t pid = MUST(fork());
	if (pid == 0) {
		close(fd);
		int mine = receive_fd(sockets[1]), its_vfio, its_vm = vm_create(&its_vfio);
		if (geteuid() == 0 && (setgroups(0, NULL) || setgid(65534) || setuid(65534)))
			_exit(1);
		if (ioctl(mine, IOASID_EXECUTE_WBINVD) || proof(its_vfio, KVM_DEV_IOASID_ADD, mine))
			_exit(2);
		_exit(guest_wbinvd(its_vm) == KVM_GUEST_OP_EMULATED ? 0 : 3);
	}
	send_fd(sockets[0], fd);
	EXPECT("1", reap(pid), 0);

	/* The device goes. */
	EXPECT("3.2", detach(device, id), 0);
	EXPECT("3.1", ioctl(device, VFIO_UNBIND_IOASID_FD), 0);
	EXPECT("4", ioctl(fd, IOASID_EXECUTE_WBINVD), sticky ? 0 : -ENXIO);
	EXPECT("4", guest_wbinvd(vm), one_time || sticky ? KVM_GUEST_OP_EMULATED : KVM_GUEST_OP_NOOP);
	/* The VM holds a reference on its proof: closing our descriptor does not end it. */
	MUST(bind_device(device, fd, 1));
	MUST(attach(device, id));
	close(fd);
	EXPECT("4", guest_wbinvd(vm), KVM_GUEST_OP_EMULATED);
	fd = ioasid_open();
	EXPECT("3.1", bind_device(device, fd, 1), -EBUSY);
	close(vm);
	close(kvm_vfio);
	EXPECT("3.1", bind_device(device, fd, 1), -EBUSY);
	close(third);
	close(third_vfio);
	close(early);
	close(early_vfio);
	EXPECT("3.1", bind_device(device, fd, 1), 0);
	EXPECT("4", ioctl(fd, IOASID_EXECUTE_WBINVD), -ENXIO);
	return failures != 0;
}
