/*
 * A thread that is not the first executes a shell, while the first one waits in read() (or, with an argument, writes to the
 * copy of a driven descriptor without end). The shell has the copy at number 5: its write is refused, and it ends with 7.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *other(void *argument)
{
	usleep(200000);
	execl("/bin/sh", "sh", "-c", "echo x >&5 || echo refused; exit 7", (char *)NULL);
	return argument;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int ends[2];
	char byte;
	int fd = open("/sys/bus/pci/drivers/vfio-pci/bind", O_WRONLY);

	(void)argv;
	if (fd < 0 || pipe(ends) != 0 || dup2(fd, 5) != 5 || pthread_create(&thread, NULL, other, NULL) != 0)
		return 1;
	if (argc > 1)
		while (write(5, "0000:ff:00.0", 12) < 0)
			;
	return read(ends[0], &byte, 1) == 0 ? 8 : 9;
}
