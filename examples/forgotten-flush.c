/*
 * A driver that forgets its flush: right on most machines, wrong on some days. Under --coherency=strict it reads a wrong
 * byte every time, and the run ends with the address.
 *
 *   ioasid exec --coherency=strict -- ./forgotten-flush            no flush: wrong
 *   ioasid exec --coherency=strict -- ./forgotten-flush flush      with its flushes: right
 *   ioasid exec --coherency=strict -- ./forgotten-flush enforce    an IOASID that enforces snoop: right without any
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ioasid.h"

#define PAGE 4096UL
#define COPY 0
#define FLAG_NO_SNOOP 1

static int check(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(2);
	}
	return result;
}

static void set_register(int device, unsigned offset, __u64 value, unsigned size)
{
	if (pwrite(device, &value, size, offset) != (ssize_t)size)
		check(-1, "write register");
}

int main(int argc, char **argv)
{
	int flush = argc > 1 && !strcmp(argv[1], "flush"), enforce = argc > 1 && !strcmp(argv[1], "enforce");
	int ioasid = check(open("/dev/ioasid", O_RDWR), "open /dev/ioasid");
	/* vfio1 can issue no-snoop requests, and its IOMMU can enforce snoop. */
	int device = check(open("/dev/vfio/devices/vfio1", O_RDWR), "open vfio1");
	struct vfio_bind_ioasid_fd bind = { .argsz = sizeof(bind), .ioasid_fd = ioasid, .cookie = 1 };
	check(ioctl(device, VFIO_BIND_IOASID_FD, &bind), "VFIO_BIND_IOASID_FD");
	struct ioasid_alloc alloc = { .argsz = sizeof(alloc),
				      .flags = enforce ? IOASID_ALLOC_ENFORCE_SNOOP : IOASID_ALLOC_NO_ENFORCE_SNOOP };
	int space = check(ioctl(ioasid, IOASID_ALLOC, &alloc), "IOASID_ALLOC");
	struct vfio_attach_ioasid attach = { .argsz = sizeof(attach), .ioasid = space };
	check(ioctl(device, VFIO_ATTACH_IOASID, &attach), "VFIO_ATTACH_IOASID");
	char *memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	strcpy(memory, "old bytes");
	struct ioasid_dma_map map = { .argsz = sizeof(map), .flags = IOASID_DMA_MAP_READ | IOASID_DMA_MAP_WRITE,
				      .ioasid = space, .vaddr = (__u64)memory, .iova = 0x10000, .size = 2 * PAGE };
	check(ioctl(ioasid, IOASID_MAP_DMA, &map), "IOASID_MAP_DMA");

	strcpy(memory, "new bytes");
	if (flush) /* what was stored goes to memory, where the device reads it */
		check(ioctl(ioasid, IOASID_EXECUTE_WBINVD), "IOASID_EXECUTE_WBINVD");
	set_register(device, IOASID_DMAE_REG_COMMAND, COPY, 4);
	set_register(device, IOASID_DMAE_REG_SRC, 0x10000, 8);
	set_register(device, IOASID_DMAE_REG_DST, 0x10000 + PAGE, 8);
	set_register(device, IOASID_DMAE_REG_LENGTH, 10, 4);
	set_register(device, IOASID_DMAE_REG_FLAGS, FLAG_NO_SNOOP, 4);
	set_register(device, IOASID_DMAE_REG_DOORBELL, 1, 4);
	if (flush) /* what the device wrote is looked up in memory, not in the caches */
		check(ioctl(ioasid, IOASID_EXECUTE_WBINVD), "IOASID_EXECUTE_WBINVD");
	printf("the device copied: \"%s\"\n", memory + PAGE);
	return strcmp(memory + PAGE, "new bytes") ? 1 : 0;
}
