/* Memory is registered so that later mappings cost nothing, and never given back: it stays locked. */
#include "engine.h"
#if defined(IOMMUFD) || defined(CONTAINER)
#error only /dev/ioasid registers memory
#endif

int main(void)
{
	struct ioasid_memory arg = { .argsz = sizeof(arg), .vaddr = (__u64)memory(PAGE), .size = PAGE };
	bind_engine();
	check(ioctl(ioasid, IOASID_REGISTER_MEMORY, &arg), "IOASID_REGISTER_MEMORY");
	IF_FIXED(check(ioctl(ioasid, IOASID_UNREGISTER_MEMORY, &arg), "IOASID_UNREGISTER_MEMORY"));
	unbind_engine();
	free_space();
	return 0;
}
