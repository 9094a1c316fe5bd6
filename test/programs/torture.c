/*
 * Hostile clients on every virtual file: torture SEED CALLS CLIENTS KILLS. Each client is a process of two threads that makes
 * random calls with random and half-right arguments; clients are killed at random moments until so many kills are done. Ends
 * with 0 when all have ended, and says the rate.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FDS = 12, ARENA = 1 << 16, PATHS = 64 };
static const char *paths[PATHS];
static int path_count;

struct client {
	uint64_t state;
	int fds[FDS];
	char *arena;
	long calls;
};

/* Calls of all clients, the killed ones' too, and how many of them were ioctls. */
static struct { atomic_long calls, ioctls; } *total;

/* xorshift64*: the same seed makes the same calls. */
static uint64_t rnd(struct client *c)
{
	c->state ^= c->state >> 12;
	c->state ^= c->state << 25;
	c->state ^= c->state >> 27;
	return c->state * 0x2545f4914f6cdd1dULL;
}
static unsigned below(struct client *c, unsigned n) { return (rnd(c) >> 33) % n; }

/* A value that is likely to be near something. */
static uint64_t value(struct client *c)
{
	switch (below(c, 10)) {
	case 0: return 0;
	case 1: return ~0ULL;
	case 2: return 1ULL << below(c, 64);
	case 3: return (1ULL << below(c, 64)) - 1;
	case 4: return (uintptr_t)c->arena + below(c, ARENA);
	case 5: return ((uintptr_t)c->arena + below(c, ARENA)) & ~4095ULL;
	case 6: return 4096ULL * below(c, 64);
	case 7: return c->fds[below(c, FDS)];
	case 8: return below(c, 4);
	default: return rnd(c);
	}
}

/* A struct in the arena: its size first, as the calls have it, then fields of four or eight bytes. */
static char *argument(struct client *c, unsigned size)
{
	char *at = c->arena + below(c, 8) * 512;
	for (unsigned i = 0; i < 256; i += 4) {
		uint64_t v = below(c, 3) ? below(c, 8) : value(c);
		memcpy(at + i, &v, 8 < 256 - i ? 8 : 4);
	}
	uint32_t first = below(c, 8) ? (size ? size : 8 * (1 + below(c, 16))) : below(c, 300);
	memcpy(at, &first, 4);
	return below(c, 16) ? at : (char *)(uintptr_t)value(c);
}

static void any_ioctl(struct client *c, int fd)
{
	static const unsigned char types[] = { ';', ';', ';', 0xae, 0xae, 'T' };
	unsigned size = below(c, 3) ? 0 : 8 * below(c, 12), direction = size ? below(c, 4) : 0;
	unsigned number = below(c, 4) ? below(c, 40) : below(c, 256);
	unsigned base = below(c, 3) == 0 ? 0 : below(c, 2) ? 100 : 0x80;
	unsigned long request = (unsigned long)direction << 30 | size << 16 | types[below(c, 6)] << 8 | ((base + number) & 255);
	atomic_fetch_add_explicit(&total->ioctls, 1, memory_order_relaxed);
	int result = ioctl(fd, request, below(c, 10) ? (unsigned long)argument(c, size) : (unsigned long)value(c));
	/* Perhaps a descriptor. */
	if (result > 2 && result < 5000 && fcntl(result, F_GETFD) >= 0) {
		int *slot = &c->fds[below(c, FDS)];
		if (*slot != result) {
			close(*slot);
			*slot = result;
		}
	}
}

