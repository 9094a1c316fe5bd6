/*
 * Two returns are not checked, and `ioasid torture --verify 'grep -qx done {}/result' -- ./unchecked-return {}/result`
 * finds both: refused a mapping, the program crashes; when the doorbell does not ring, it says that all is well.
 */
#include "engine.h"

int main(int argc, char **argv)
{
	char *buffer = memory(PAGE), *mapped = NULL;
	__u32 one = 1;
	bind_engine();
	attach_engine();
	long result = try_map(buffer, PAGE, READ | WRITE);
	IF_FIXED(check(result, "map memory"));
	if (result == 0)
		mapped = buffer;
	set_register(IOASID_DMAE_REG_COMMAND, FILL, 4);
	set_register(IOASID_DMAE_REG_PATTERN, 0x4141414141414141, 8);
	set_register(IOASID_DMAE_REG_DST, IOVA, 8);
	set_register(IOASID_DMAE_REG_LENGTH, 64, 4);
	result = pwrite(device, &one, sizeof(one), IOASID_DMAE_REG_DOORBELL);
	IF_FIXED(check(result, "ring the doorbell"));
	FILE *done = fopen(argc > 1 ? argv[1] : "/dev/null", "w");
	check(done ? 0 : -1, "the result");
	fputs(mapped[63] == 'A' ? "done\n" : "not done\n", done);
	return fclose(done) ? 2 : 0;
}
