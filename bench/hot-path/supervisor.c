/*
 * The yardstick: a supervisor in C that does what ioasid's does for IOASID_GET_INFO. supervisor MODE PROGRAM ARGS
 *   null   takes the call and answers it: the least that an intercepted call costs
 *   work   polls, takes the call, identifies the file by its inode, reads the struct, sees that the caller still
 *          waits, writes the struct back, answers
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ioasid.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

static int install(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IOASID_GET_INFO, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static void pass(int socket, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(int));
	sendmsg(socket, &m, 0);
}

static int take(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	int fd;
	recvmsg(socket, &m, 0);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}

/* Returns 0, or -errno. */
static int serve(int listener, const struct seccomp_notif *call, int directory)
{
	char name[16];
	struct stat st;
	struct ioasid_info info;
	snprintf(name, sizeof(name), "%d", (int)call->data.args[0]);
	if (fstatat(directory, name, &st, 0))
		return -EBADF;
	struct iovec local = { &info, sizeof(info) }, remote = { (void *)call->data.args[2], sizeof(info) };
	if (process_vm_readv(call->pid, &local, 1, &remote, 1, 0) != sizeof(info))
		return -EFAULT;
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &call->id))
		return -ESRCH;
	if (info.argsz < 16 || info.flags)
		return -EINVAL;
	info.pgsizes = 4096;
	info.addr_width = 48;
	info.nr_ranges = 2;
	if (process_vm_writev(call->pid, &local, 1, &remote, 1, 0) != sizeof(info))
		return -EFAULT;
	return 0;
}

int main(int argc, char **argv)
{
	int sockets[2], work = argc > 2 && !strcmp(argv[1], "work");
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets);
	pid_t child = fork();
	if (child == 0) {
		int listener = install();
		pass(sockets[1], listener);
		close(listener);
		execv(argv[2], argv + 2);
		_exit(1);
	}
	int listener = take(sockets[0]), directory = -1, epoll = eventfd(0, 0), wake = eventfd(0, 0);
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, 1);
	struct pollfd polls[3] = { { listener, POLLIN, 0 }, { wake, POLLIN, 0 }, { epoll, POLLIN, 0 } };
	for (;;) {
		struct seccomp_notif call;
		struct seccomp_notif_resp answer = { 0 };
		memset(&call, 0, sizeof(call));
		poll(polls, 3, -1);
		if (!(polls[0].revents & POLLIN))
			break;
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call))
			continue;
		answer.id = call.id;
		if (work) {
			if (directory < 0) {
				char path[64];
				snprintf(path, sizeof(path), "/proc/%d/fd", call.pid);
				directory = open(path, O_PATH | O_DIRECTORY);
			}
			answer.error = serve(listener, &call, directory);
		}
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
	int status = 0;
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}