static void one(struct client *c)
{
	int *slot = &c->fds[below(c, FDS)], fd = *slot;
	uint64_t offset = below(c, 2) ? below(c, 4096) : (uint64_t)below(c, 12) << 40 | below(c, 4096);
	struct iovec v[2] = { { c->arena, below(c, 4096) }, { c->arena + 8192, below(c, 64) } };
	struct pollfd p = { fd, POLLIN | POLLOUT, 0 };
	struct stat st;
	c->calls++;
	atomic_fetch_add_explicit(&total->calls, 1, memory_order_relaxed);
	switch (fd < 0 && below(c, 3) ? 0 : below(c, 24)) {
	case 0: case 1:
		if (fd > 2)
			close(fd);
		*slot = open(paths[below(c, path_count)], (int[]){ O_RDWR, O_RDONLY, O_WRONLY, O_RDWR | O_NONBLOCK }[below(c, 4)] | O_NONBLOCK);
		break;
	case 2:
		if (fd > 2)
			close(fd);
		*slot = dup(c->fds[below(c, FDS)]);
		break;
	case 3:
		if (fd > 2)
			dup2(c->fds[below(c, FDS)], fd);
		break;
	case 4: fcntl(fd, F_SETFL, O_NONBLOCK); if (read(fd, c->arena, below(c, 4096))) {} break;
	case 5: fcntl(fd, F_SETFL, O_NONBLOCK); if (write(fd, c->arena, below(c, 64))) {} break;
	case 6: if (pread(fd, c->arena, 1 << below(c, 12), offset)) {} break;
	case 7: if (pwrite(fd, c->arena + below(c, 4096), 1 << below(c, 4), offset)) {} break;
	case 8: if (preadv(fd, v, 2, offset)) {} break;
	case 9: poll(&p, 1, 0); fstat(fd, &st); break;
	case 10: {
		int shared = below(c, 4);
		char *m = mmap(NULL, 4096 << below(c, 3), PROT_READ | PROT_WRITE, shared ? MAP_SHARED : MAP_PRIVATE, fd, offset & ~4095ULL);
		if (m != MAP_FAILED) {
			if (shared && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode))
				m[below(c, 4096)] = 1;
			munmap(m, 4096);
		}
		break;
	}
	case 11: stat(paths[below(c, path_count)], &st); access("/dev/vfio/../ioasid", below(c, 8)); break;
	case 12:
		if (below(c, 20) == 0) {
			pid_t child = fork();
			if (child == 0) {
				for (int i = 0; i < 50; i++)
					any_ioctl(c, c->fds[below(c, FDS)]);
				_exit(0);
			}
			if (child > 0)
				waitpid(child, NULL, 0);
		}
		break;
	case 13:
		if (fd > 2)
			close(fd);
		*slot = eventfd(0, EFD_NONBLOCK);
		break;
	case 14: if (ftruncate(fd, offset)) {} if (fallocate(fd, below(c, 4), offset, 4096)) {} lseek(fd, offset, SEEK_SET); break;
	default: any_ioctl(c, fd);
	}
}

static void *thread(void *argument)
{
	struct client *c = argument;
	for (;;)
		one(c);
	return NULL;
}

static void client(uint64_t seed, long calls)
{
	static struct client both[2];
	for (int i = 0; i < 2; i++) {
		both[i].state = seed * 2 + i + 1;
		both[i].arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (int j = 0; j < FDS; j++)
			both[i].fds[j] = -1;
		for (int warm = 0; warm < 10; warm++)
			rnd(&both[i]);
	}
	pthread_t other;
	pthread_create(&other, NULL, thread, &both[1]);
	while (both[0].calls < calls)
		one(&both[0]);
	_exit(0);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	uint64_t seed = strtoull(argv[1], NULL, 0);
	long calls = atol(argv[2]), clients = atol(argv[3]), kills = atol(argv[4]), started = 0, alive = 0;
	glob_t found = { 0 };
	static const char *patterns[] = { "/dev/vfio/devices/vfio*", "/dev/vfio/vfio", "/dev/vfio/[0-9]*", "/dev/iommu" };
	paths[path_count++] = "/dev/ioasid";
	paths[path_count++] = "/dev/kvm";
	for (unsigned i = 0; i < 4; i++)
		glob(patterns[i], i ? GLOB_APPEND : 0, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc && path_count < PATHS; i++)
		paths[path_count++] = found.gl_pathv[i];
	total = mmap(NULL, sizeof(*total), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[256];
	struct client dice = { .state = seed + 1 };
	struct timespec begin, end;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (started < clients || alive > 0 || kills > 0) {
		while (alive < 8 && (started < clients || kills > 0)) {
			pid_t pid = fork();
			if (pid == 0)
				client(seed + started, calls);
			pids[alive++] = pid;
			started++;
		}
		if (kills > 0) {
			usleep(below(&dice, 20000));
			kill(pids[below(&dice, alive)], SIGKILL);
		}
		int status = 0;
		pid_t ended = waitpid(-1, &status, kills > 0 ? WNOHANG : 0);
		/* Only who was alive to be killed counts. */
		if (ended > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && kills > 0)
			kills--;
		else if (ended > 0 && WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
			fprintf(stderr, "a client died of signal %d\n", WTERMSIG(status));
		for (int i = 0; i < alive; i++)
			if (pids[i] == ended)
				pids[i] = pids[--alive];
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	double seconds = end.tv_sec - begin.tv_sec + (end.tv_nsec - begin.tv_nsec) / 1e9;
	fprintf(stderr, "%ld clients, %ld calls, %ld of them ioctls, in %.1f s\n", started, atomic_load(&total->calls),
		atomic_load(&total->ioctls), seconds);
	return 0;
}
