/* The direction is that of the CPU, where it should be the device's. */
#include "engine.h"

int main(void)
{
	char *buffer = memory(PAGE);
	bind_engine();
	attach_engine();
	IF_FAULTY(map(buffer, PAGE, READ));
	IF_FIXED(map(buffer, PAGE, WRITE));
	run(FILL, IOVA, 64, 0);
	finish(PAGE);
	return 0;
}
