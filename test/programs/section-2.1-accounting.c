/* Section 2.1, Accounting: RLIMIT_MEMLOCK of the process that issued the call, registered memory. */
#include "check.h"
#include <linux/capability.h>

/* The limit binds a process without CAP_IPC_LOCK. */
static void drop_ipc_lock(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	MUST(syscall(SYS_capget, &header, data));
	data[0].effective &= ~(1u << CAP_IPC_LOCK);
	data[0].permitted &= ~(1u << CAP_IPC_LOCK);
	MUST(syscall(SYS_capset, &header, data));
}

static int reg(int fd, unsigned long request, void *vaddr, __u64 size)
{
	struct ioasid_memory arg = { .argsz = sizeof(arg), .vaddr = (__u64)vaddr, .size = size };
	return ioctl(fd, request, &arg);
}

int main(void)
{
	int fd = ioasid_open(), device = vfio_open(2), second = vfio_open(1);
	int a = MUST(ioctl(fd, IOASID_ALLOC, NULL)), b = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	char *memory = pages(64);
	struct rlimit limit = { 16 * PAGE, 16 * PAGE };
	MUST(bind_device(device, fd, 1));
	MUST(bind_device(second, fd, 2));
	MUST(attach(device, a));
	MUST(attach(second, b));
	MUST(setrlimit(RLIMIT_MEMLOCK, &limit));
	if (geteuid() == 0) {
		EXPECT("2.1", map(fd, a, memory, 0x100000, 64 * PAGE), 0);
		EXPECT("2.1", unmap(fd, a, 0x100000, 64 * PAGE), 64 * PAGE);
	}
	drop_ipc_lock();

	EXPECT("2.1", map(fd, a, memory, 0x100000, 17 * PAGE), -ENOMEM);
	EXPECT("2.1", map(fd, a, memory, 0x100000, 16 * PAGE), 0);
	EXPECT("2.1", map(fd, a, memory + 16 * PAGE, 0x200000, PAGE), -ENOMEM);
	/* The same page mapped by two roots counts twice. */
	EXPECT("2.1", map(fd, b, memory, 0x100000, PAGE), -ENOMEM);
	EXPECT("2.1", unmap(fd, a, 0x100000, 16 * PAGE), 16 * PAGE);
	EXPECT("2.1", map(fd, a, memory, 0x100000, 8 * PAGE), 0);
	EXPECT("2.1", map(fd, b, memory, 0x100000, 8 * PAGE), 0);
	EXPECT("2.1", map(fd, b, memory, 0x200000, PAGE), -ENOMEM);

	/* Two processes that share one descriptor each pay for their own mappings. */
	pid_t pid = MUST(fork());
	if (pid == 0) {
		char *mine = pages(17);
		if (map(fd, a, mine, 0x400000, 16 * PAGE) != 0)
			_exit(1);
		if (R(map(fd, a, mine, 0x600000, PAGE)) != -ENOMEM)
			_exit(2);
		_exit(0);
	}
	EXPECT("2.1", reap(pid), 0);
	/* The child's mapping lives on in the shared context, but its memory is gone: nothing is reached through it. */
	EXPECT("2.1", dma(device, COPY, 0x400000, 0x100000, 8), 1);
	EXPECT("2.1", unmap(fd, a, 0x400000, 16 * PAGE), 16 * PAGE);
	EXPECT("2.1", map(fd, a, memory + 20 * PAGE, 0x400000, PAGE), -ENOMEM);

	/* FREE and the last close give back. */
	EXPECT("3.2", detach(second, b), 0);
	EXPECT("2.1", ioctl(fd, IOASID_FREE, b), 0);
	EXPECT("2.1", map(fd, a, memory + 20 * PAGE, 0x400000, 8 * PAGE), 0);
	close(fd);
	fd = ioasid_open();
	a = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	MUST(bind_device(device, fd, 1));
	MUST(attach(device, a));

	/* Registered memory counts once however often it is mapped; while there is some, only it can be mapped. */
	EXPECT("2", reg(fd, IOASID_REGISTER_MEMORY, memory + 1, PAGE), -EINVAL);
	EXPECT("2", reg(fd, IOASID_REGISTER_MEMORY, memory, 0), -EINVAL);
	EXPECT("2", reg(fd, IOASID_REGISTER_MEMORY, (void *)-PAGE, 2 * PAGE), -EOVERFLOW);
	EXPECT("2", reg(fd, IOASID_REGISTER_MEMORY, (void *)0x1000, PAGE), -EFAULT);
	EXPECT("2", reg(fd, IOASID_REGISTER_MEMORY, memory, 17 * PAGE), -ENOMEM);
	EXPECT("2", reg(fd, IOASID_REGISTER_MEMORY, memory, 16 * PAGE), 0);
	EXPECT("2", reg(fd, IOASID_REGISTER_MEMORY, memory + 8 * PAGE, PAGE), -EEXIST);
	EXPECT("2.1", map(fd, a, memory, 0x100000, 16 * PAGE), 0);
	EXPECT("2.1", map(fd, a, memory, 0x200000, 16 * PAGE), 0);
	EXPECT("2.1", map(fd, a, memory + 15 * PAGE, 0x300000, 2 * PAGE), -EPERM);
	EXPECT("2.1", map(fd, a, memory + 32 * PAGE, 0x300000, PAGE), -EPERM);
	EXPECT("2", reg(fd, IOASID_UNREGISTER_MEMORY, memory, 16 * PAGE), -EBUSY);
	EXPECT("2", reg(fd, IOASID_UNREGISTER_MEMORY, memory, 8 * PAGE), -ENOENT);
	EXPECT("2.1", unmap(fd, a, 0x100000, 16 * PAGE), 16 * PAGE);
	EXPECT("2.1", unmap(fd, a, 0x200000, 16 * PAGE), 16 * PAGE);
	EXPECT("2", reg(fd, IOASID_UNREGISTER_MEMORY, memory, 16 * PAGE), 0);
	EXPECT("2", reg(fd, IOASID_UNREGISTER_MEMORY, memory, 16 * PAGE), -ENOENT);
	EXPECT("2.1", map(fd, a, memory + 32 * PAGE, 0x300000, 16 * PAGE), 0);

	/* An ACCOUNTING_ROOT holds identity mappings, at once and without a device. */
	EXPECT("2.1", unmap(fd, a, 0x300000, 16 * PAGE), 16 * PAGE);
	int root = MUST(alloc_flags(fd, IOASID_ALLOC_ACCOUNTING_ROOT));
	EXPECT("2", map(fd, root, memory, (__u64)memory, 16 * PAGE), 0);
	EXPECT("2", map(fd, root, memory + 16 * PAGE, 0x1000, PAGE), -EINVAL);
	EXPECT("2.1", map(fd, a, memory, 0x100000, PAGE), -ENOMEM);
	EXPECT("2", attach(second, root), -EINVAL);
	EXPECT("2.1", ioctl(fd, IOASID_FREE, root), 0);
	EXPECT("2.1", map(fd, a, memory, 0x100000, PAGE), 0);

	return failures != 0;
}
