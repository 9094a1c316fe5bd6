/*
 * Page faults: a handler thread maps memory when the device asks for it.
 *
 *   ioasid abi header > ioasid.h
 *   gcc -pthread -o demand-paging demand-paging.c
 *   ioasid exec -- ./demand-paging
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ioasid.h"

#define PAGE 4096UL
#define PAGES 64UL
#define COPY 0
#define STATUS_BUSY 1
#define STATUS_DONE 2

static int ioasid, space, faults;
static char *memory;
static unsigned long mapped;

static int check(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
	return result;
}

/* Waits for requests; IOVA 0 is the start of the memory. */
static void *handler(void *arg)
{
	struct pollfd p = { .fd = faults, .events = POLLIN };
	struct ioasid_fault fault;
	while (poll(&p, 1, -1) == 1 && read(faults, &fault, sizeof(fault)) == sizeof(fault)) {
		int inside = fault.addr < PAGES * PAGE;
		struct ioasid_dma_map map = { .argsz = sizeof(map), .flags = IOASID_DMA_MAP_READ | IOASID_DMA_MAP_WRITE,
					      .ioasid = space, .vaddr = (__u64)memory + fault.addr, .iova = fault.addr, .size = PAGE };
		if (inside && ioctl(ioasid, IOASID_MAP_DMA, &map) == 0)
			mapped++;
		struct ioasid_page_response answer = { .argsz = sizeof(answer), .ioasid = space, .grpid = fault.grpid,
						       .cookie = fault.cookie,
						       .code = inside ? IOASID_PAGE_RESP_SUCCESS : IOASID_PAGE_RESP_INVALID };
		check(ioctl(ioasid, IOASID_PAGE_RESPONSE, &answer), "IOASID_PAGE_RESPONSE");
	}
	return arg;
}

static void set_register(int device, unsigned offset, __u64 value, unsigned size)
{
	if (pwrite(device, &value, size, offset) != (ssize_t)size)
		check(-1, "write register");
}

/* Copies by DMA and waits for the end. Returns 1 if it was done. */
static int copy(int device, __u64 from, __u64 to, __u32 length)
{
	__u32 status;
	set_register(device, IOASID_DMAE_REG_COMMAND, COPY, 4);
	set_register(device, IOASID_DMAE_REG_SRC, from, 8);
	set_register(device, IOASID_DMAE_REG_DST, to, 8);
	set_register(device, IOASID_DMAE_REG_LENGTH, length, 4);
	set_register(device, IOASID_DMAE_REG_DOORBELL, 1, 4);
	do {
		if (pread(device, &status, 4, IOASID_DMAE_REG_STATUS) != 4)
			check(-1, "read register");
	} while (status & STATUS_BUSY);
	return status == STATUS_DONE;
}

int main(void)
{
	ioasid = check(open("/dev/ioasid", O_RDWR), "open /dev/ioasid");
	int device = check(open("/dev/vfio/devices/vfio1", O_RDWR), "open vfio1");
	struct vfio_bind_ioasid_fd bind = { .argsz = sizeof(bind), .ioasid_fd = ioasid, .cookie = 1 };
	check(ioctl(device, VFIO_BIND_IOASID_FD, &bind), "VFIO_BIND_IOASID_FD");
	space = check(ioctl(ioasid, IOASID_ALLOC, NULL), "IOASID_ALLOC");
	struct vfio_attach_ioasid attach = { .argsz = sizeof(attach), .ioasid = space };
	check(ioctl(device, VFIO_ATTACH_IOASID, &attach), "VFIO_ATTACH_IOASID");
	struct ioasid_fault_fd fault_fd = { .argsz = sizeof(fault_fd), .ioasid = space };
	faults = check(ioctl(ioasid, IOASID_FAULT_FD, &fault_fd), "IOASID_FAULT_FD");
	memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;
	if (pthread_create(&thread, NULL, handler, NULL))
		return 1;

	strcpy(memory, "mapped when the device asked for it");
	if (!copy(device, 0, 40 * PAGE - 10, 8 * PAGE))
		return fprintf(stderr, "the DMA failed\n"), 1;
	printf("\"%s\", %lu pages of %lu\n", memory + 40 * PAGE - 10, mapped, PAGES);
	/* Outside the memory the handler says no, and that DMA aborts. */
	if (copy(device, 0, PAGES * PAGE, 8))
		return fprintf(stderr, "a DMA outside the memory went through\n"), 1;
	printf("a DMA outside the memory was aborted\n");
	return 0;
}
