/* The device works before it is attached to the address space. */
#include "engine.h"

int main(void)
{
	bind_engine();
	IF_FAULTY(run(FILL, IOVA, 64, 0));
	attach_engine();
	map(memory(PAGE), PAGE, READ | WRITE);
	run(FILL, IOVA, 64, 0);
	finish(PAGE);
	return 0;
}
