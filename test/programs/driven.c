/* Descriptors whose read, write and poll are the virtual kernel's: exact in every call, and ordinary in all else. */
#include "check.h"
#include <sys/uio.h>
#include <sys/time.h>
#include <sys/wait.h>

static int fd, device, id;
static volatile int alarms;

static void ring(int signal)
{
	(void)signal;
	alarms++;
}

/* Again and again, since a busy machine may be late to the call that is to be interrupted; 0: no more. */
static void alarm_every(long microseconds, int flags)
{
	struct sigaction action = { .sa_handler = ring, .sa_flags = flags };
	sigaction(SIGALRM, &action, NULL);
	struct timeval every = { .tv_usec = microseconds };
	struct itimerval timer = { every, every };
	alarms = 0;
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Each attach is an event. */
static void post(void)
{
	MUST(attach(device, id));
	MUST(detach(device, id));
}

/* The alarms are for the thread that reads: a call of this one that waits to be received could be interrupted by them. */
static void *post_late(void *unused)
{
	sigset_t alarm;
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	MUST(pthread_sigmask(SIG_BLOCK, &alarm, NULL));
	usleep(200000);
	post();
	return unused;
}

static int ready(int events)
{
	struct pollfd p = { events, POLLIN | POLLOUT, 0 };
	poll(&p, 1, 0);
	return p.revents & POLLIN;
}

/* Does somebody trace this thread? */
static int traced(void)
{
	char text[4096], *line;
	int file = open("/proc/thread-self/status", O_RDONLY);
	text[MUST(read(file, text, sizeof(text) - 1))] = 0;
	close(file);
	line = strstr(text, "TracerPid:");
	return line && atoi(line + 10) != 0;
}

int main(void)
{
	struct ioasid_event e;
	char bytes[4096], *volatile nowhere = (char *)8;
	fd = ioasid_open();
	device = vfio_open(1);
	MUST(bind_device(device, fd, 7));
	id = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	int events = MUST(ioctl(fd, IOASID_EVENT_FD, 0));

	/* Its number is beyond those of ordinary programs; everything else is as with any descriptor. */
	TRUE("descriptors", events >= 512);
	EXPECT("descriptors", fcntl(events, F_GETFD), 0);
	EXPECT("descriptors", lseek(events, 0, SEEK_SET), -ESPIPE);
	EXPECT("descriptors", write(events, "x", 1), -EINVAL);
	EXPECT("descriptors", ioctl(events, IOASID_ALLOC, NULL), -ENOTTY);

	/* A file without read and write, and mappings that are the program's own: nothing of ours lies behind them. */
	EXPECT("descriptors", read(fd, bytes, 1), -EINVAL);
	EXPECT("descriptors", write(fd, "x", 1), -EINVAL);
	TRUE("descriptors", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == ENODEV);
	TRUE("descriptors", mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == ENODEV);
	int container = open("/dev/iommu", O_RDWR);
	EXPECT("descriptors", read(container, bytes, 8), -EINVAL);
	EXPECT("descriptors", write(container, bytes, 8), -EINVAL);
	TRUE("descriptors", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, container, 0) == MAP_FAILED);
	close(container);
	TRUE("descriptors", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, device, 2ULL << 40) == MAP_FAILED && errno == EINVAL);

	/* Nobody cuts the memory of a device away. */
	TRUE("descriptors", ftruncate(device, 4096) < 0 && ftruncate(fd, 4096) < 0);

	/* A buffer that is too small gets nothing, and the record stays. */
	post();
	TRUE("2", ready(events));
	EXPECT("2", read(events, bytes, 0), -EINVAL);
	EXPECT("2", read(events, bytes, sizeof(e) - 1), -EINVAL);
	struct iovec small[2] = { { bytes, 4 }, { bytes + 4, 4 } }, whole[2] = { { &e, sizeof(e) }, { bytes, 4 } };
	EXPECT("2", readv(events, small, 2), -EINVAL);
	EXPECT("2", read(events, nowhere, sizeof(e)), -EFAULT);
	TRUE("2", ready(events));
	while (ready(events))
		EXPECT("2", readv(events, whole, 1), sizeof(e));
	EXPECT("2", e.type, IOASID_EVENT_DEVICE_DETACHED);

	/* A read that waits is interrupted by a handler, or goes on behind it, as everywhere. */
	alarm_every(50000, 0);
	EXPECT("2", read(events, &e, sizeof(e)), -EINTR);
	TRUE("signals", alarms >= 1);
	pthread_t thread;
	pthread_create(&thread, NULL, post_late, NULL);
	alarm_every(50000, SA_RESTART);
	EXPECT("2", read(events, &e, sizeof(e)), sizeof(e));
	EXPECT("2", e.type, IOASID_EVENT_DEVICE_ATTACHED);
	TRUE("signals", alarms >= 1);
	alarm_every(0, 0);
	pthread_join(thread, NULL);
	EXPECT("2", read(events, &e, sizeof(e)), sizeof(e));
	MUST(fcntl(events, F_SETFL, O_NONBLOCK));
	EXPECT("2", read(events, &e, sizeof(e)), -EAGAIN);

	/* A copy whose number is the kernel's to choose is driven too; one at a low number is followed: both are as exact. */
	int copy = MUST(dup(events)), low = MUST(dup2(events, 40));
	TRUE("2", copy >= 512 && MUST(fcntl(events, F_DUPFD_CLOEXEC, 3)) >= 512);
	EXPECT("2", fcntl(copy, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	TRUE("2", traced());
	post();
	EXPECT("2", read(low, bytes, sizeof(e) - 1), -EINVAL);
	EXPECT("2", read(low, bytes, 0), -EINVAL);
	EXPECT("2", readv(low, small, 2), -EINVAL);
	EXPECT("2", read(low, nowhere, sizeof(e)), -EFAULT);
	EXPECT("2", write(low, "x", 1), -EINVAL);
	TRUE("2", ready(low));
	EXPECT("2", readv(low, whole, 1), sizeof(e));
	EXPECT("2", e.type, IOASID_EVENT_DEVICE_ATTACHED);
	EXPECT("2", read(copy, bytes, sizeof(bytes)), sizeof(e));
	memcpy(&e, bytes, sizeof(e));
	EXPECT("2", e.type, IOASID_EVENT_DEVICE_DETACHED);
	EXPECT("2", read(low, &e, sizeof(e)), -EAGAIN);

	/* So it is in a child, in a thread, and while it waits; when it is closed nobody is followed any more. */
	post();
	pid_t child = fork();
	if (child == 0)
		_exit(read(low, &e, sizeof(e) - 1) == -1 && errno == EINVAL && read(low, &e, sizeof(e)) == sizeof(e) ? 7 : 8);
	int status;
	waitpid(child, &status, 0);
	EXPECT("2", status, 7 << 8);
	EXPECT("2", read(low, &e, sizeof(e)), sizeof(e));
	MUST(fcntl(low, F_SETFL, 0));
	alarm_every(50000, 0);
	EXPECT("2", read(low, &e, sizeof(e)), -EINTR);
	pthread_create(&thread, NULL, post_late, NULL);
	alarm_every(50000, SA_RESTART);
	EXPECT("2", read(low, &e, sizeof(e)), sizeof(e));
	TRUE("signals", alarms >= 1);
	alarm_every(0, 0);
	pthread_join(thread, NULL);
	EXPECT("2", read(low, &e, sizeof(e)), sizeof(e));
	EXPECT("2", close(low), 0);
	TRUE("2", !traced());

	/* Many of them: no limit of the host's pipes is in the way. */
	for (int i = 0; i < 300; i++) {
		int context = ioasid_open();
		MUST(ioctl(context, IOASID_EVENT_FD, O_CLOEXEC));
	}
	return failures != 0;
}
