/*
 * What a program sees: nanoseconds per call. client MODE COUNT
 *   bare      getppid, a system call that nobody intercepts
 *   ioctl     IOASID_GET_INFO on /dev/ioasid (under ioasid exec)
 *   other     the same number on a file of one's own (under the C supervisor)
 *   map       MAP_DMA and UNMAP_DMA of one page, each counted
 *   dma       the DMA engine fills 16 MiB; per MiB
 *   copy      process_vm_writev of 1 MiB at a time into another process; per MiB
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ioasid.h"

#define MIB (1UL << 20)

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static int must(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
	return result;
}

static char *memory(unsigned long size)
{
	char *m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	return m == MAP_FAILED ? NULL : m;
}

static int context, device;

static int set_up(void)
{
	context = must(open("/dev/ioasid", O_RDWR), "/dev/ioasid");
	device = must(open("/dev/vfio/devices/vfio2", O_RDWR), "vfio2");
	struct vfio_bind_ioasid_fd bind = { .argsz = sizeof(bind), .ioasid_fd = context };
	must(ioctl(device, VFIO_BIND_IOASID_FD, &bind), "bind");
	int id = must(ioctl(context, IOASID_ALLOC, NULL), "alloc");
	struct vfio_attach_ioasid attach = { .argsz = sizeof(attach), .ioasid = id };
	must(ioctl(device, VFIO_ATTACH_IOASID, &attach), "attach");
	return id;
}

static void set_register(unsigned offset, __u64 value, unsigned size)
{
	must(pwrite(device, &value, size, offset), "register");
}

static double bare(long count)
{
	double start = now();
	for (long i = 0; i < count; i++)
		syscall(SYS_getppid);
	return (now() - start) / count;
}

static double get_info(int fd, int id, long count)
{
	struct ioasid_info info = { .argsz = sizeof(info), .ioasid = id };
	double start = now();
	for (long i = 0; i < count; i++) {
		info.flags = 0;
		must(ioctl(fd, IOASID_GET_INFO, &info), "GET_INFO");
	}
	return (now() - start) / count;
}

static double map(int id, long count)
{
	struct ioasid_dma_map map = { .argsz = sizeof(map), .flags = 3, .ioasid = id, .vaddr = (__u64)memory(4096), .size = 4096 };
	double start = now();
	for (long i = 0; i < count; i += 2) {
		struct ioasid_dma_unmap unmap = { .argsz = sizeof(unmap), .ioasid = id, .size = 4096 };
		must(ioctl(context, IOASID_MAP_DMA, &map), "map");
		must(ioctl(context, IOASID_UNMAP_DMA, &unmap), "unmap");
	}
	return (now() - start) / count;
}

static double dma(int id, long count)
{
	char *m = memory(16 * MIB);
	struct ioasid_dma_map map = { .argsz = sizeof(map), .flags = 3, .ioasid = id, .vaddr = (__u64)m, .size = 16 * MIB };
	must(ioctl(context, IOASID_MAP_DMA, &map), "map");
	set_register(IOASID_DMAE_REG_COMMAND, 1, 4);
	set_register(IOASID_DMAE_REG_LENGTH, 16 * MIB, 4);
	set_register(IOASID_DMAE_REG_PATTERN, 0x5a5a, 8);
	double start = now();
	for (long i = 0; i < count; i++)
		set_register(IOASID_DMAE_REG_DOORBELL, 1, 4);
	double time = (now() - start) / count / 16;
	return m[16 * MIB - 8] == 0x5a ? time : -1;
}

static double copy(long count)
{
	char *from = memory(MIB), *to = memory(16 * MIB);
	pid_t child = fork();
	if (child == 0) {
		memset(to, 1, 16 * MIB);
		pause();
	}
	usleep(50000);
	double start = now();
	for (long i = 0; i < count * 16; i++) {
		struct iovec local = { from, MIB }, remote = { to + i % 16 * MIB, MIB };
		if (process_vm_writev(child, &local, 1, &remote, 1, 0) != (ssize_t)MIB)
			must(-1, "process_vm_writev");
	}
	double time = (now() - start) / count / 16;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return time;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	long count = argc > 2 ? atol(argv[2]) : 1000;
	double result = -1;
	if (!strcmp(mode, "bare"))
		result = bare(count);
	else if (!strcmp(mode, "other"))
		result = get_info(must(open("/dev/null", O_RDWR), "/dev/null"), 1, count);
	else if (!strcmp(mode, "copy"))
		result = copy(count);
	else {
		int id = set_up();
		if (!strcmp(mode, "ioctl"))
			result = get_info(context, id, count);
		else if (!strcmp(mode, "map"))
			result = map(id, count);
		else if (!strcmp(mode, "dma"))
			result = dma(id, count);
	}
	printf("%.1f\n", result);
	return result < 0;
}
