/* Very many at once: threads that call and wait, processes that fork and execute others; and descriptors closed in ranges. */
#include "check.h"
#include <spawn.h>

extern char **environ;
static int fd, device, id, events;
static volatile int answered;

static void *caller(void *number)
{
	struct stat st;
	struct ioasid_event event;
	if (ioctl(fd, IOASID_CHECK_EXTENSION, 1) == 1 && stat("/dev/ioasid", &st) == 0)
		__sync_fetch_and_add(&answered, 1);
	/* Every fourth waits for what never comes. */
	if ((long)number % 4 == 0 && read(events, &event, sizeof(event)) != -1)
		__sync_fetch_and_add(&answered, -1);
	return NULL;
}

static void *storm(void *unused)
{
	char *argv[] = { "/bin/true", NULL };
	for (int i = 0; i < 10; i++) {
		pid_t pid;
		EXPECT("storm", posix_spawn(&pid, argv[0], NULL, NULL, argv, environ), 0);
		EXPECT("storm", reap(pid), 0);
		pid = vfork();
		if (pid == 0) {
			execv(argv[0], argv);
			_exit(9);
		}
		EXPECT("storm", reap(pid), 0);
	}
	return unused;
}

/* A process with a thousand threads, a quarter of them in a read, that ends at once. */
static int thousand(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	fcntl(events, F_SETFL, 0);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 1 << 16);
	for (long i = 0; i < 1000; i++)
		MUST(-pthread_create(&thread, &attributes, caller, (void *)i));
	for (int i = 0; i < 6000 && answered < 1000; i++)
		usleep(10000);
	return answered == 1000 ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc > 1) /* The program that execveat below starts. */
		return ioctl(atoi(argv[1]), IOASID_ALLOC, NULL);
	fd = ioasid_open();
	device = vfio_open(1);
	MUST(bind_device(device, fd, 1));
	id = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	events = MUST(ioctl(fd, IOASID_EVENT_FD, O_NONBLOCK | O_CLOEXEC));
	pid_t child = MUST(fork());
	if (child == 0)
		_exit(thousand());
	EXPECT("threads", reap(child), 0);

	pthread_t threads[8];
	for (int i = 0; i < 8; i++)
		MUST(-pthread_create(&threads[i], NULL, storm, NULL));
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);

	int self = MUST(open("/proc/self/exe", O_RDONLY));
	MUST(fcntl(fd, F_SETFD, 0));
	child = MUST(fork());
	if (child == 0) {
		char number[16], *arguments[] = { argv[0], number, NULL };
		snprintf(number, sizeof(number), "%d", fd);
		syscall(SYS_execveat, self, "", arguments, environ, AT_EMPTY_PATH);
		_exit(99);
	}
	EXPECT("execveat", reap(child), id + 1);

	/* CLOSE_RANGE_UNSHARE, then all of them: the device is free when close_range returns. */
	child = MUST(fork());
	if (child == 0) {
		MUST(syscall(SYS_close_range, 3, ~0U, 2));
		_exit(ioctl(fd, IOASID_CHECK_EXTENSION, 1) == -1 && errno == EBADF ? 0 : 1);
	}
	EXPECT("close_range", reap(child), 0);
	EXPECT("close_range", ioctl(fd, IOASID_CHECK_EXTENSION, 1), 1);
	MUST(dup2(events, 40));
	MUST(syscall(SYS_close_range, 3, ~0U, 0));
	fd = ioasid_open();
	device = vfio_open(1);
	EXPECT("close_range", bind_device(device, fd, 1), 0);
	return failures != 0;
}
