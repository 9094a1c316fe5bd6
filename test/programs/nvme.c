/* NVMe through mapped registers: life cycle, identify, I/O of all shapes, interrupts, wrong commands, what survives. */
#include "nvme.h"

static void identify(struct nvme *n)
{
	unsigned char *page = n->memory + 64 * PAGE;
	EXPECT("nvme", nvme_run(n, &n->admin, (struct nvme_command){ .opcode = 6, .prp1 = nvme_iova(n, page), .dwords = { 1 } }, NULL), 0);
	EXPECT("nvme", page[512], 0x66);
	EXPECT("nvme", *(__u32 *)(page + 516), 1);
	EXPECT("nvme", nvme_run(n, &n->admin, (struct nvme_command){ .opcode = 6, .nsid = 1, .prp1 = nvme_iova(n, page) }, NULL), 0);
	TRUE("nvme", *(__u64 *)page >= 8192);
	EXPECT("nvme", nvme_run(n, &n->admin, (struct nvme_command){ .opcode = 6, .nsid = 2, .prp1 = nvme_iova(n, page) }, NULL), 0x0b);
	EXPECT("nvme", nvme_run(n, &n->admin, (struct nvme_command){ .opcode = 0x7f }, NULL), 1);
}

static void write_pattern(struct nvme *n, unsigned seed)
{
	unsigned char *data = n->memory + 64 * PAGE;
	__u64 *list = (void *)(n->memory + NVME_LISTS);
	for (unsigned i = 0; i < 32; i++) {
		for (unsigned j = 0; j < 64 * 1024; j++)
			data[j] = j * 7 + i * 13 + (j >> 9) + seed;
		EXPECT("nvme", nvme_run(n, &n->io, nvme_io(n, 1, 0, i * 128, data, 64 * 1024, list), NULL), 0);
	}
}
static int check_pattern(struct nvme *n, unsigned seed)
{
	unsigned char *data = n->memory + 64 * PAGE;
	__u64 *list = (void *)(n->memory + NVME_LISTS);
	int wrong = 0;
	for (unsigned i = 0; i < 32; i++) {
		memset(data, 0, 64 * 1024);
		EXPECT("nvme", nvme_run(n, &n->io, nvme_io(n, 2, 0, i * 128, data, 64 * 1024, list), NULL), 0);
		for (unsigned j = 0; j < 64 * 1024; j++)
			wrong += data[j] != (unsigned char)(j * 7 + i * 13 + (j >> 9) + seed);
	}
	return wrong;
}

/* Many commands at a time: every completion comes once, and each read has what was written to its block. */
static void depth(struct nvme *n)
{
	enum { SLOTS = 31, BLOCKS = 512 };
	static unsigned version[BLOCKS];
	unsigned char *data = n->memory + 64 * PAGE;
	int busy[SLOTS] = { 0 }, block[SLOTS] = { 0 }, kind[SLOTS] = { 0 };
	unsigned seed = 1, done = 0, wrong = 0, started = 0;
	for (unsigned i = 0; i < BLOCKS; i++) {
		memset(data, 0, PAGE);
		EXPECT("nvme", nvme_run(n, &n->io, nvme_io(n, 1, 0, i * 8, data, PAGE, NULL), NULL), 0);
	}
	while (done < 4000) {
		for (int slot = 0; slot < SLOTS && started < 4000; slot++) {
			if (busy[slot])
				continue;
			seed = seed * 1103515245 + 12345;
			/* A block for each slot: commands that are on their way at the same time never meet. */
			block[slot] = (seed >> 16) % (BLOCKS / SLOTS) * SLOTS + slot;
			kind[slot] = 1 + (seed >> 9 & 1);
			unsigned char *at = data + slot * PAGE;
			if (kind[slot] == 1)
				memset(at, ++version[block[slot]] & 0xff, PAGE);
			else
				memset(at, 0xee, PAGE);
			nvme_put(&n->io, nvme_io(n, kind[slot], slot, block[slot] * 8, at, PAGE, NULL));
			busy[slot] = 1;
			started++;
		}
		nvme_ring(n, &n->io);
		struct nvme_completion c;
		UNTIL(nvme_reap(&n->io, &c));
		do {
			if (c.id >= SLOTS || !busy[c.id] || c.status >> 1) {
				wrong++;
				continue;
			}
			unsigned char expected = version[block[c.id]] & 0xff, *at = data + c.id * PAGE;
			wrong += at[0] != expected || memcmp(at, at + 1, PAGE - 1) != 0;
			busy[c.id] = 0;
			done++;
		} while (nvme_reap(&n->io, &c));
		nvme_acknowledge(n, &n->io);
	}
	EXPECT("nvme", wrong, 0);
}

