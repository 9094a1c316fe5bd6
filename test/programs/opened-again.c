/* An open file whose descriptors are opened and closed again by many threads goes on: no call finds it released. */
#include "check.h"

static int fd;
static volatile int stop;

static void *again(void *unused)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	while (!stop) {
		int other = MUST(open(path, O_RDWR)), copy = MUST(dup(other));
		close(other);
		EXPECT("1", ioctl(copy, IOASID_CHECK_EXTENSION, 1), 1);
		close(copy);
	}
	return unused;
}

int main(void)
{
	pthread_t threads[4];
	fd = ioasid_open();
	for (int i = 0; i < 4; i++)
		MUST(-pthread_create(&threads[i], NULL, again, NULL));
	for (int i = 0; i < 3000; i++)
		EXPECT("1", ioctl(fd, IOASID_CHECK_EXTENSION, 1), 1);
	stop = 1;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return failures != 0;
}
