/* A last look at the device, after it was given back. */
#include "engine.h"

int main(void)
{
	__u32 status;
	bind_engine();
	IF_FIXED(check(pread(device, &status, 4, IOASID_DMAE_REG_STATUS), "read STATUS"));
	unbind_engine();
	IF_FAULTY(pread(device, &status, 4, IOASID_DMAE_REG_STATUS));
	free_space();
	return 0;
}
