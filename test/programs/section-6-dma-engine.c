/* Section 6: the DMA engine. */
#include "check.h"

int main(void)
{
	int fd = ioasid_open(), device = vfio_open(2);
	unsigned long n = 5 << 20;
	char *memory = pages(2 * n / PAGE);
	MUST(bind_device(device, fd, 1));
	EXPECT("6", dma(device, FILL, 0, 0x1000, 8), 3);
	int id = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	MUST(attach(device, id));
	MUST(map(fd, id, memory, 0x1000000, n));
	MUST(map(fd, id, memory + n, 0x1000000 + n, n));

	/* Copy, at odd addresses and over several pieces. */
	for (unsigned long i = 0; i < n; i++)
		memory[i] = i * 7 + (i >> 13);
	EXPECT("6", dma(device, COPY, 0x1000003, 0x1000000 + n + 1, n - 8), 0);
	EXPECT("6", memcmp(memory + 3, memory + n + 1, n - 8), 0);
	EXPECT("6", memory[n] | memory[2 * n - 1], 0);
	/* Fill with a pattern of 8 bytes. */
	reg_write(device, IOASID_DMAE_REG_PATTERN, 0x0807060504030201, 8);
	EXPECT("6", dma(device, FILL, 0, 0x1000000 + n + 5, 19), 0);
	EXPECT("6", memcmp(memory + n + 5, "\1\2\3\4\5\6\7\10\1\2\3\4\5\6\7\10\1\2\3", 19), 0);
	/* Checksum: the sum of bytes modulo 2^32. */
	__u32 sum = 0;
	for (unsigned long i = 0; i < n; i++)
		sum += (unsigned char)memory[i];
	EXPECT("6", dma(device, CHECKSUM, 0x1000000, 0, n), 0);
	EXPECT("6", reg_read(device, IOASID_DMAE_REG_RESULT, 4), sum);
	EXPECT("6", dma(device, COPY, 0x1000000, 0x1001000, 0), 0);

	/* BAR2 by bit 63 of an address. */
	EXPECT("6", dma(device, COPY, 0x1000000, IOASID_DMAE_SRC_BAR2 | 4096, 4096), 0);
	EXPECT("6", dma(device, COPY, IOASID_DMAE_SRC_BAR2 | 4096, 0x1000000 + n, 4096), 0);
	EXPECT("6", memcmp(memory, memory + n, 4096), 0);
	EXPECT("6", dma(device, COPY, IOASID_DMAE_SRC_BAR2 | 65000, 0x1000000 + n, 4096), 5);
	EXPECT("6", dma(device, COPY, 0x1000000, IOASID_DMAE_SRC_BAR2 | 65536, 1), 5);

	/* What was transferred before a fault stays transferred, and FAULT_ADDR says where it stopped. */
	memset(memory + n, 0, n);
	EXPECT("6", dma(device, COPY, 0x1000000, 0x1000000 + 2 * n - 6000, 8000), 1);
	EXPECT("6", reg_read(device, IOASID_DMAE_REG_FAULT_ADDR, 8), 0x1000000 + 2 * n);
	EXPECT("6", memcmp(memory, memory + 2 * n - 6000, 6000), 0);
	EXPECT("6", dma(device, COPY, 0xfff000, 0x1000000, 8), 1);
	EXPECT("6", reg_read(device, IOASID_DMAE_REG_FAULT_ADDR, 8), 0xfff000);
	EXPECT("6", dma(device, COPY, 0x7ffffffffffff000, 0x1000000, 8192), 1);

	/* Bad commands. */
	EXPECT("6", dma(device, 3, 0x1000000, 0x1000000, 8), 5);
	EXPECT("6", dma(device, COPY, 0x1000000, 0x1000000, (16 << 20) + 1), 5);
	/* A PASID that nothing is attached to is blocked. */
	reg_write(device, IOASID_DMAE_REG_FLAGS, 2, 4);
	EXPECT("6", dma(device, FILL, 0, 0x1000000, 8), 3);
	reg_write(device, IOASID_DMAE_REG_FLAGS, 0, 4);

	/* Registers: read-only ones, status that is cleared by writing 1, halves of 64-bit registers. */
	reg_write(device, IOASID_DMAE_REG_ID, 0, 4);
	EXPECT("6", reg_read(device, IOASID_DMAE_REG_ID, 4), IOASID_DMAE_ID);
	reg_write(device, IOASID_DMAE_REG_LENGTH, 0, 4);
	reg_write(device, IOASID_DMAE_REG_DOORBELL, 1, 4);
	EXPECT("6", reg_read(device, IOASID_DMAE_REG_STATUS, 4), DONE);
	reg_write(device, IOASID_DMAE_REG_STATUS, ERROR, 4);
	EXPECT("6", reg_read(device, IOASID_DMAE_REG_STATUS, 4), DONE);
	reg_write(device, IOASID_DMAE_REG_STATUS, DONE, 4);
	EXPECT("6", reg_read(device, IOASID_DMAE_REG_STATUS, 4), 0);
	reg_write(device, IOASID_DMAE_REG_SRC + 4, 0x12345678, 4);
	EXPECT("6", reg_read(device, IOASID_DMAE_REG_SRC, 8) >> 32, 0x12345678);
	EXPECT("6", reg_read(device, 0x100, 8), 0);
	return failures != 0;
}
