/* The yardstick of a walk: a 4-level x86-64 table in memory, walked in C. Prints ns for a cold and a warm translation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef unsigned long u64;
#define PAGES 4096

static u64 *tables[16384];
static u64 used = 1;
static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}
static u64 walk(u64 page)
{
	u64 entry = 4096;
	for (int level = 3; level >= 0; level--) {
		entry = tables[entry >> 12][page >> (9 * level) & 511];
		if ((entry & 7) != 7)
			return 0;
	}
	return entry >> 12;
}
static u64 tags[4096], targets[4096];
static u64 translate(u64 page)
{
	u64 slot = page & 4095;
	if (tags[slot] != page) {
		targets[slot] = walk(page);
		tags[slot] = page;
	}
	return targets[slot];
}
int main(void)
{
	u64 sum = 0;
	tables[used++] = calloc(512, 8);
	for (u64 i = 0; i < PAGES; i++) {
		u64 page = i * 131, at = 1;
		for (int level = 3; level > 0; level--) {
			u64 *e = &tables[at][page >> (9 * level) & 511];
			if (!*e) {
				tables[used] = calloc(512, 8);
				*e = used++ << 12 | 7;
			}
			at = *e >> 12;
		}
		tables[at][page & 511] = i << 12 | 7;
	}
	double cold = 0, t;
	for (int round = 0; round < 50; round++) {
		memset(tags, 0xff, sizeof(tags));
		t = now();
		for (u64 i = 0; i < PAGES; i++)
			sum += translate(i * 131);
		cold += now() - t;
	}
	t = now();
	for (int i = 0; i < 1000000; i++)
		sum += translate((u64)(i & 1023) * 131);
	printf("%.1f %.1f %lu\n", cold / 50 / PAGES, (now() - t) / 1e6, sum & 1);
	return 0;
}
