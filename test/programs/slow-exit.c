/* Leaves a child behind, and is long on its way out: the kernel takes half a gibibyte apart, page by page. */
#include "check.h"

int main(void)
{
	const size_t size = 512UL << 20;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(madvise(memory, size, MADV_NOHUGEPAGE));
	pid_t child = MUST(fork());
	if (child == 0) {
		pause();
		_exit(0);
	}
	for (size_t at = 0; at < size; at += PAGE)
		memory[at] = 1;
	printf("pid %d\n", getpid());
	fflush(stdout);
	_exit(0);
}
