/* QEMU's edu device by VFIO: what a first driver does with it, by calls. */
#include "check-vfio.h"

#define BDF "0000:02:00.0"
#define ID 0x00
#define LIVENESS 0x04
#define FACTORIAL 0x08
#define STATUS 0x20
#define REASONS 0x24
#define RAISE 0x60
#define ACKNOWLEDGE 0x64
#define SOURCE 0x80
#define DESTINATION 0x88
#define COUNT 0x90
#define COMMAND 0x98
#define BUFFER 0x40000
#define IOVA 0x100000UL

static int device;

static void transfer(__u64 source, __u64 destination, __u64 count, __u32 command)
{
	EXPECT("edu", pwrite(device, &source, 8, SOURCE), 8);
	EXPECT("edu", pwrite(device, &destination, 8, DESTINATION), 8);
	EXPECT("edu", pwrite(device, &count, 8, COUNT), 8);
	write32(device, COMMAND, command);
	WAIT("edu", (read32(device, COMMAND) & 1) == 0);
}

int main(void)
{
	int container, group;
	struct vfio_region_info region;
	struct vfio_irq_info irq;
	__u64 wide = 0;
	__u16 narrow = 0x5555;

	device = device_open(BDF, &container, &group);
	EXPECT("edu", read_config(device, 0, 4), 0x11e81234);
	EXPECT("edu", region_info(device, 0, &region), 0);
	EXPECT("edu", region.size, 1 << 20);
	EXPECT("edu", region.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE);
	TRUE("5.3", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, device, 0) == MAP_FAILED && errno == EINVAL);

	/* Registers: identification, inversion; narrow and misplaced accesses. */
	EXPECT("edu", read32(device, ID), 0x010000ed);
	write32(device, LIVENESS, 0x12345678);
	EXPECT("edu", read32(device, LIVENESS), 0xedcba987);
	write32(device, LIVENESS, 0xedcba987);
	EXPECT("edu", read32(device, LIVENESS), 0x12345678);
	EXPECT("edu", pread(device, &narrow, 2, LIVENESS), 2);
	EXPECT("edu", narrow, 0);
	EXPECT("edu", pwrite(device, &narrow, 2, LIVENESS), 2);
	EXPECT("edu", read32(device, LIVENESS), 0x12345678);
	EXPECT("edu", pread(device, &wide, 8, 0), 8);
	TRUE("edu", wide == ~0ULL);
	EXPECT("edu", read32(device, 0x40), 0xffffffff);
	EXPECT("edu", read32(device, 0x80000), 0xffffffff);
	EXPECT("5.4", pread(device, &wide, 8, 0xffffc), 4);
	EXPECT("5.4", pread(device, &wide, 8, 0x100000), -EINVAL);
	EXPECT("5.4", pread(device, &wide, 8, 0xffffffff), -EINVAL);

	/* The factorial, and its interrupt by the pin, which masks itself. */
	EXPECT("5.5", irq_info(device, VFIO_PCI_INTX_IRQ_INDEX, &irq), 0);
	EXPECT("5.5", irq.count, 1);
	int pin = event();
	EXPECT("5.6", irqs(device, TRIGGER_FDS, 0, 0, 1, &pin), 0);
	write32(device, FACTORIAL, 5);
	WAIT("edu", (read32(device, STATUS) & 1) == 0);
	EXPECT("edu", read32(device, FACTORIAL), 120);
	EXPECT("edu", counted(pin), -EAGAIN);
	write32(device, STATUS, 0x80);
	write32(device, FACTORIAL, 13);
	WAIT("edu", (read32(device, STATUS) & 1) == 0);
	EXPECT("edu", read32(device, FACTORIAL), 1932053504);
	EXPECT("edu", counted(pin), 1);
	EXPECT("edu", read32(device, REASONS), 1);
	write32(device, RAISE, 0x30);
	EXPECT("edu", read32(device, REASONS), 0x31);
	EXPECT("5.6", counted(pin), -EAGAIN);
	/* Still asserted at unmask: it comes again. */
	write32(device, ACKNOWLEDGE, 0x11);
	EXPECT("5.6", irqs(device, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, 0, 0, 1, NULL), 0);
	EXPECT("5.6", counted(pin), 1);
	write32(device, ACKNOWLEDGE, 0x20);
	EXPECT("5.6", irqs(device, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, 0, 0, 1, NULL), 0);
	EXPECT("5.6", counted(pin), -EAGAIN);
	EXPECT("5.6", irqs(device, TRIGGER_NONE, 0, 0, 0, NULL), 0);
	for (__u32 n = 33; n < 36; n++) {
		write32(device, FACTORIAL, n);
		WAIT("edu", (read32(device, STATUS) & 1) == 0);
		EXPECT("edu", read32(device, FACTORIAL), n == 33 ? 0x80000000 : 0);
	}
	write32(device, ACKNOWLEDGE, 0xffffffff);

	/* DMA there and back, with a message at its end. It drives 28 bits: the 29th is lost. */
	int message = event();
	char *memory = pages(4);
	EXPECT("4.2", dma_map(container, READ_WRITE, memory, IOVA, 4 * PAGE), 0);
	EXPECT("5.6", irqs(device, TRIGGER_FDS, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, &message), 0);
	for (int i = 0; i < 4096; i++)
		memory[i] = i * 7 + i / 256;
	/* Without bus mastering nothing moves. */
	transfer(IOVA, BUFFER, PAGE, 1);
	transfer(BUFFER, IOVA + PAGE, PAGE, 3);
	EXPECT("7", memory[PAGE + 1], 0);
	EXPECT("7", write_config(device, 4, 2, 0x406), 2);
	transfer(IOVA, BUFFER, PAGE, 1);
	EXPECT("edu", counted(message), -EAGAIN);
	transfer(BUFFER, 0x10000000UL + IOVA + PAGE, PAGE, 7);
	EXPECT("edu", memcmp(memory, memory + PAGE, PAGE), 0);
	EXPECT("edu", counted(message), 1);
	EXPECT("edu", read32(device, REASONS), 0x100);
	write32(device, ACKNOWLEDGE, 0x100);
	EXPECT("edu", read32(device, REASONS), 0);
	/* Outside the buffer nothing moves. */
	transfer(BUFFER + 1, IOVA + 2 * PAGE, PAGE, 3);
	transfer(BUFFER + 8, IOVA + 3 * PAGE, PAGE - 8, 3);
	EXPECT("edu", memory[2 * PAGE + 9], 0);
	EXPECT("edu", memcmp(memory + 8, memory + 3 * PAGE, PAGE - 8), 0);

	/* Decode off: the BAR does not answer. */
	EXPECT("7", write_config(device, 4, 2, 0x400), 2);
	EXPECT("5.4", pread(device, &wide, 4, ID), -EIO);
	EXPECT("5.4", pread(device, &wide, 4, 0x80000), -EIO);
	EXPECT("7", write_config(device, 4, 2, 0x402), 2);
	EXPECT("5.4", pread(device, &wide, 4, ID), 4);
	return failures != 0;
}
