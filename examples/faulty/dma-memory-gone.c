/* The buffer is given back to the system while it is mapped for the device. On a real kernel a pin hides it. */
#include "engine.h"

int main(void)
{
	char *buffer = memory(PAGE);
	bind_engine();
	attach_engine();
	map(buffer, PAGE, READ | WRITE);
	IF_FAULTY(munmap(buffer, PAGE));
	run(FILL, IOVA, 64, 0);
	finish(PAGE);
	return 0;
}
