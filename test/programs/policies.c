/* Each authority policy, as real programs see it: a VM, a second process that was handed the descriptor, hot-unplug. */
#include "check.h"

#define EMULATED KVM_GUEST_OP_EMULATED
#define NOOP KVM_GUEST_OP_NOOP

static int fd, device, id, vm, kvm_vfio, events;

static int wbinvd(void) { return ioctl(fd, IOASID_EXECUTE_WBINVD); }

/* `ioasid ctl` from inside the run: our parent is the `ioasid exec`. */
static void ctl(const char *command)
{
	char line[512];
	snprintf(line, sizeof(line), "%s ctl %s --run %d", getenv("IOASID"), command, getppid());
	EXPECT("ctl", system(line), 0);
}

/* What another process, handed the descriptor, can do with it: bit 0 the ioctl, bit 1 its own VM's guest. */
static int in_other_process(void)
{
	int sockets[2];
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	pid_t pid = MUST(fork());
	if (pid == 0) {
		int mine = receive_fd(sockets[1]), its_vfio, its_vm = vm_create(&its_vfio), answer = 0;
		if (ioctl(mine, IOASID_EXECUTE_WBINVD) == 0)
			answer |= 1;
		if (proof(its_vfio, KVM_DEV_IOASID_ADD, mine) == 0 && guest_wbinvd(its_vm) == EMULATED)
			answer |= 2;
		_exit(answer);
	}
	send_fd(sockets[0], fd);
	int answer = reap(pid);
	close(sockets[0]);
	close(sockets[1]);
	return answer;
}

static int saw_event(__u32 type)
{
	struct ioasid_event e;
	int seen = 0;
	while (read(events, &e, sizeof(e)) == sizeof(e))
		seen |= e.type == type;
	return seen;
}

static void set_up(int number)
{
	fd = ioasid_open();
	device = vfio_open(number);
	events = MUST(ioctl(fd, IOASID_EVENT_FD, O_NONBLOCK));
	vm = vm_create(&kvm_vfio);
	MUST(bind_device(device, fd, 1));
	id = MUST(ioctl(fd, IOASID_ALLOC, NULL));
}
static void tear_down(void)
{
	close(events);
	close(kvm_vfio);
	close(vm);
	close(device);
	close(fd);
}

