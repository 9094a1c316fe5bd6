/*
 * What an NVMe driver gets: driver read|write DEPTH BYTES SECONDS prints operations a second; driver idle SECONDS maps the
 * registers, enables the controller and does nothing. driver copies BYTES SECONDS does only what has to be done for the same
 * reads: it moves blocks from one place to another process's memory, a call each (no queues, no driver, no controller).
 */
#define _GNU_SOURCE
#include "nvme.h"
#include <sched.h>
#include <signal.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { DISK = 32 << 20, SLOTS = 64, LARGEST = 128 * 1024 };

static unsigned seed = 1;
static unsigned below(unsigned limit)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % limit;
}

static double copies(unsigned bytes, double time)
{
	unsigned char *disk = mmap(NULL, DISK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	unsigned char *memory = mmap(NULL, SLOTS * LARGEST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	pid_t other = fork();
	if (other == 0)
		for (;;)
			pause();
	double start = seconds(), end;
	unsigned long done = 0;
	do {
		for (int i = 0; i < 64; i++, done++) {
			struct iovec from = { disk + (unsigned long)below(DISK / bytes) * bytes, bytes };
			struct iovec to = { memory + done % SLOTS * bytes, bytes };
			if (process_vm_writev(other, &from, 1, &to, 1, 0) != (ssize_t)bytes)
				exit(2);
		}
		end = seconds();
	} while (end - start < time);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	return done / (end - start);
}

static double transfer(struct nvme *n, int opcode, unsigned depth, unsigned bytes, double time)
{
	unsigned char *data = n->memory + 128 * PAGE;
	unsigned free_slots[SLOTS], slots = depth, blocks = bytes / 512;
	unsigned long done = 0, sequential = 0;
	for (unsigned i = 0; i < depth; i++)
		free_slots[i] = i;
	double start = seconds(), end, limit = start + time;
	do {
		unsigned started = slots;
		while (slots > 0) {
			unsigned slot = free_slots[--slots];
			unsigned long at = bytes > PAGE ? sequential++ % (DISK / bytes) : below(DISK / bytes);
			nvme_put(&n->io, nvme_io(n, opcode, slot, at * blocks, data + slot * bytes, bytes, (void *)(n->memory + NVME_LISTS + slot * PAGE)));
		}
		if (started > 0)
			nvme_ring(n, &n->io);
		struct nvme_completion c;
		UNTIL(nvme_reap(&n->io, &c));
		do {
			if (c.status >> 1)
				exit(2);
			free_slots[slots++] = c.id;
			done++;
		} while (nvme_reap(&n->io, &c));
		nvme_acknowledge(n, &n->io);
		end = seconds();
	} while (end < limit);
	while (slots < depth) {
		struct nvme_completion c;
		UNTIL(nvme_reap(&n->io, &c));
		free_slots[slots++] = c.id;
	}
	nvme_acknowledge(n, &n->io);
	return done / (end - start);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	if (strcmp(mode, "copies") == 0) {
		printf("%.0f\n", copies(atoi(argv[2]), atof(argv[3])));
		return 0;
	}
	struct nvme n = { 0 };
	nvme_open(&n, 2, 128 * PAGE + SLOTS * LARGEST);
	nvme_enable(&n, 64);
	if (strcmp(mode, "idle") == 0) {
		sleep(atoi(argv[2]));
		return 0;
	}
	unsigned depth = atoi(argv[2]), bytes = atoi(argv[3]);
	/* What was never written is read without moving bytes: the disk gets something first. */
	memset(n.memory + 128 * PAGE, 7, LARGEST);
	for (unsigned at = 0; at < DISK / LARGEST; at++)
		if (nvme_run(&n, &n.io, nvme_io(&n, 1, 0, (unsigned long)at * (LARGEST / 512), n.memory + 128 * PAGE, LARGEST, (void *)(n.memory + NVME_LISTS)), NULL))
			return 2;
	printf("%.0f\n", transfer(&n, strcmp(mode, "write") == 0 ? 1 : 2, depth, bytes, atof(argv[4])));
	return failures != 0;
}
