/*
 * Repeats the steps that were recorded of simulated processes (record.ts), as real system calls of real processes, and
 * prints each answer on a line. Descriptors have the numbers of the recording, and memory its addresses: so every byte of
 * an answer can be compared.
 *
 * The first process makes the others. Each goes through all steps and does its own, in turn.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_FDS 1024
#define MAX_PROCESSES 16

static volatile int *turn;	/* number of the step that is next */
static int me;			/* number of this process */
static int parent_of[MAX_PROCESSES];
static pid_t pid_of[MAX_PROCESSES];
static int fds[MAX_FDS];	/* real descriptors by recorded number; -1: none */
static int sockets[2];

static void die(const char *what)
{
	fprintf(stderr, "steps: %s: %s\n", what, strerror(errno));
	exit(3);
}

static int fd_of(int number)
{
	return number >= 0 && number < MAX_FDS ? fds[number] : -1;
}

static size_t copy_own(uint64_t address, void *bytes, size_t size, int store)
{
	struct iovec local = { bytes, size }, remote = { (void *)address, size };
	ssize_t n = store ? process_vm_writev(getpid(), &local, 1, &remote, 1, 0)
			  : process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	return n < 0 ? 0 : n;
}

static size_t unhex(const char *text, unsigned char *bytes)
{
	size_t n = 0;
	if (*text == '-')
		return 0;
	for (; text[0] && text[1] && text[0] != ' '; text += 2)
		if (sscanf(text, "%2hhx", &bytes[n++]) != 1)
			die("hex");
	return n;
}

static void answer(long result, int made)
{
	if (made)
		dprintf(1, "fd\n");
	else
		dprintf(1, "%ld\n", result < 0 ? (long)-errno : result);
}

/* A result that is a new descriptor, if the recording had one. */
static void answer_fd(int result, int number)
{
	if (result >= 0 && number >= 0)
		fds[number] = result;
	answer(result, result >= 0 && number >= 0);
}

static void do_ioctl(char *arguments, int number)
{
	int fd, slot = 0, real, in = 0, out = 0;
	uint64_t request, argument, where = 0;
	char role[64];
	if (sscanf(arguments, "%d %" SCNu64 " %" SCNu64 " %63s", &fd, &request, &argument, role) != 4)
		die("ioctl");
	if (!strcmp(role, "value"))
		argument = fd_of(argument);
	in = sscanf(role, "at:%" SCNu64, &where) == 1;
	out = sscanf(role, "out:%" SCNu64, &where) == 1;
	if (in && copy_own(where, &slot, sizeof(slot), 0) == sizeof(slot) && fd_of(slot) >= 0) {
		real = fd_of(slot);
		copy_own(where, &real, sizeof(real), 1);
	} else
		in = 0;
	int result = ioctl(fd_of(fd), request, argument), saved = errno;
	if (in)
		copy_own(where, &slot, sizeof(slot), 1);
	if (out && result >= 0 && copy_own(where, &real, sizeof(real), 0) == sizeof(real)) {
		fds[number] = real;
		copy_own(where, &number, sizeof(number), 1);
	}
	errno = saved;
	if (out)
		answer(result, 0);
	else
		answer_fd(result, number);
}

static void send_fd(int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	answer(sendmsg(sockets[0], &message, 0) == 1 ? 0 : -1, 0);
}

static void receive_fd(int number)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	int fd = -1;
	if (recvmsg(sockets[1], &message, 0) == 1 && CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	answer_fd(fd, number);
}

