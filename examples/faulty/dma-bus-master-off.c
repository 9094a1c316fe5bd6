/* The bus master bit is cleared by a write that was meant for its neighbour. */
#include "engine.h"

#define CONFIG ((off_t)VFIO_PCI_CONFIG_REGION_INDEX << 40)
#define COMMAND 4
#define MEMORY 2
#define MASTER 4
#define INTX_DISABLE 0x400

int main(void)
{
	__u16 command = INTX_DISABLE | MEMORY;
	bind_engine();
	attach_engine();
	map(memory(PAGE), PAGE, READ | WRITE);
	IF_FIXED(command |= MASTER);
	check(pwrite(device, &command, 2, CONFIG + COMMAND), "write the command register");
	run(FILL, IOVA, 64, 0);
	finish(PAGE);
	return 0;
}
