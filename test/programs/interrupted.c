/*
 * interrupted CHILDREN CALLS: so many calls of stat() under a signal every 200 us whose handler has no SA_RESTART, while
 * children call as well. Prints how many were interrupted.
 */
#include "expect.h"
#include <sys/prctl.h>
#include <sys/time.h>

static void ring(int signal) { (void)signal; }

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	struct stat st;
	int calls = atoi(argv[2]), interrupted = 0;
	for (int i = 0; i < atoi(argv[1]); i++) {
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				stat("/usr/bin/true", &st);
		}
	}
	struct sigaction action = { .sa_handler = ring };
	sigaction(SIGALRM, &action, NULL);
	struct timeval every = { .tv_usec = 200 };
	struct itimerval timer = { every, every };
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int i = 0; i < calls; i++)
		interrupted += R(stat("/usr/bin/true", &st)) == -EINTR;
	printf("%d of %d\n", interrupted, calls);
	return 0;
}
