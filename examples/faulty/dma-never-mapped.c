/* The device is given the virtual address of a buffer, where it wants the IOVA. */
#include "engine.h"

int main(void)
{
	char *buffer = memory(PAGE);
	bind_engine();
	attach_engine();
	map(buffer, PAGE, READ | WRITE);
	IF_FAULTY(run(FILL, (__u64)buffer, 64, 0));
	IF_FIXED(run(FILL, IOVA, 64, 0));
	finish(PAGE);
	return 0;
}
