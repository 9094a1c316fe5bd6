/* A length in pages is taken for one in bytes, and one page too many. */
#include "engine.h"

int main(void)
{
	char *buffer = memory(2 * PAGE);
	bind_engine();
	attach_engine();
	map(buffer, 2 * PAGE, READ | WRITE);
	IF_FAULTY(run(FILL, IOVA, 3 * PAGE, 0));
	IF_FIXED(run(FILL, IOVA, 2 * PAGE, 0));
	finish(2 * PAGE);
	return 0;
}
