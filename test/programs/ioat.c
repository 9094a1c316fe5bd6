/* CBDMA ("IOAT") through its mapped registers: copies, fills, completions in memory, interrupts, errors, reset. */
#include "check.h"
#include <sys/eventfd.h>
#include <time.h>

#define CHANCNT 0x00
#define INTRCTRL 0x03
#define CBVER 0x08
#define CHANCMD 0x84
#define DMACOUNT 0x86
#define CHANSTS 0x88
#define CHAINADDR 0x90
#define CHANCMP 0x98
#define CHANERR 0xa8
#define RING 64
#define IOVA 0x100000UL

struct descriptor {
	__u32 size, control;
	__u64 source, target, next, rest[4];
};

static volatile unsigned char *bar;
#define REG(type, offset) (*(volatile type *)(bar + (offset)))

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}
/* Waits until a condition holds; a device that never answers fails the test. */
#define WAIT(condition) ({ double end_ = now() + 20; while (!(condition) && now() < end_) __builtin_ia32_pause(); TRUE("ioat", condition); })

static void reset(void)
{
	REG(__u8, CHANCMD) = 0x20;
	WAIT((REG(__u8, CHANCMD) & 0x20) == 0);
}

int main(int argc, char **argv)
{
	int copies = argc > 1 ? atoi(argv[1]) : 2000;
	int fd = ioasid_open(), device = vfio_open(2);
	unsigned long size = 1 << 20;
	unsigned char *memory = (unsigned char *)pages(size / PAGE);
	struct descriptor *ring = (void *)memory;
	volatile __u64 *status = (void *)(memory + 0x8000);

	EXPECT("3", (long)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, device, 0), -EINVAL);
	MUST(bind_device(device, fd, 1));
	int id = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	MUST(attach(device, id));
	MUST(map(fd, id, memory, IOVA, size));
	bar = mmap(NULL, 0x4000, PROT_READ | PROT_WRITE, MAP_SHARED, device, 0);
	TRUE("ioat", bar != MAP_FAILED);

	__u16 id_words[2], command = 6;
	__u64 config = 7UL << 40;
	EXPECT("ioat", pread(device, id_words, 4, config), 4);
	TRUE("ioat", id_words[0] == 0x8086 && id_words[1] == 0x2021);
	EXPECT("ioat", pwrite(device, &command, 2, config + 4), 2);
	EXPECT("ioat", REG(__u8, CHANCNT), 1);
	EXPECT("ioat", REG(__u8, CBVER), 0x33);
	reset();
	EXPECT("ioat", REG(__u64, CHANSTS) & 7, 3);

	/* MSI-X. */
	struct { struct vfio_irq_set set; int fd; } irq = {
		{ .argsz = sizeof(irq), .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, .index = 2, .count = 1 },
		MUST(eventfd(0, EFD_NONBLOCK)),
	};
	EXPECT("ioat", ioctl(device, VFIO_DEVICE_SET_IRQS, &irq), 0);
	EXPECT("ioat", REG(__u64, CHANSTS) & 7, 4);
	REG(__u8, INTRCTRL) = 8;

	for (int i = 0; i < RING; i++)
		ring[i] = (struct descriptor){ .size = 1024, .control = 8, .source = IOVA + 0x10000 + i * 1024,
					       .target = IOVA + 0x40000 + i * 1024, .next = IOVA + (i + 1) % RING * 64 };
	ring[RING - 1].control |= 1;
	for (int i = 0; i < RING * 1024; i++)
		memory[0x10000 + i] = i * 13 + (i >> 9);
	REG(__u64, CHANCMP) = IOVA + 0x8000;
	REG(__u64, CHAINADDR) = IOVA;
	double start = now();
	int wrong = 0;
	for (int done = 0; done < copies; done += RING) {
		memset(memory + 0x40000, 0, RING * 1024);
		*status = 0;
		REG(__u16, DMACOUNT) = done + RING;
		WAIT(*status == ((IOVA + (RING - 1) * 64) | 1));
		wrong += memcmp(memory + 0x10000, memory + 0x40000, RING * 1024) != 0;
	}
	double took = now() - start;
	EXPECT("ioat", wrong, 0);
	if (argc > 1)
		printf("%.0f copies of 1 KiB a second\n", copies / took);
	/* The last one comes after what it tells of. */
	__u64 interrupts = 0, more;
	WAIT((interrupts += read(irq.fd, &more, 8) == 8 ? more : 0) >= (__u64)(copies + RING - 1) / RING);
	EXPECT("ioat", interrupts, (copies + RING - 1) / RING);

	/* One at a time, after SUSPEND; a fill. */
	REG(__u8, CHANCMD) = 4;
	WAIT((REG(__u64, CHANSTS) & 7) == 2);
	ring[0] = (struct descriptor){ .size = 11, .control = 1 << 24 | 8, .source = 0x0807060504030201, .target = IOVA + 0x40001 };
	*status = 0;
	REG(__u16, DMACOUNT) = 1;
	WAIT(*status == (IOVA | 1));
	EXPECT("ioat", memcmp(memory + 0x40001, "\1\2\3\4\5\6\7\10\1\2\3", 11), 0);

	/* A source that is not mapped halts the channel; RESET and a new chain let it go on. */
	REG(__u8, CHANCMD) = 4;
	WAIT((REG(__u64, CHANSTS) & 7) == 2);
	ring[0] = (struct descriptor){ .size = 64, .control = 8, .source = 0x1000, .target = IOVA + 0x40000 };
	*status = 0;
	REG(__u16, DMACOUNT) = 1;
	WAIT((*status & 7) == 3);
	EXPECT("ioat", REG(__u32, CHANERR), 1);
	reset();
	ring[0].source = IOVA + 0x10000;
	REG(__u64, CHAINADDR) = IOVA + 64;
	REG(__u64, CHAINADDR) = IOVA;
	WAIT((REG(__u64, CHANSTS) & 7) == 4);
	REG(__u16, DMACOUNT) = 1;
	WAIT(*status == (IOVA | 1));
	EXPECT("ioat", memcmp(memory + 0x10000, memory + 0x40000, 64), 0);

	/* Register reads and writes by calls are the same registers. */
	__u8 version = 0, again = 0x20;
	EXPECT("ioat", pread(device, &version, 1, CBVER), 1);
	EXPECT("ioat", version, 0x33);
	EXPECT("ioat", pwrite(device, &again, 1, CHANCMD), 1);
	EXPECT("ioat", REG(__u8, CHANCMD), 0);
	return failures != 0;
}
