/* An NVMe controller is told of a command before its queues are mapped: the mapping comes two lines too late. */
#define NAME "vfio9"
#define FUNCTION "0000:07:00.0"
#define GROUP "/dev/vfio/9"
#include "engine.h"

/* NVMe Base Specification 2.0, 3.1.3. */
#define CC 0x14
#define CSTS 0x1c
#define AQA 0x24
#define ASQ 0x28
#define ACQ 0x30
#define DOORBELL 0x1000
#define ENABLE 1
#define ENTRY_SIZES (6 << 16 | 4 << 20)
#define READY 1
#define FATAL 2
#define IDENTIFY 6

/* Waits until the controller is ready, or has given up. */
static void wait_for(__u32 bits)
{
	__u32 status = 0;
	for (int i = 0; i < 10000 && !(status & bits); i++, usleep(100))
		check(pread(device, &status, 4, CSTS), "read CSTS");
}

int main(void)
{
	char *queues = memory(3 * PAGE);
	volatile __u16 *phase = (__u16 *)(queues + PAGE + 14);
	bind_engine();
	attach_engine();
	IF_FIXED(map(queues, 3 * PAGE, READ | WRITE));
	set_register(AQA, 1 << 16 | 1, 4);
	set_register(ASQ, IOVA, 8);
	set_register(ACQ, IOVA + PAGE, 8);
	set_register(CC, ENABLE | ENTRY_SIZES, 4);
	wait_for(READY | FATAL);
	queues[0] = IDENTIFY;
	*(__u64 *)(queues + 24) = IOVA + 2 * PAGE;
	queues[40] = 1;
	set_register(DOORBELL, 1, 4);
	IF_FAULTY(map(queues, 3 * PAGE, READ | WRITE));
	IF_FAULTY(wait_for(FATAL));
	IF_FIXED(for (int i = 0; i < 10000 && !(*phase & 1); i++) usleep(100));
	(void)phase;
	set_register(CC, 0, 4);
	finish(3 * PAGE);
	return 0;
}
