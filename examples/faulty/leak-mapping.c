/* Every request maps a buffer; only some unmap it. */
#include "engine.h"

int main(void)
{
	bind_engine();
	attach_engine();
	map(memory(PAGE), PAGE, READ | WRITE);
	run(FILL, IOVA, 64, 0);
	IF_FIXED(unmap(PAGE));
	IF_FIXED(detach_engine());
	IF_FIXED(unbind_engine());
	IF_FIXED(free_space());
	return 0;
}