/* One step of this process. */
static void step(char *verb, char *arguments)
{
	static unsigned char bytes[1 << 20];
	uint64_t a, b;
	int64_t offset;
	int fd, x, y, at, number = -1;
	char *arrow = strstr(arguments, "-> ");
	if (arrow)
		number = atoi(arrow + 3);
	if (!strcmp(verb, "open") && sscanf(arguments, "%d %n", &x, &at) == 1) {
		char *path = arguments + at;
		path[strcspn(path, " ")] = 0;
		answer_fd(open(path, x), number);
	} else if (!strcmp(verb, "dup") && sscanf(arguments, "%d", &fd) == 1) {
		answer_fd(dup(fd_of(fd)), number);
	} else if (!strcmp(verb, "eventfd")) {
		answer_fd(eventfd(0, EFD_NONBLOCK), number);
	} else if (!strcmp(verb, "close") && sscanf(arguments, "%d", &fd) == 1) {
		int result = close(fd_of(fd));
		if (result == 0)
			fds[fd] = -1;
		answer(result, 0);
	} else if (!strcmp(verb, "ioctl")) {
		do_ioctl(arguments, number);
	} else if (!strcmp(verb, "mmap") && sscanf(arguments, "%" SCNu64 " %" SCNu64 " %d %d", &a, &b, &x, &y) == 4) {
		int flags = MAP_FIXED | MAP_ANONYMOUS | (y ? MAP_SHARED : MAP_PRIVATE);
		answer(mmap((void *)a, b, PROT_READ | (x ? PROT_WRITE : 0), flags, -1, 0) == MAP_FAILED ? -1 : 0, 0);
	} else if (!strcmp(verb, "munmap") && sscanf(arguments, "%" SCNu64 " %" SCNu64, &a, &b) == 2) {
		answer(munmap((void *)a, b), 0);
	} else if (!strcmp(verb, "store") && sscanf(arguments, "%" SCNu64 " %n", &a, &at) == 1) {
		size_t size = unhex(arguments + at, bytes);
		answer(size ? (long)copy_own(a, bytes, size, 1) : 0, 0);
	} else if (!strcmp(verb, "load") && sscanf(arguments, "%" SCNu64 " %" SCNu64, &a, &b) == 2) {
		if (b > sizeof(bytes))
			die("load");
		size_t got = b ? copy_own(a, bytes, b, 0) : 0;
		char *text = malloc(2 * got + 2);
		strcpy(text, "-");
		for (size_t i = 0; i < got; i++)
			sprintf(text + 2 * i, "%02x", bytes[i]);
		dprintf(1, "%zu %s\n", got, text);
		free(text);
	} else if (sscanf(arguments, "%d %" SCNu64 " %" SCNu64 " %" SCNd64, &fd, &a, &b, &offset) == 4) {
		if (!strcmp(verb, "pread"))
			answer(pread(fd_of(fd), (void *)a, b, offset), 0);
		else
			answer(pwrite(fd_of(fd), (void *)a, b, offset), 0);
	} else if (!strcmp(verb, "read") && sscanf(arguments, "%d %" SCNu64 " %" SCNu64, &fd, &a, &b) == 3) {
		answer(read(fd_of(fd), (void *)a, b), 0);
	} else if (!strcmp(verb, "write") && sscanf(arguments, "%d %" SCNu64 " %" SCNu64, &fd, &a, &b) == 3) {
		answer(write(fd_of(fd), (void *)a, b), 0);
	} else if (!strcmp(verb, "poll") && sscanf(arguments, "%d", &fd) == 1) {
		struct pollfd p = { fd_of(fd), POLLIN, 0 };
		poll(&p, 1, 0);
		answer(p.revents & POLLIN ? 1 : 0, 0);
	} else if (!strcmp(verb, "send") && sscanf(arguments, "%d", &fd) == 1) {
		send_fd(fd_of(fd));
	} else if (!strcmp(verb, "receive")) {
		receive_fd(number);
	} else if (!strcmp(verb, "outside")) {
		char line[16];
		dprintf(1, "@%s\n", arguments);
		if (!fgets(line, sizeof(line), stdin))
			die("nobody outside");
		answer(0, 0);
	} else
		die(verb);
}

static void wait_for(int number)
{
	while (*turn != number)
		usleep(20);
}

int main(int argc, char **argv)
{
	char line[1 << 21];
	int number = 0;
	/* The addresses of the recording have to be free. */
	if (!(personality(0xffffffff) & ADDR_NO_RANDOMIZE)) {
		personality(ADDR_NO_RANDOMIZE);
		execv("/proc/self/exe", argv);
		die("execv");
	}
	FILE *steps = argc > 1 ? fopen(argv[1], "r") : NULL;
	struct stat info;
	if (!steps || fstat(fileno(steps), &info))
		die("no steps");
	/* Read whole: processes must not share its position. */
	char *text = malloc(info.st_size + 1), *rest = text;
	if (fread(text, 1, info.st_size, steps) != (size_t)info.st_size)
		die("read");
	text[info.st_size] = 0;
	fclose(steps);
	turn = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (turn == MAP_FAILED || socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets))
		die("start");
	memset(fds, -1, sizeof(fds));
	for (char *end; (end = strchr(rest, '\n')); rest = end + 1, number++) {
		int who, at, child;
		char verb[16];
		if ((size_t)(end - rest) >= sizeof(line))
			die("a long line");
		memcpy(line, rest, end - rest);
		line[end - rest] = 0;
		if (sscanf(line, "%d %15s %n", &who, verb, &at) < 2)
			die("step");
		if (!strcmp(verb, "fork")) {
			child = atoi(line + at);
			if (child >= MAX_PROCESSES)
				die("too many processes");
			parent_of[child] = who;
			if (who != me)
				continue;
			wait_for(number);
			pid_of[child] = fork();
			if (pid_of[child] < 0)
				die("fork");
			if (pid_of[child] == 0) {
				me = child;
				continue;
			}
			answer(0, 0);
			*turn = number + 1;
		} else if (!strcmp(verb, "exit")) {
			if (who == me) {
				wait_for(number);
				_exit(0);
			}
			if (parent_of[who] != me)
				continue;
			/* The parent sees to it that the process is gone before the next step. */
			wait_for(number);
			waitpid(pid_of[who], NULL, 0);
			answer(0, 0);
			*turn = number + 1;
		} else if (who == me) {
			wait_for(number);
			step(verb, line + at);
			*turn = number + 1;
		}
	}
	wait_for(number);
	while (wait(NULL) > 0)
		;
	return 0;
}
