/* Paths of the virtual kernel's files, by every way that leads to them, and the errors of path_resolution(7). */
#include "check.h"
#include <dirent.h>
#include <linux/openat2.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

static long openat2_(int dir, const char *path, __u64 flags, __u64 resolve)
{
	struct open_how how = { .flags = flags, .resolve = resolve };
	return R(syscall(SYS_openat2, dir, path, &how, sizeof(how)));
}

static int types(const char *path, const char *name)
{
	DIR *dir = opendir(path);
	int type = -1;
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (!strcmp(entry->d_name, name))
			type = entry->d_type;
	if (dir)
		closedir(dir);
	return type;
}

static void ways(const char *work)
{
	struct stat st;
	char text[4096], link[4200];
	EXPECT("a path with dots", stat("/dev/vfio/../vfio/./devices//vfio0", &st), 0);
	TRUE("is the device", S_ISCHR(st.st_mode));
	EXPECT("out of a virtual directory and back to the host", stat("/dev/vfio/../null", &st), 0);
	TRUE("is /dev/null", S_ISCHR(st.st_mode) && st.st_rdev == 0x103);
	int null = MUST(open("/dev/vfio/devices/../../null", O_RDWR));
	EXPECT("it can be written", write(null, "x", 1), 1);
	EXPECT("/proc/self/root", stat("/proc/self/root/dev/ioasid", &st), 0);
	TRUE("is the device", st.st_rdev == 0xa3c);

	/* Links that the program makes. */
	snprintf(link, sizeof(link), "%s/link", work);
	EXPECT("symlink", symlink("/dev/vfio", link), 0);
	snprintf(link, sizeof(link), "%s/link/devices/vfio0", work);
	EXPECT("a link of the program", stat(link, &st), 0);
	TRUE("leads to the device", S_ISCHR(st.st_mode));
	snprintf(link, sizeof(link), "%s/link", work);
	snprintf(text, sizeof(text), "%s/other", work);
	EXPECT("rename", rename(link, text), 0);
	snprintf(link, sizeof(link), "%s/other/devices", work);
	EXPECT("under its new name", stat(link, &st), 0);
	EXPECT("unlink", unlink(text), 0);

	/* From directories. */
	int root = MUST(open("/", O_RDONLY | O_DIRECTORY)), dev = MUST(open("/dev", O_RDONLY | O_DIRECTORY));
	int vfio = MUST(openat(dev, "vfio", O_RDONLY | O_DIRECTORY));
	EXPECT("from /", fstatat(root, "dev/ioasid", &st, 0), 0);
	EXPECT("from /dev", fstatat(dev, "ioasid", &st, 0), 0);
	EXPECT("from a virtual directory", fstatat(vfio, "devices/vfio0", &st, 0), 0);
	EXPECT("above it", fstatat(vfio, "../null", &st, 0), 0);
	int copy = MUST(fcntl(vfio, F_DUPFD, 3));
	EXPECT("from a copy of the descriptor", fstatat(copy, "devices/vfio0", &st, 0), 0);
	int any = MUST(open(work, O_RDONLY | O_DIRECTORY));
	EXPECT("an absolute path does not care for the directory", fstatat(any, "/dev/ioasid", &st, 0), 0);
	EXPECT("fstat of a directory", fstat(vfio, &st), 0);
	TRUE("is a directory", S_ISDIR(st.st_mode));
	ino_t ino = st.st_ino;
	EXPECT("the same", stat("/dev/vfio", &st), 0);
	TRUE("inode", st.st_ino == ino);

	/* Working directories. */
	EXPECT("chdir", chdir("/dev/vfio/devices"), 0);
	TRUE("getcwd", getcwd(text, sizeof(text)) && !strcmp(text, "/dev/vfio/devices"));
	EXPECT("a relative path", stat("vfio0", &st), 0);
	EXPECT("and above", stat("../../null", &st), 0);
	EXPECT("fchdir", fchdir(vfio), 0);
	TRUE("getcwd", getcwd(text, sizeof(text)) && !strcmp(text, "/dev/vfio"));
	EXPECT("/proc/self/cwd", readlink("/proc/self/cwd", text, sizeof(text)), 9);
	TRUE("names it", !memcmp(text, "/dev/vfio", 9));
	EXPECT("chdir ..", chdir(".."), 0);
	TRUE("getcwd", getcwd(text, sizeof(text)) && !strcmp(text, "/dev"));
	EXPECT("chdir back", chdir(work), 0);
	EXPECT("chdir to a device", chdir("/dev/ioasid"), -ENOTDIR);
	EXPECT("chdir to nothing", chdir("/dev/vfio/none"), -ENOENT);

	/* O_PATH. */
	int path = MUST(open("/dev/ioasid", O_PATH));
	EXPECT("fstat of O_PATH", fstat(path, &st), 0);
	TRUE("is the device", S_ISCHR(st.st_mode));
	EXPECT("read of O_PATH", read(path, text, 1), -EBADF);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", path);
	int again = MUST(open(link, O_RDWR));
	EXPECT("opened through O_PATH", ioctl(again, IOASID_ALLOC, NULL), 1);
	int dirpath = MUST(open("/dev/vfio", O_PATH | O_DIRECTORY));
	EXPECT("from an O_PATH directory", fstatat(dirpath, "devices/vfio0", &st, 0), 0);
	int linkpath = MUST(open("/dev/vfio/devices/by-bdf/0000:01:00.0", O_PATH | O_NOFOLLOW));
	EXPECT("O_PATH of a link", fstat(linkpath, &st), 0);
	TRUE("is a link", S_ISLNK(st.st_mode));

	/* Listings. */
	EXPECT("d_type of a device", types("/dev", "ioasid"), DT_CHR);
	EXPECT("of a host device beside it", types("/dev", "null"), DT_CHR);
	EXPECT("of a directory", types("/dev", "vfio"), DT_DIR);
	EXPECT("of a link", types("/dev/vfio/devices/by-bdf", "0000:01:00.0"), DT_LNK);
	DIR *dir = opendir("/dev/vfio/devices");
	int first = 0, second = 0;
	while (readdir(dir))
		first++;
	rewinddir(dir);
	while (readdir(dir))
		second++;
	TRUE("rewinddir", first == second && first >= 9);
	closedir(dir);
	struct statfs fs;
	EXPECT("statfs", statfs("/dev/ioasid", &fs), 0);
	EXPECT("fstatfs", fstatfs(vfio, &fs), 0);
}

