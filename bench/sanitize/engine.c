/*
 * A driver of the DMA engine over /dev/iommu: engine moves|maps BYTES SECONDS prints transfers a second. `moves` maps its
 * buffer once; `maps` maps and unmaps it around each transfer. It runs for a second before it counts.
 */
#define IOMMUFD
#include "engine.h"
#include <time.h>

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static double transfers(char *buffer, unsigned bytes, int maps, double time)
{
	unsigned long done = 0;
	double start = seconds();
	do {
		__u32 status;
		if (maps)
			map(buffer, bytes, READ | WRITE);
		run(FILL, IOVA, bytes, 0);
		check(pread(device, &status, 4, IOASID_DMAE_REG_STATUS), "read STATUS");
		if (maps)
			unmap(bytes);
		done++;
	} while (seconds() - start < time);
	return done / (seconds() - start);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	int maps = strcmp(argv[1], "maps") == 0;
	unsigned bytes = atoi(argv[2]);
	char *buffer = memory(bytes);
	memset(buffer, 1, bytes);
	bind_engine();
	attach_engine();
	if (!maps)
		map(buffer, bytes, READ | WRITE);
	transfers(buffer, bytes, maps, 1);
	printf("%.0f\n", transfers(buffer, bytes, maps, atof(argv[3])));
	finish(maps ? 0 : bytes);
	return 0;
}
