/* Ways to a file and to its bytes that pass by open, read and write: each is as in Linux, or harmless. */
#include "check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#endif

static int fd, device, id, events;
static char bytes[4096];

static void all_open(void)
{
	fd = ioasid_open();
	device = vfio_open(1);
	MUST(bind_device(device, fd, 7));
	id = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	events = MUST(ioctl(fd, IOASID_EVENT_FD, O_NONBLOCK));
}

/* Each attach and each detach is an event. */
static void post(void)
{
	MUST(attach(device, id));
	MUST(detach(device, id));
}

/* pidfd_getfd(2) gives a low number: a short read takes nothing, a write puts nothing. */
static int copied(pid_t from)
{
	const int size = sizeof(struct ioasid_event);
	int pidfd = MUST(syscall(SYS_pidfd_open, from, 0)), low = MUST(syscall(SYS_pidfd_getfd, pidfd, events, 0));
	TRUE("pidfd_getfd", low < 512);
	EXPECT("pidfd_getfd", read(low, bytes, size - 1), -EINVAL);
	EXPECT("pidfd_getfd", read(low, bytes, 0), -EINVAL);
	EXPECT("pidfd_getfd", write(low, "x", 1), -EINVAL);
	EXPECT("pidfd_getfd", read(low, bytes, sizeof(bytes)), size);
	EXPECT("pidfd_getfd", syscall(SYS_pidfd_getfd, pidfd, 9999, 0), -EBADF);
	int context = MUST(syscall(SYS_pidfd_getfd, pidfd, fd, 0));
	EXPECT("pidfd_getfd", ioctl(context, IOASID_CHECK_EXTENSION, 1), 1);
	return failures != 0;
}

static void spliced(int file)
{
	int ends[2];
	off_t at = 0;
	struct iovec vector = { bytes, 24 };
	MUST(pipe2(ends, O_NONBLOCK));
	MUST(write(ends[1], bytes, 24));
	post();
	EXPECT("splice", splice(events, NULL, ends[1], NULL, 24, SPLICE_F_NONBLOCK), -EINVAL);
	EXPECT("splice", splice(ends[0], NULL, events, NULL, 24, SPLICE_F_NONBLOCK), -EINVAL);
	EXPECT("splice", splice(events, NULL, ends[1], NULL, 0, SPLICE_F_NONBLOCK), 0);
	EXPECT("splice", tee(events, ends[1], 24, SPLICE_F_NONBLOCK), -EINVAL);
	EXPECT("splice", vmsplice(events, &vector, 1, SPLICE_F_NONBLOCK), -EBADF);
	EXPECT("splice", sendfile(file, events, NULL, 24), -EINVAL);
	EXPECT("splice", sendfile(events, file, &at, 24), -EINVAL);
	EXPECT("splice", copy_file_range(events, NULL, file, NULL, 24, 0), -EINVAL);
	EXPECT("splice", splice(fd, NULL, ends[1], NULL, 24, SPLICE_F_NONBLOCK), -EINVAL);
	EXPECT("splice", splice(ends[0], NULL, fd, NULL, 24, SPLICE_F_NONBLOCK), -EINVAL);
	EXPECT("splice", read(ends[0], bytes, sizeof(bytes)), 24);
	/* Both records are there. */
	EXPECT("splice", read(events, bytes, sizeof(bytes)), sizeof(struct ioasid_event));
	EXPECT("splice", read(events, bytes, sizeof(bytes)), sizeof(struct ioasid_event));
	EXPECT("splice", read(events, bytes, sizeof(bytes)), -EAGAIN);
	int text = MUST(open("/sys/bus/pci/devices/0000:01:00.0/vendor", O_RDONLY));
	EXPECT("splice", sendfile(file, text, NULL, 100), 7);
}

/* None of them is a regular file: it has no size, and no seal or lease of a program's changes it. */
static void resized(void)
{
	const int files[] = { fd, device, events };
	for (int i = 0; i < 3; i++) {
		EXPECT("size", ftruncate(files[i], 0), -EINVAL);
		EXPECT("size", fallocate(files[i], 0, 0, 4096), -ENODEV);
		EXPECT("size", fallocate(files[i], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -ENODEV);
		EXPECT("size", fallocate(files[i], 0, -1, 4096), -EINVAL);
		EXPECT("size", fallocate(files[i], 0, 0, 0), -EINVAL);
		TRUE("seals", fcntl(files[i], F_ADD_SEALS, 1 | 2 | 4 | 8 | 16) < 0);
		fcntl(files[i], F_SETLEASE, F_WRLCK);
		char path[64];
		snprintf(path, sizeof(path), "/proc/self/fd/%d", files[i]);
		int name = MUST(open(path, O_PATH));
		snprintf(path, sizeof(path), "/proc/self/fd/%d", name);
		close(MUST(open(path, O_RDWR | O_NONBLOCK)));
		close(name);
	}
	EXPECT("size", ioctl(fd, IOASID_CHECK_EXTENSION, 1), 1);
}

/* Sockets with descriptors in them that nobody receives; one lies in its own queue. */
static void in_flight(void)
{
	for (int i = 0; i < 4; i++) {
		pid_t child = MUST(fork());
		if (child == 0) {
			int ends[2];
			all_open();
			MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
			send_fd(ends[0], events);
			send_fd(ends[0], fd);
			send_fd(ends[0], device);
			if (i & 1)
				send_fd(ends[0], ends[1]), send_fd(ends[1], ends[0]);
			_exit(0);
		}
		EXPECT("in flight", reap(child), 0);
		/* A circle is found when a socket is next closed; a moment later. */
		int tries = 0, other, context = ioasid_open();
		do {
			int ends[2];
			MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
			close(ends[0]);
			close(ends[1]);
			other = vfio_open(1);
			if (bind_device(other, context, 1) == 0)
				break;
			close(other);
			usleep(10000);
		} while (++tries < 500);
		TRUE("in flight", tries < 500);
		close(other);
		close(context);
	}
}

/* There is one listener; filters of a program's own go on top. */
static void filtered(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog filter = { 1, &allow };
	const int flag = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	EXPECT("filter", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, &filter), -EBUSY);
	EXPECT("filter", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter), 0);
	EXPECT("filter", ioctl(fd, IOASID_CHECK_EXTENSION, 1), 1);
}

int main(void)
{
	in_flight();
	all_open();
	post();
	pid_t self = getpid(), child = MUST(fork());
	if (child == 0)
		_exit(copied(self));
	EXPECT("pidfd_getfd", reap(child), 0);
	EXPECT("pidfd_getfd", read(events, bytes, sizeof(bytes)), sizeof(struct ioasid_event));
	int file = MUST(memfd_create("file", 0));
	MUST(ftruncate(file, 4096));
	EXPECT("a file of one's own", fallocate(file, 0, 0, 8192), 0);
	spliced(file);
	resized();
	filtered();
	return failures != 0;
}
