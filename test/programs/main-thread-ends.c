/* The first thread of a process ends; the others go on, and their memory is the process's. */
#include "check.h"

static void *rest(void *unused)
{
	usleep(100000);
	int fd = ioasid_open(), device = vfio_open(1);
	char *memory = pages(2);
	MUST(bind_device(device, fd, 1));
	int id = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	MUST(attach(device, id));
	EXPECT("2.1", map(fd, id, memory, 0x100000, 2 * PAGE), 0);
	reg_write(device, IOASID_DMAE_REG_PATTERN, 0x0707070707070707, 8);
	EXPECT("6", dma(device, FILL, 0, 0x100000, 2 * PAGE), 0);
	EXPECT("6", memory[PAGE], 7);
	exit(failures != 0);
	return unused;
}

int main(void)
{
	pthread_t thread;
	pthread_create(&thread, NULL, rest, NULL);
	pthread_exit(NULL);
}