static void errors(void)
{
	struct stat st;
	char name[400];
	memset(name, 'n', sizeof(name));
	strcpy(name, "/dev/vfio/");
	name[10] = 'n';
	name[sizeof(name) - 1] = 0;
	EXPECT("a long name", stat(name, &st), -ENAMETOOLONG);
	EXPECT("a slash behind a device", stat("/dev/ioasid/", &st), -ENOTDIR);
	EXPECT("an empty path", stat("", &st), -ENOENT);
	EXPECT("O_DIRECTORY of a device", open("/dev/ioasid", O_RDONLY | O_DIRECTORY), -ENOTDIR);
	EXPECT("write to a directory", open("/dev/vfio", O_RDWR), -EISDIR);
	EXPECT("O_NOFOLLOW of a link", open("/dev/vfio/devices/by-bdf/0000:01:00.0", O_RDWR | O_NOFOLLOW), -ELOOP);
	EXPECT("readlink of a device", readlink("/dev/ioasid", name, 10), -EINVAL);
	EXPECT("access mode", access("/dev/ioasid", 8), -EINVAL);
	EXPECT("access X of a device", access("/dev/ioasid", X_OK), -EACCES);
	EXPECT("mkdir of a name that is there", mkdir("/dev/vfio", 0777), -EEXIST);
	EXPECT("mkdir in it", mkdir("/dev/vfio/x", 0777), -EPERM);
	EXPECT("symlink over a device", symlink("x", "/dev/ioasid"), -EEXIST);
	EXPECT("unlink", unlink("/dev/ioasid"), -EPERM);
	EXPECT("unlink of a directory", unlink("/dev/vfio"), -EISDIR);
	EXPECT("rmdir of a device", rmdir("/dev/ioasid"), -ENOTDIR);
	EXPECT("rmdir of /dev", rmdir("/dev"), -EBUSY);
	EXPECT("rmdir of a directory with files", rmdir("/dev/vfio/devices"), -ENOTEMPTY);
	EXPECT("rmdir in sysfs", rmdir("/sys/bus/pci/devices"), -EPERM);
	EXPECT("rename", rename("/dev/ioasid", "/dev/x"), -EPERM);
	EXPECT("rename over", rename("/dev/null", "/dev/ioasid"), -EPERM);
	EXPECT("truncate of a device", truncate("/dev/ioasid", 0), -EINVAL);
	EXPECT("the device is still there", access("/dev/ioasid", F_OK), 0);

	int vfio = MUST(open("/dev/vfio", O_RDONLY | O_DIRECTORY));
	EXPECT("openat2", openat2_(AT_FDCWD, "/dev/ioasid", O_RDWR, 0) >= 0, 1);
	EXPECT("unknown resolve", openat2_(AT_FDCWD, "/dev/ioasid", O_RDWR, 1ULL << 40), -EINVAL);
	EXPECT("unknown flag", openat2_(AT_FDCWD, "/dev/ioasid", 1ULL << 40, 0), -EINVAL);
	EXPECT("BENEATH", openat2_(vfio, "devices/vfio0", O_RDWR, RESOLVE_BENEATH) >= 0, 1);
	EXPECT("BENEATH ..", openat2_(vfio, "../ioasid", O_RDWR, RESOLVE_BENEATH), -EXDEV);
	EXPECT("BENEATH absolute", openat2_(vfio, "/dev/ioasid", O_RDWR, RESOLVE_BENEATH), -EXDEV);
	EXPECT("IN_ROOT", openat2_(vfio, "/devices/vfio0", O_RDWR, RESOLVE_IN_ROOT) >= 0, 1);
	EXPECT("NO_SYMLINKS", openat2_(vfio, "devices/by-bdf/0000:01:00.0", O_RDWR, RESOLVE_NO_SYMLINKS), -ELOOP);
	EXPECT("NO_XDEV", openat2_(AT_FDCWD, "/dev/ioasid", O_RDWR, RESOLVE_NO_XDEV), -EXDEV);
	EXPECT("NO_XDEV within", openat2_(vfio, "devices/vfio0", O_RDWR, RESOLVE_NO_XDEV) >= 0, 1);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	ways(argv[1]);
	errors();
	return failures != 0;
}
