/* io_uring would pass by the filter; libraries probe for it and go on without. */
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	char params[120] = { 0 };
	long result = syscall(SYS_io_uring_setup, 1, params);
	printf("%d\n", result < 0 ? errno : 0);
	return 0;
}
