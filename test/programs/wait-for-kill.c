/* Calls the virtual kernel again and again, until it no longer answers. */
#include "check.h"

int main(void)
{
	int fd = ioasid_open();
	setlinebuf(stdout);
	printf("pid %d\n", getpid());
	while (ioctl(fd, IOASID_CHECK_EXTENSION, 1) == 1)
		usleep(1000);
	printf("errno %d\n", errno);
	return 0;
}
