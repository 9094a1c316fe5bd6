/* A thread, not the first of its process, opens a path of the virtual kernel and makes a call on it. */
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "ioasid.h"

static void *open_it(void *unused)
{
	int fd = open("/dev/ioasid", O_RDWR);
	(void)unused;
	ioctl(fd, IOASID_CHECK_EXTENSION, 1);
	close(fd);
	return NULL;
}

int main(void)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, open_it, NULL)) return 1;
	return pthread_join(thread, NULL) ? 1 : 0;
}
