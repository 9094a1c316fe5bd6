/* Section 1, Files: an open file is shared by dup, fork, exec and SCM_RIGHTS; the last close anywhere releases it. */
#include "check.h"

static int in_child(int (*act)(int), int fd)
{
	pid_t pid = MUST(fork());
	if (pid == 0)
		exit(act(fd));
	return reap(pid);
}
static int allocs_two(int fd) { return ioctl(fd, IOASID_ALLOC, NULL); }

int main(int argc, char **argv)
{
	if (argc > 1) /* The program that the exec below starts. */
		return ioctl(atoi(argv[1]), IOASID_ALLOC, NULL);

	struct stat st;
	EXPECT("1", stat("/dev/ioasid", &st), 0);
	TRUE("1", S_ISCHR(st.st_mode));
	EXPECT("1", st.st_mode & 0777, 0660);
	EXPECT("1", stat("/dev/vfio/devices/vfio0", &st), 0);
	TRUE("1", S_ISCHR(st.st_mode));
	EXPECT("1", stat("/dev/vfio/devices/vfio99", &st), -ENOENT);
	EXPECT("1", open("/dev/vfio/devices/vfio99", O_RDWR), -ENOENT);
	EXPECT("1", open("/dev/ioasid/x", O_RDWR), -ENOTDIR);
	EXPECT("1", open("/dev/ioasid", O_RDWR | O_CREAT | O_EXCL, 0600), -EEXIST);
	EXPECT("1", access("/dev/ioasid", R_OK | W_OK), 0);
	EXPECT("1", lstat("/dev/vfio/devices/by-bdf/0000:01:00.0", &st), 0);
	TRUE("1", S_ISLNK(st.st_mode));
	char target[64] = "";
	EXPECT("1", readlink("/dev/vfio/devices/by-bdf/0000:01:00.0", target, sizeof(target)), strlen("../vfio1"));
	EXPECT("1", strcmp(target, "../vfio1"), 0);
	int by_bdf = MUST(open("/dev/vfio/devices/by-bdf/0000:01:00.0", O_RDWR));
	EXPECT("1", fstat(by_bdf, &st), 0);
	TRUE("1", S_ISCHR(st.st_mode));

	/* IDs are per open file: a dup sees the same ones, another open does not. */
	int fd = MUST(open("/dev/ioasid", O_RDWR));
	EXPECT("1", fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	EXPECT("2.1", ioctl(fd, IOASID_ALLOC, NULL), 1);
	int copy = MUST(dup(fd));
	EXPECT("1", ioctl(copy, IOASID_FREE, 1), 0);
	EXPECT("1", ioctl(copy, IOASID_ALLOC, NULL), 1);
	int other = ioasid_open();
	EXPECT("2.1", ioctl(other, IOASID_FREE, 1), -ENOENT);
	EXPECT("1", in_child(allocs_two, fd), 2);

	/* exec without CLOEXEC shares it as well. */
	pid_t pid = MUST(fork());
	if (pid == 0) {
		char number[16];
		snprintf(number, sizeof(number), "%d", fd);
		execl("/proc/self/exe", argv[0], number, (char *)NULL);
		_exit(99);
	}
	EXPECT("1", reap(pid), 3);

	/* The device stays bound until the last descriptor is closed, wherever it is. */
	int device = vfio_open(0);
	EXPECT("3.1", bind_device(device, other, 1), 0);
	int sockets[2];
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	send_fd(sockets[0], device);
	close(device);
	device = vfio_open(0);
	EXPECT("3.1", bind_device(device, other, 1), -EBUSY);
	close(receive_fd(sockets[1]));
	EXPECT("3.1", bind_device(device, other, 1), 0);

	/* chmod afterwards changes nothing for who holds it; who opens next is judged by the new mode. */
	EXPECT("1", chmod("/dev/ioasid", 0), 0);
	EXPECT("1", stat("/dev/ioasid", &st), 0);
	EXPECT("1", st.st_mode & 0777, 0);
	EXPECT("1", ioctl(fd, IOASID_ALLOC, NULL), 4);
	if (geteuid() == 0) {
		pid = MUST(fork());
		if (pid == 0) {
			if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
				_exit(98);
			if (R(open("/dev/ioasid", O_RDWR)) != -EACCES)
				_exit(97);
			_exit(ioctl(fd, IOASID_ALLOC, NULL));
		}
		EXPECT("1", reap(pid), 5);
	}
	EXPECT("1", chmod("/dev/ioasid", 0660), 0);

	/* The last close of the context detaches and unbinds; the device's open file stays. */
	EXPECT("3.2", attach(device, MUST(ioctl(other, IOASID_ALLOC, NULL))), 0);
	close(other);
	EXPECT("3.1", ioctl(device, VFIO_UNBIND_IOASID_FD), -EINVAL);
	EXPECT("3.1", bind_device(device, fd, 1), 0);
	return failures != 0;
}
