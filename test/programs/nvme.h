/* A small NVMe driver over a mapped BAR: queues in one piece of memory, completions by phase, doorbells by plain stores. */
#ifndef NVME_H
#define NVME_H

#include "check.h"
#include <sys/eventfd.h>
#include <time.h>

#define NVME_IOVA 0x100000UL
#define NVME_QUEUE_PAGES 16
/* The lists of PRPs of each slot, and its data. */
#define NVME_LISTS (NVME_QUEUE_PAGES * PAGE)

enum { CAP = 0, VS = 8, INTMS = 0xc, CC = 0x14, CSTS = 0x1c, AQA = 0x24, ASQ = 0x28, ACQ = 0x30, DOORBELLS = 0x1000 };

struct nvme_command {
	__u8 opcode, flags;
	__u16 id;
	__u32 nsid;
	__u64 reserved, metadata, prp1, prp2;
	__u32 dwords[6];
};
struct nvme_completion {
	__u32 result, reserved;
	__u16 head, queue, id, status;
};
struct nvme_queue {
	volatile struct nvme_command *commands;
	volatile struct nvme_completion *completions;
	unsigned size, tail, head, phase, id;
};
struct nvme {
	int device;
	volatile unsigned char *bar;
	unsigned char *memory;
	unsigned long size;
	struct nvme_queue admin, io;
};

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}
#define REG32(n, offset) (*(volatile __u32 *)((n)->bar + (offset)))
#define REG64(n, offset) (*(volatile __u64 *)((n)->bar + (offset)))
/* Waits; a device that never answers ends the program. */
#define UNTIL(condition) do { double end_ = seconds() + 30; while (!(condition)) { \
	__builtin_ia32_pause(); \
	if (seconds() > end_) { fprintf(stderr, "%s:%d: never: %s\n", __FILE__, __LINE__, #condition); exit(3); } } } while (0)

static __u64 nvme_iova(struct nvme *n, const void *p)
{
	return NVME_IOVA + ((unsigned char *)p - n->memory);
}
static void nvme_queue(struct nvme *n, struct nvme_queue *q, unsigned id, unsigned size)
{
	unsigned char *at = n->memory + id * 8 * PAGE;
	*q = (struct nvme_queue){ .commands = (void *)at, .completions = (void *)(at + 4 * PAGE), .size = size, .phase = 1, .id = id };
	memset(at, 0, 8 * PAGE);
}
static void nvme_put(struct nvme_queue *q, struct nvme_command command)
{
	q->commands[q->tail] = command;
	q->tail = (q->tail + 1) % q->size;
}
static void nvme_ring(struct nvme *n, struct nvme_queue *q)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	REG32(n, DOORBELLS + q->id * 8) = q->tail;
}
/* Takes a completion if there is one. */
static int nvme_reap(struct nvme_queue *q, struct nvme_completion *c)
{
	volatile struct nvme_completion *entry = &q->completions[q->head];
	__u16 status = __atomic_load_n(&entry->status, __ATOMIC_ACQUIRE);
	if ((status & 1) != q->phase)
		return 0;
	*c = *entry;
	if (++q->head == q->size) {
		q->head = 0;
		q->phase ^= 1;
	}
	return 1;
}
static void nvme_acknowledge(struct nvme *n, struct nvme_queue *q)
{
	REG32(n, DOORBELLS + q->id * 8 + 4) = q->head;
}
/* One command: its status, type and code. */
static int nvme_run(struct nvme *n, struct nvme_queue *q, struct nvme_command command, __u32 *result)
{
	struct nvme_completion c;
	command.id = 0x5a;
	nvme_put(q, command);
	nvme_ring(n, q);
	UNTIL(nvme_reap(q, &c));
	nvme_acknowledge(n, q);
	if (result)
		*result = c.result;
	return c.status >> 1 & 0x7ff;
}
static void nvme_enable(struct nvme *n, unsigned entries)
{
	REG32(n, CC) = 0;
	UNTIL((REG32(n, CSTS) & 1) == 0);
	nvme_queue(n, &n->admin, 0, 16);
	REG32(n, AQA) = 15 << 16 | 15;
	REG64(n, ASQ) = nvme_iova(n, (void *)n->admin.commands);
	REG64(n, ACQ) = nvme_iova(n, (void *)n->admin.completions);
	REG32(n, CC) = 0x460001;
	UNTIL(REG32(n, CSTS) & 1);
	nvme_queue(n, &n->io, 1, entries);
	EXPECT("nvme", nvme_run(n, &n->admin, (struct nvme_command){ .opcode = 5, .prp1 = nvme_iova(n, (void *)n->io.completions),
		.dwords = { (entries - 1) << 16 | 1, 3 | 1 << 16 } }, NULL), 0);
	EXPECT("nvme", nvme_run(n, &n->admin, (struct nvme_command){ .opcode = 1, .prp1 = nvme_iova(n, (void *)n->io.commands),
		.dwords = { (entries - 1) << 16 | 1, 1 | 1 << 16 } }, NULL), 0);
}
/* A read (2) or write (1) of `bytes`, at most 512 KiB, of blocks of 512 bytes; `list` has room for a page. */
static struct nvme_command nvme_io(struct nvme *n, int opcode, __u16 id, __u64 block, unsigned char *data, unsigned bytes, __u64 *list)
{
	struct nvme_command c = { .opcode = opcode, .id = id, .nsid = 1, .prp1 = nvme_iova(n, data),
				  .dwords = { (__u32)block, (__u32)(block >> 32), bytes / 512 - 1 } };
	unsigned pages = bytes / PAGE;
	if (pages == 2)
		c.prp2 = nvme_iova(n, data + PAGE);
	else if (pages > 2) {
		for (unsigned i = 1; i < pages; i++)
			list[i - 1] = nvme_iova(n, data + i * PAGE);
		c.prp2 = nvme_iova(n, list);
	}
	return c;
}
/* Binds vfioN, maps `size` bytes of memory for it, and its registers. */
static void nvme_open(struct nvme *n, int number, unsigned long size)
{
	int fd = ioasid_open();
	n->device = vfio_open(number);
	n->size = size;
	n->memory = (unsigned char *)pages(size / PAGE);
	MUST(bind_device(n->device, fd, 1));
	int id = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	MUST(attach(n->device, id));
	MUST(map(fd, id, n->memory, NVME_IOVA, size));
	n->bar = mmap(NULL, 0x4000, PROT_READ | PROT_WRITE, MAP_SHARED, n->device, 0);
	TRUE("nvme", n->bar != MAP_FAILED);
	__u16 command = 6;
	EXPECT("nvme", pwrite(n->device, &command, 2, (7L << 40) + 4), 2);
}

#endif
