/*
 * RLIMIT_MEMLOCK holds as it was set: for a process that has given up root, or, with an argument, for one that is root
 * in a user namespace of its own only.
 */
#include "check.h"
#include <sched.h>
#include <sys/prctl.h>

int main(int argc, char **argv)
{
	struct rlimit limit = { 64 * 1024, 64 * 1024 };
	int fd = ioasid_open(), device = vfio_open(1);
	char *memory = pages(32);
	MUST(bind_device(device, fd, 1));
	int id = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	MUST(attach(device, id));
	MUST(setrlimit(RLIMIT_MEMLOCK, &limit));
	(void)argv;
	if (argc > 1) {
		MUST(unshare(CLONE_NEWUSER));
	} else {
		MUST(setgid(65534));
		MUST(setuid(65534));
		/* setuid() made the process undumpable, which would keep us out of its memory. */
		MUST(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	}
	EXPECT("2.1", map(fd, id, memory, 0x100000, 4 * PAGE), 0);
	EXPECT("2.1", map(fd, id, memory + 4 * PAGE, 0x200000, 20 * PAGE), -ENOMEM);
	printf("story\n");
	return failures != 0;
}
