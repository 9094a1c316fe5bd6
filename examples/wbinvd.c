/*
 * The story of the open question: how long does proof of access last?
 *
 * A process gets a device that does DMA behind the CPU's caches. For that it may flush all of them (wbinvd), and so may
 * its guest. Then the device goes away. May they still?
 *
 *   ioasid abi header > ioasid.h
 *   gcc -o wbinvd wbinvd.c
 *   ioasid exec --authority mediated -- ./wbinvd
 *   ioasid exec --authority one-time -- ./wbinvd
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ioasid.h"

#define NOBODY 65534
#define COPY 0
#define FLAG_NO_SNOOP 1
#define STATUS_DONE 2

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int check(int result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

/* A register of the DMA engine is at the start of the device file: region BAR0. */
static void set_register(int device, unsigned offset, __u64 value, unsigned size)
{
	if (pwrite(device, &value, size, offset) != (ssize_t)size)
		die("write register");
}

static __u32 get_register(int device, unsigned offset)
{
	__u32 value = 0;
	if (pread(device, &value, sizeof(value), offset) != sizeof(value))
		die("read register");
	return value;
}

static void flush(const char *who, int ioasid)
{
	if (ioctl(ioasid, IOASID_EXECUTE_WBINVD) == 0)
		printf("%s flushed every cache of the machine\n", who);
	else
		printf("%s was refused: %s\n", who, strerror(errno));
}

static void guest_flush(int vm)
{
	struct kvm_guest_op op = { .argsz = sizeof(op), .op = KVM_GUEST_OP_WBINVD };
	check(ioctl(vm, KVM_GUEST_OP, &op), "KVM_GUEST_OP");
	printf("the guest's WBINVD %s\n", op.result == KVM_GUEST_OP_EMULATED ? "flushed every cache of the machine"
									    : "was a no-op");
}

/* Hands a descriptor over a unix socket (SCM_RIGHTS). */
static void send_descriptor(int socket, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	check(sendmsg(socket, &message, 0), "sendmsg");
}

static int receive_descriptor(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	int fd;
	if (check(recvmsg(socket, &message, 0), "recvmsg") == 0)
		exit(1); /* The other process ended before it handed one over. */
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return fd;
}

/* Another process, without any privilege, that never opened /dev/ioasid. */
static void child(int socket)
{
	int ioasid = receive_descriptor(socket);
	if (geteuid() == 0 && (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY)))
		die("give up privileges");
	flush("an unprivileged process with the descriptor", ioasid);
	exit(0);
}

int main(void)
{
	int sockets[2];
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), "socketpair");
	setlinebuf(stdout);
	pid_t pid = check(fork(), "fork");
	if (pid == 0) {
		close(sockets[0]);
		child(sockets[1]);
	}
	close(sockets[1]);

	/* A device that can issue no-snoop requests, behind an IOMMU that cannot snoop them. */
	int ioasid = check(open("/dev/ioasid", O_RDWR | O_CLOEXEC), "open /dev/ioasid");
	int device = check(open("/dev/vfio/devices/vfio0", O_RDWR | O_CLOEXEC), "open vfio0");
	struct vfio_bind_ioasid_fd bind = { .argsz = sizeof(bind), .ioasid_fd = ioasid, .cookie = 1 };
	check(ioctl(device, VFIO_BIND_IOASID_FD, &bind), "VFIO_BIND_IOASID_FD");
	int space = check(ioctl(ioasid, IOASID_ALLOC, NULL), "IOASID_ALLOC");
	flush("before a device is attached, the process", ioasid);
	struct vfio_attach_ioasid attach = { .argsz = sizeof(attach), .ioasid = space };
	check(ioctl(device, VFIO_ATTACH_IOASID, &attach), "VFIO_ATTACH_IOASID");

	/* The device reads and writes this memory of ours. */
	char *memory = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		die("mmap");
	strcpy(memory, "copied by DMA");
	struct ioasid_dma_map map = { .argsz = sizeof(map), .flags = IOASID_DMA_MAP_READ | IOASID_DMA_MAP_WRITE,
				      .ioasid = space, .vaddr = (__u64)memory, .iova = 0x100000, .size = 2 * 4096 };
	check(ioctl(ioasid, IOASID_MAP_DMA, &map), "IOASID_MAP_DMA");
	set_register(device, IOASID_DMAE_REG_SRC, 0x100000, 8);
	set_register(device, IOASID_DMAE_REG_DST, 0x101000, 8);
	set_register(device, IOASID_DMAE_REG_LENGTH, 4096, 4);
	set_register(device, IOASID_DMAE_REG_COMMAND, COPY, 4);
	set_register(device, IOASID_DMAE_REG_FLAGS, FLAG_NO_SNOOP, 4);
	flush("with the device attached, the process", ioasid);
	set_register(device, IOASID_DMAE_REG_DOORBELL, 1, 4);
	if (get_register(device, IOASID_DMAE_REG_STATUS) != STATUS_DONE || strcmp(memory + 4096, "copied by DMA"))
		return fprintf(stderr, "the DMA failed\n"), 1;
	printf("the device did DMA: \"%s\"\n", memory + 4096);

	/* The same right for a guest: the open file is the VM's proof. */
	int kvm = check(open("/dev/kvm", O_RDWR | O_CLOEXEC), "open /dev/kvm");
	int vm = check(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	guest_flush(vm);
	struct kvm_create_device create = { .type = KVM_DEV_TYPE_VFIO };
	check(ioctl(vm, KVM_CREATE_DEVICE, &create), "KVM_CREATE_DEVICE");
	struct kvm_device_attr add = { .group = KVM_DEV_IOASID, .attr = KVM_DEV_IOASID_ADD, .addr = (__u64)&ioasid };
	check(ioctl(create.fd, KVM_SET_DEVICE_ATTR, &add), "KVM_SET_DEVICE_ATTR");
	guest_flush(vm);

	/* The right is the open file's: whoever holds it has it. */
	send_descriptor(sockets[0], ioasid);
	check(waitpid(pid, NULL, 0), "waitpid");

	/* The device goes. What is left of the proof? */
	check(ioctl(device, VFIO_DETACH_IOASID, &attach), "VFIO_DETACH_IOASID");
	check(ioctl(device, VFIO_UNBIND_IOASID_FD), "VFIO_UNBIND_IOASID_FD");
	flush("without any device, the process", ioasid);
	guest_flush(vm);
	return 0;
}
