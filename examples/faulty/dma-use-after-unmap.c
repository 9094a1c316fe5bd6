/* The buffer is unmapped before the device has got its work. */
#include "engine.h"

int main(void)
{
	char *buffer = memory(PAGE);
	bind_engine();
	attach_engine();
	map(buffer, PAGE, READ | WRITE);
	IF_FIXED(run(FILL, IOVA, 64, 0));
	unmap(PAGE);
	IF_FAULTY(run(FILL, IOVA, 64, 0));
	finish(0);
	return 0;
}
