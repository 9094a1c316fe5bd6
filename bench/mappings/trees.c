/*
 * The yardsticks of bench/mappings: the same work on structures that C programs use. trees STRUCTURE MAPPINGS LOW HIGH: lengths from
 * 2^LOW to 2^HIGH pages.
 *   gtree     GLib's balanced tree of allocated ranges, as QEMU's iova-tree has it; built with -DGTREE
 *   rbtree    a red-black tree of disjoint intervals
 *   radix     a page map of four levels with 512 entries each, one entry a page of 4 KiB
 * Prints nanoseconds: map, random lookup, lookup in a hot set, churn (unmap and map), unmap, and bytes a mapping.
 */
#define _GNU_SOURCE
#ifdef GTREE
#include <glib.h>
#endif
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef unsigned long u64;

static u64 state = 88172645463325252UL;
static u64 rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 11;
}
static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

/* ---- GTree ---- */
#ifdef GTREE
struct range { u64 start, pages, target; int perm; };
static GTree *gtree;
static gint compare(gconstpointer a, gconstpointer b, gpointer data)
{
	const struct range *x = a, *y = b;
	(void)data;
	return x->start > y->start + y->pages - 1 ? 1 : x->start + x->pages - 1 < y->start ? -1 : 0;
}
static void gtree_map(u64 start, u64 pages, u64 target)
{
	struct range *r = g_new0(struct range, 1);
	*r = (struct range){ start, pages, target, 3 };
	g_tree_insert(gtree, r, r);
}
static u64 gtree_find(u64 page)
{
	struct range key = { page, 1, 0, 0 }, *r = g_tree_lookup(gtree, &key);
	return r ? r->target + page - r->start : 0;
}
static void gtree_unmap(u64 start, u64 pages)
{
	struct range key = { start, pages, 0, 0 };
	g_tree_remove(gtree, &key);
}
#endif

#include "red-black-tree.h"

/* ---- radix ---- */
static u64 *top, radix_bytes;
static u64 *level(u64 *table, u64 index)
{
	if (!table[index]) {
		table[index] = (u64)calloc(512, 8);
		radix_bytes += 4096;
	}
	return (u64 *)table[index];
}
static void radix_set(u64 start, u64 pages, u64 target)
{
	for (u64 i = 0; i < pages; i++) {
		u64 p = start + i;
		level(level(level(top, p >> 27 & 511), p >> 18 & 511), p >> 9 & 511)[p & 511] = target ? target + i : 0;
	}
}
static u64 radix_find(u64 p)
{
	u64 *t = (u64 *)top[p >> 27 & 511];
	t = t ? (u64 *)t[p >> 18 & 511] : NULL;
	t = t ? (u64 *)t[p >> 9 & 511] : NULL;
	return t ? t[p & 511] : 0;
}
static void radix_unmap(u64 start, u64 pages) { radix_set(start, pages, 0); }

static u64 heap(void) { struct mallinfo2 m = mallinfo2(); return m.uordblks + m.hblkhd; }

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	u64 n = strtoul(argv[2], NULL, 10);
	unsigned low = atoi(argv[3]), lengths = atoi(argv[4]) - low + 1;
	int radix = !strcmp(argv[1], "radix");
	void (*map)(u64, u64, u64) = radix ? radix_set : rb_map;
	u64 (*find)(u64) = radix ? radix_find : rb_find;
	void (*unmap)(u64, u64) = radix ? radix_unmap : rb_unmap;
#ifdef GTREE
	if (!strcmp(argv[1], "gtree")) {
		map = gtree_map;
		find = gtree_find;
		unmap = gtree_unmap;
		gtree = g_tree_new_full(compare, NULL, g_free, NULL);
	}
#endif
	u64 *starts = malloc(n * 8), *pages = malloc(n * 8), *order = malloc(n * 8), sum = 0, next = 1;
	/* Powers of two, with a gap now and then; mapped in random order. */
	for (u64 i = 0; i < n; i++) {
		pages[i] = 1UL << (low + rnd() % lengths);
		starts[i] = next;
		next += pages[i] + rnd() % 2;
		order[i] = i;
	}
	for (u64 i = n - 1; i > 0; i--) {
		u64 j = rnd() % (i + 1), t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
	u64 before = heap();
	top = calloc(512, 8);
	double t = now();
	for (u64 i = 0; i < n; i++)
		map(starts[order[i]], pages[order[i]], starts[order[i]] + 7);
	double map_ns = (now() - t) / n;
	double bytes = (double)(heap() - before) / n;
	u64 *asked = malloc(1000000 * 8);
	for (u64 i = 0; i < 1000000; i++)
		asked[i] = starts[rnd() % n];
	t = now();
	for (u64 i = 0; i < 1000000; i++)
		sum += find(asked[i]);
	double random_ns = (now() - t) / 1e6;
	for (u64 i = 0; i < 1000000; i++)
		asked[i] = starts[order[rnd() % (n < 1000 ? n : 1000)]];
	t = now();
	for (u64 i = 0; i < 1000000; i++)
		sum += find(asked[i]);
	double hot_ns = (now() - t) / 1e6;
	for (u64 i = 0; i < 500000; i++)
		asked[i] = rnd() % n;
	t = now();
	for (u64 i = 0; i < 500000; i++) {
		u64 k = asked[i];
		unmap(starts[k], pages[k]);
		map(starts[k], pages[k], starts[k] + 7);
	}
	double churn_ns = (now() - t) / 1e6;
	t = now();
	for (u64 i = 0; i < n; i++)
		unmap(starts[order[i]], pages[order[i]]);
	double unmap_ns = (now() - t) / n;
	printf("%.1f %.1f %.1f %.1f %.1f %.1f %lu\n", map_ns, random_ns, hot_ns, churn_ns, unmap_ns, bytes, sum & 1);
	return 0;
}
