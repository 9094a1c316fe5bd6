/*
 * Opens a file of the virtual kernel again and again while a child sends signals to the supervisor: each open gives a
 * descriptor, of that file, and none is lost.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "ioasid.h"

#define OPENS 1000

static void disturb(pid_t supervisor)
{
	struct timespec pause = { .tv_nsec = 50000 };
	for (;;) {
		kill(supervisor, SIGCONT);
		nanosleep(&pause, NULL);
	}
}

int main(void)
{
	pid_t supervisor = getppid(), child;
	int wrong = 0;
	signal(SIGCONT, SIG_IGN);
	child = fork();
	if (child < 0) return 2;
	if (child == 0) disturb(supervisor);
	for (int i = 0; i < OPENS; i++) {
		int fd = open("/dev/ioasid", O_RDWR | O_CLOEXEC);
		if (fd < 3 || ioctl(fd, IOASID_CHECK_EXTENSION, 1) < 0) wrong++;
		if (fd >= 3) close(fd);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	printf("%d of %d wrong\n", wrong, OPENS);
	return wrong ? 1 : 0;
}
