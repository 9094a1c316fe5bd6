/* What all test programs share: expectations that name the section of their specification, pages of memory. */
#ifndef EXPECT_H
#define EXPECT_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL

static int failures __attribute__((unused));

/* A call's result, or -errno. */
#define R(call) ({ long r_ = (long)(call); r_ == -1 ? -(long)errno : r_; })

#define EXPECT(section, call, expected) do { \
	long got_ = R(call), want_ = (long)(expected); \
	if (got_ != want_) { \
		failures++; \
		fprintf(stderr, "%s:%d: section %s: %s = %ld (%s), expected %ld (%s)\n", __FILE__, __LINE__, section, #call, \
			got_, got_ < 0 ? strerror(-got_) : "ok", want_, want_ < 0 ? strerror(-want_) : "ok"); \
	} \
} while (0)

#define TRUE(section, condition) EXPECT(section, (condition) ? 1 : 0, 1)

static inline long must(long result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(2);
	}
	return result;
}
#define MUST(call) must((long)(call), #call)

static inline char *pages(unsigned long n)
{
	void *p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		must(-1, "mmap");
	return p;
}
/* Hands a descriptor over (SCM_RIGHTS). */
static inline void send_fd(int socket, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(int));
	MUST(sendmsg(socket, &m, 0));
}
static inline int receive_fd(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	int fd;
	MUST(recvmsg(socket, &m, 0));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}
/* Waits for a child; its exit status. */
static inline int reap(pid_t pid)
{
	int status = 0;
	MUST(waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