static void mediated(void)
{
	set_up(0);
	MUST(proof(kvm_vfio, KVM_DEV_IOASID_ADD, fd));
	MUST(attach(device, id));
	TRUE("mediated", saw_event(IOASID_EVENT_WBINVD_GRANTED));
	EXPECT("mediated", guest_wbinvd(vm), EMULATED);
	EXPECT("mediated", in_other_process(), 3);
	MUST(detach(device, id));
	TRUE("mediated", saw_event(IOASID_EVENT_WBINVD_REVOKED));
	EXPECT("mediated", guest_wbinvd(vm), NOOP);
	EXPECT("mediated", in_other_process(), 0);
	MUST(attach(device, id));
	EXPECT("mediated", guest_wbinvd(vm), EMULATED);
	ctl("unplug vfio0");
	EXPECT("mediated", guest_wbinvd(vm), NOOP);
}
static void one_time(void)
{
	set_up(0);
	MUST(attach(device, id));
	MUST(proof(kvm_vfio, KVM_DEV_IOASID_ADD, fd));
	EXPECT("one-time", in_other_process(), 3);
	ctl("unplug vfio0");
	EXPECT("one-time", wbinvd(), -ENXIO);
	EXPECT("one-time", guest_wbinvd(vm), EMULATED);
	EXPECT("one-time", in_other_process(), 0);
	EXPECT("one-time", proof(kvm_vfio, KVM_DEV_IOASID_DEL, fd), 0);
	EXPECT("one-time", guest_wbinvd(vm), EMULATED);
}
static void reference(void)
{
	int second_vfio, second;
	set_up(0);
	second = vm_create(&second_vfio);
	MUST(attach(device, id));
	EXPECT("reference", proof(kvm_vfio, KVM_DEV_IOASID_ADD, fd), 0);
	EXPECT("reference", guest_wbinvd(vm), EMULATED);
	EXPECT("reference", proof(second_vfio, KVM_DEV_IOASID_ADD, fd), -EBUSY);
	EXPECT("reference", ioctl(second, KVM_ENABLE_WBINVD, fd), -EBUSY);
	EXPECT("reference", in_other_process(), 1);
	EXPECT("reference", detach(device, id), -EBUSY);
	EXPECT("reference", ioctl(device, VFIO_UNBIND_IOASID_FD), -EBUSY);
	EXPECT("reference", ioctl(fd, IOASID_FREE, id), -EBUSY);
	EXPECT("reference", guest_wbinvd(vm), EMULATED);
	EXPECT("reference", proof(kvm_vfio, KVM_DEV_IOASID_DEL, fd), 0);
	EXPECT("reference", guest_wbinvd(vm), NOOP);
	EXPECT("reference", proof(second_vfio, KVM_DEV_IOASID_ADD, fd), 0);
	EXPECT("reference", guest_wbinvd(second), EMULATED);
	ctl("unplug vfio0");
	EXPECT("reference", guest_wbinvd(second), NOOP);
	EXPECT("reference", wbinvd(), -ENXIO);
}
static void exclusive(void)
{
	int second_vfio, second;
	set_up(0);
	second = vm_create(&second_vfio);
	MUST(attach(device, id));
	EXPECT("exclusive", proof(kvm_vfio, KVM_DEV_IOASID_ADD, fd), 0);
	EXPECT("exclusive", guest_wbinvd(vm), EMULATED);
	/* The file serves one VM; who else holds it may still run the ioctl. */
	EXPECT("exclusive", proof(second_vfio, KVM_DEV_IOASID_ADD, fd), -EBUSY);
	EXPECT("exclusive", ioctl(second, KVM_ENABLE_WBINVD, fd), -EBUSY);
	EXPECT("exclusive", guest_wbinvd(second), NOOP);
	EXPECT("exclusive", in_other_process(), 1);
	/* Removal goes through, and the right follows both ways. */
	EXPECT("exclusive", detach(device, id), 0);
	TRUE("exclusive", saw_event(IOASID_EVENT_WBINVD_REVOKED));
	EXPECT("exclusive", guest_wbinvd(vm), NOOP);
	EXPECT("exclusive", wbinvd(), -ENXIO);
	MUST(attach(device, id));
	EXPECT("exclusive", guest_wbinvd(vm), EMULATED);
	/* Given back, it is free for the other VM. */
	EXPECT("exclusive", proof(kvm_vfio, KVM_DEV_IOASID_DEL, fd), 0);
	EXPECT("exclusive", guest_wbinvd(vm), NOOP);
	EXPECT("exclusive", proof(second_vfio, KVM_DEV_IOASID_ADD, fd), 0);
	EXPECT("exclusive", guest_wbinvd(second), EMULATED);
	ctl("unplug vfio0");
	EXPECT("exclusive", guest_wbinvd(second), NOOP);
}
static void notifier(void)
{
	set_up(0);
	EXPECT("notifier", proof(kvm_vfio, KVM_DEV_IOASID_ADD, fd), 0);
	MUST(attach(device, id));
	EXPECT("notifier", guest_wbinvd(vm), NOOP);
	EXPECT("notifier", ioctl(vm, KVM_ENABLE_WBINVD, fd), 0);
	EXPECT("notifier", guest_wbinvd(vm), EMULATED);
	EXPECT("notifier", in_other_process(), 3);
	MUST(detach(device, id));
	EXPECT("notifier", guest_wbinvd(vm), NOOP);
	MUST(attach(device, id));
	EXPECT("notifier", wbinvd(), 0);
	EXPECT("notifier", guest_wbinvd(vm), NOOP);
	EXPECT("notifier", proof(kvm_vfio, KVM_DEV_IOASID_DEL, fd), 0);
	EXPECT("notifier", proof(kvm_vfio, KVM_DEV_IOASID_ADD, fd), 0);
	EXPECT("notifier", guest_wbinvd(vm), EMULATED);
	ctl("unplug vfio0");
	EXPECT("notifier", guest_wbinvd(vm), NOOP);
}
static void timeout(void)
{
	set_up(0);
	MUST(attach(device, id));
	EXPECT("timeout", proof(kvm_vfio, KVM_DEV_IOASID_ADD, fd), 0);
	EXPECT("timeout", guest_wbinvd(vm), EMULATED);
	EXPECT("timeout", in_other_process(), 3);
	EXPECT("timeout", proof(kvm_vfio, KVM_DEV_IOASID_DEL, fd), 0);
	MUST(detach(device, id));
	EXPECT("timeout", wbinvd(), -ENXIO);
	EXPECT("timeout", guest_wbinvd(vm), EMULATED);
	sleep(2);
	EXPECT("timeout", guest_wbinvd(vm), NOOP);
	MUST(attach(device, id));
	EXPECT("timeout", guest_wbinvd(vm), NOOP);
	EXPECT("timeout", ioctl(vm, KVM_ENABLE_WBINVD, fd), 0);
	EXPECT("timeout", guest_wbinvd(vm), EMULATED);
	ctl("unplug vfio0");
	EXPECT("timeout", guest_wbinvd(vm), EMULATED);
}
static int vfio_file(int attr, int file)
{
	struct kvm_device_attr arg = { .group = 1 /* KVM_DEV_VFIO_FILE */, .attr = attr, .addr = (__u64)&file };
	return ioctl(kvm_vfio, KVM_SET_DEVICE_ATTR, &arg);
}
static void linux_policy(void)
{
	set_up(0);
	EXPECT("linux", proof(kvm_vfio, KVM_DEV_IOASID_ADD, fd), 0);
	/* What is attached does not count: a device behind a unit that cannot enforce snoop is bound. */
	EXPECT("linux", guest_wbinvd(vm), EMULATED);
	MUST(attach(device, id));
	EXPECT("linux", wbinvd(), -ENXIO);
	EXPECT("linux", ioctl(vm, KVM_ENABLE_WBINVD, fd), -ENXIO);
	EXPECT("linux", in_other_process(), 2);
	ctl("unplug vfio0");
	/* Nothing changes until the next ADD or DEL. */
	EXPECT("linux", guest_wbinvd(vm), EMULATED);
	int enforcing = vfio_open(2);
	EXPECT("linux", vfio_file(1, enforcing), 0);
	EXPECT("linux", guest_wbinvd(vm), NOOP);
	ctl("plug vfio0");
	int behind_vtd1 = vfio_open(0);
	EXPECT("linux", vfio_file(1, behind_vtd1), 0);
	EXPECT("linux", guest_wbinvd(vm), EMULATED);
	EXPECT("linux", vfio_file(2, behind_vtd1), 0);
	EXPECT("linux", guest_wbinvd(vm), NOOP);
}
static void xen(void)
{
	set_up(2);
	/* Any bound device will do, whatever its coherency. */
	EXPECT("xen", wbinvd(), 0);
	EXPECT("xen", proof(kvm_vfio, KVM_DEV_IOASID_ADD, fd), 0);
	EXPECT("xen", guest_wbinvd(vm), EMULATED);
	EXPECT("xen", in_other_process(), 3);
	MUST(ioctl(device, VFIO_UNBIND_IOASID_FD));
	EXPECT("xen", wbinvd(), -ENXIO);
	EXPECT("xen", guest_wbinvd(vm), NOOP);
	MUST(bind_device(device, fd, 1));
	EXPECT("xen", guest_wbinvd(vm), EMULATED);
	ctl("unplug vfio2");
	EXPECT("xen", guest_wbinvd(vm), NOOP);
}
static void sticky(void)
{
	set_up(0);
	MUST(attach(device, id));
	MUST(detach(device, id));
	EXPECT("sticky", wbinvd(), 0);
	EXPECT("sticky", in_other_process(), 3);
	MUST(proof(kvm_vfio, KVM_DEV_IOASID_ADD, fd));
	EXPECT("sticky", guest_wbinvd(vm), EMULATED);
	ctl("unplug vfio0");
	EXPECT("sticky", wbinvd(), 0);
	EXPECT("sticky", guest_wbinvd(vm), EMULATED);
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(void); } policies[] = {
		{ "mediated", mediated }, { "one-time", one_time }, { "reference", reference }, { "notifier", notifier },
		{ "timeout", timeout }, { "linux", linux_policy }, { "xen", xen }, { "sticky", sticky }, { "exclusive", exclusive },
	};
	for (unsigned i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		if (argc > 1 && !strncmp(argv[1], policies[i].name, strlen(policies[i].name))) {
			policies[i].run();
			tear_down();
			return failures != 0;
		}
	}
	return 9;
}
