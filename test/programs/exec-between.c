/* Section 2.1: a process executes another program while its mappings live. The descriptors stay, the memory does not. */
#include "check.h"
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>

int main(int argc, char **argv)
{
	if (argc == 1) {
		struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
		struct __user_cap_data_struct data[2];
		struct rlimit limit = { 4 * PAGE, 4 * PAGE };
		char fd_text[16], device_text[16], id_text[16], address_text[32];
		int fd = MUST(open("/dev/ioasid", O_RDWR)), device = MUST(open("/dev/vfio/devices/vfio2", O_RDWR));
		MUST(syscall(SYS_capget, &header, data));
		data[0].effective &= ~(1u << CAP_IPC_LOCK);
		data[0].permitted &= ~(1u << CAP_IPC_LOCK);
		MUST(syscall(SYS_capset, &header, data));
		/* Root's exec would bring the capability back. */
		if (geteuid() == 0)
			MUST(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT));
		MUST(setrlimit(RLIMIT_MEMLOCK, &limit));
		MUST(bind_device(device, fd, 1));
		int id = MUST(ioctl(fd, IOASID_ALLOC, NULL));
		MUST(attach(device, id));
		char *memory = mmap((void *)0x10000000, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		MUST(map(fd, id, memory, 0x10000, 4 * PAGE));
		EXPECT("2.1", map(fd, id, memory, 0x20000, PAGE), -ENOMEM);
		/* An exec that fails changes nothing. */
		EXPECT("2.1", execl("/no/such/program", "x", (char *)NULL), -ENOENT);
		EXPECT("2.1", map(fd, id, memory, 0x20000, PAGE), -ENOMEM);
		EXPECT("6", dma(device, FILL, 0, 0x10000, 8), 0);
		if (failures)
			return 1;
		snprintf(fd_text, sizeof(fd_text), "%d", fd);
		snprintf(device_text, sizeof(device_text), "%d", device);
		snprintf(id_text, sizeof(id_text), "%d", id);
		snprintf(address_text, sizeof(address_text), "%p", memory);
		execl("/proc/self/exe", argv[0], fd_text, device_text, id_text, address_text, (char *)NULL);
		return 9;
	}
	int fd = atoi(argv[1]), device = atoi(argv[2]), id = atoi(argv[3]);
	/* The same address in the new program is other memory. */
	char *memory = mmap((void *)strtoul(argv[4], NULL, 16), 4 * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	TRUE("2.1", memory != MAP_FAILED);
	reg_write(device, IOASID_DMAE_REG_PATTERN, 0x0101010101010101, 8);
	EXPECT("2.1", dma(device, FILL, 0, 0x10000, 8), 1);
	EXPECT("2.1", memory[0], 0);
	EXPECT("2.1", map(fd, id, memory, 0x20000, 4 * PAGE), 0);
	EXPECT("2.1", map(fd, id, memory, 0x30000, PAGE), -ENOMEM);
	EXPECT("2.1", dma(device, FILL, 0, 0x20000, 8), 0);
	EXPECT("2.1", memory[0], 1);
	return failures != 0;
}
