/* Hostile input: what must neither hang, nor crash the runner, nor change anything. */
#include "check.h"

static volatile int stop;

static void *killed_thread(void *arg)
{
	int fd = *(int *)arg;
	char *memory = pages(1);
	while (!stop)
		map(fd, 1, memory, 0x100000, PAGE), unmap(fd, 1, 0x100000, PAGE);
	return NULL;
}

static void *closer(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		int fd = open("/dev/ioasid", O_RDWR);
		if (fd >= 0)
			close(fd);
	}
	return arg;
}

int main(void)
{
	int fd = ioasid_open(), device = vfio_open(2);
	MUST(bind_device(device, fd, 1));
	MUST(ioctl(fd, IOASID_ALLOC, NULL));
	MUST(attach(device, 1));
	char *memory = pages(4);

	/* Pointers and sizes of every shape. */
	static const __u64 odd[] = { 0, 1, 0x10, 0xfff, 0x7fffffffffff, 1ULL << 47, 1ULL << 56, 1ULL << 63, -1ULL, -8ULL, -4096ULL };
	unsigned long requests[21];
	for (int n = 0; n < 21; n++)
		requests[n] = _IO(IOASID_TYPE, IOASID_BASE + n);
	for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		for (int n = 0; n < 21; n++)
			if (n != 14 && n != 3 && n != 8 && n != 20) /* those take no pointer, or make objects */
				TRUE("2", ioctl(fd, requests[n], odd[i]) <= 0 || n == 0);
		for (unsigned j = 0; j < sizeof(odd) / sizeof(odd[0]); j++) {
			TRUE("2.1", map(fd, 1, (void *)odd[i], odd[j], odd[(i + j) % 11]) < 0);
			unmap(fd, 1, odd[i], odd[j]);
		}
	}
	/* argsz of any value; random structs. */
	srand(1);
	for (int n = 0; n < 3000; n++) {
		__u32 words[32];
		for (int i = 0; i < 32; i++)
			words[i] = rand() % 5 ? (unsigned)rand() % 4 : (unsigned)rand() * 4099u;
		words[0] = rand() % 2 ? 64 : (unsigned)rand() % 80;
		ioctl(n % 3 ? fd : device, n % 3 ? requests[rand() % 21] : _IO(VFIO_TYPE, VFIO_BASE + 7 + rand() % 19), words);
	}
	close(fd);
	close(device);
	fd = ioasid_open();
	device = vfio_open(2);
	MUST(bind_device(device, fd, 1));
	MUST(ioctl(fd, IOASID_ALLOC, NULL));
	MUST(attach(device, 1));
	struct ioasid_info info = { .argsz = -1u, .ioasid = 1 };
	EXPECT("2", ioctl(fd, IOASID_GET_INFO, &info), 0);
	info = (struct ioasid_info){ .argsz = sizeof(info), .ioasid = 1, .nr_ranges = -1u, .ranges = (__u64)memory };
	EXPECT("2", ioctl(fd, IOASID_GET_INFO, &info), 0);
	EXPECT("2.1", map(fd, 1, memory, 1ULL << 32, 1ULL << 46), -EFAULT);
	EXPECT("2.1", map(fd, 1, memory, 0x100000, 4 * PAGE), 0);
	/* A giant count reads to the end of the region; the end of the buffer is not written over. */
	char *guarded = pages(17);
	MUST(munmap(guarded + 16 * PAGE, PAGE));
	EXPECT("6", pread(device, guarded, 1UL << 40, 2ULL << 40), 65536);
	EXPECT("6", pread(device, guarded + PAGE, 1UL << 40, 2ULL << 40), -EFAULT);

	/* A process that is killed at any moment, in the middle of its calls. */
	for (int i = 0; i < 20; i++) {
		pid_t pid = MUST(fork());
		if (pid == 0) {
			pthread_t thread;
			int mine = ioasid_open(), its = vfio_open(1);
			bind_device(its, mine, 1);
			ioctl(mine, IOASID_ALLOC, NULL);
			attach(its, 1);
			pthread_create(&thread, NULL, killed_thread, &mine);
			killed_thread(&mine);
		}
		usleep(1000 + 500 * i);
		kill(pid, SIGKILL);
		EXPECT("1", reap(pid), 128 + SIGKILL);
	}
	/* Everything that it held is released. */
	int other = vfio_open(1);
	EXPECT("1", bind_device(other, fd, 2), 0);

	/* Descriptors that are closed while in use, by other threads. */
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		MUST(-pthread_create(&threads[i], NULL, closer, NULL));
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 200; i++) {
		int extra = ioasid_open();
		pthread_t thread;
		pthread_create(&thread, NULL, killed_thread, &(int){ extra });
		usleep(50);
		close(extra);
		stop = 1;
		pthread_join(thread, NULL);
		stop = 0;
	}
	/* No more descriptors: EMFILE, and nothing is left behind. */
	struct rlimit few = { 16, 16 };
	int count = 0;
	MUST(setrlimit(RLIMIT_NOFILE, &few));
	while (open("/dev/ioasid", O_RDWR) >= 0)
		count++;
	EXPECT("1", errno, EMFILE);
	TRUE("1", count > 0);
	return failures != 0;
}