static void interrupts(struct nvme *n)
{
	struct { struct vfio_irq_set set; int fds[2]; } irq = {
		{ .argsz = sizeof(irq), .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, .index = 2, .count = 2 },
		{ MUST(eventfd(0, 0)), MUST(eventfd(0, 0)) },
	};
	__u64 count = 0;
	EXPECT("nvme", ioctl(n->device, VFIO_DEVICE_SET_IRQS, &irq), 0);
	nvme_put(&n->io, (struct nvme_command){ .opcode = 0, .nsid = 1 });
	nvme_ring(n, &n->io);
	EXPECT("nvme", read(irq.fds[1], &count, 8), 8);
	EXPECT("nvme", count, 1);
	struct nvme_completion c;
	TRUE("nvme", nvme_reap(&n->io, &c));
	nvme_acknowledge(n, &n->io);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "all";
	struct nvme n = { 0 };
	nvme_open(&n, 2, 8 << 20);
	nvme_enable(&n, 64);
	if (strcmp(mode, "write") == 0) {
		write_pattern(&n, 5);
		EXPECT("nvme", nvme_run(&n, &n.io, (struct nvme_command){ .opcode = 0, .nsid = 1 }, NULL), 0);
		/* Gone without a word: what was flushed is in the file. */
		raise(SIGKILL);
	}
	if (strcmp(mode, "hold") == 0) {
		/* Tells when the data are safe; then somebody kills the machine itself. */
		write_pattern(&n, 5);
		EXPECT("nvme", nvme_run(&n, &n.io, (struct nvme_command){ .opcode = 0, .nsid = 1 }, NULL), 0);
		printf("%d\n", getpid());
		fflush(stdout);
		pause();
	}
	if (strcmp(mode, "read") == 0) {
		EXPECT("nvme", check_pattern(&n, 5), 0);
		return failures != 0;
	}
	identify(&n);
	write_pattern(&n, 0);
	EXPECT("nvme", check_pattern(&n, 0), 0);
	interrupts(&n);
	depth(&n);
	/* Wrong commands have a status, and the controller goes on. */
	struct nvme_command far = nvme_io(&n, 2, 0, 1UL << 40, n.memory + 64 * PAGE, PAGE, NULL);
	EXPECT("nvme", nvme_run(&n, &n.io, far, NULL), 0x80);
	struct nvme_command nowhere = nvme_io(&n, 2, 0, 0, n.memory + 64 * PAGE, PAGE, NULL);
	nowhere.prp1 = 0x1000;
	EXPECT("nvme", nvme_run(&n, &n.io, nowhere, NULL), 4);
	/* Registers by calls are the same registers. */
	__u32 csts = 0, cc = 0;
	EXPECT("nvme", pread(n.device, &csts, 4, CSTS), 4);
	EXPECT("nvme", csts, 1);
	EXPECT("nvme", pwrite(n.device, &cc, 4, CC), 4);
	EXPECT("nvme", REG32(&n, CSTS), 0);
	/* A ring outside the address space is fatal, and a reset recovers. */
	REG64(&n, ASQ) = 0xfffffffff000;
	REG32(&n, CC) = 0x460001;
	UNTIL(REG32(&n, CSTS) & 1);
	REG32(&n, DOORBELLS) = 1;
	UNTIL(REG32(&n, CSTS) & 2);
	nvme_enable(&n, 16);
	EXPECT("nvme", nvme_run(&n, &n.io, (struct nvme_command){ .opcode = 0, .nsid = 1 }, NULL), 0);
	/* Shutdown. */
	REG32(&n, CC) = 0x464001;
	UNTIL((REG32(&n, CSTS) & 0xc) == 8);
	/* A function reset puts everything back. */
	EXPECT("nvme", ioctl(n.device, VFIO_DEVICE_RESET, 0), 0);
	EXPECT("nvme", REG32(&n, CC), 0);
	EXPECT("nvme", REG32(&n, CSTS), 0);
	return failures != 0;
}
