/* /dev/iommu: virtual IOMMUs, their devices, events and queues, on the mock IOMMU (linux-iommufd.md, 9, 11, 12 and 15). */
#include "check-iommufd.h"

enum { MOCK_DOMAIN = 2, CHECK_IOTLB = 14, TRIGGER_IOPF = 15, CHECK_CACHE = 16, TRIGGER_VEVENT = 17 };

static int fd, ioas, parent;
static __u32 mock, hwpt, device;
static char *memory;

static int test(__u32 op, __u32 id, __u32 a, __u32 b)
{
	struct iommu_test_cmd arg = { .size = sizeof(arg), .op = op, .id = id, .a = a, .b = b };
	return ioctl(fd, IOMMU_TEST_CMD, &arg);
}
static void mock_domain(__u32 *object, __u32 *table, __u32 *id)
{
	struct iommu_test_cmd arg = { .size = sizeof(arg), .op = MOCK_DOMAIN, .id = ioas };
	MUST(ioctl(fd, IOMMU_TEST_CMD, &arg));
	*object = arg.a;
	*table = arg.b;
	*id = arg.c;
}
static int viommu_alloc(__u32 type, __u32 dev, __u32 below, struct iommu_viommu_selftest *data)
{
	struct iommu_viommu_alloc arg = { .size = sizeof(arg), .type = type, .dev_id = dev, .hwpt_id = below,
					  .data_len = data ? sizeof(*data) : 0, .data_uptr = (__u64)data };
	return ioctl(fd, IOMMU_VIOMMU_ALLOC, &arg) ? -1 : (int)arg.out_viommu_id;
}
static int vdevice_alloc(__u32 viommu, __u32 dev, __u64 number)
{
	struct iommu_vdevice_alloc arg = { .size = sizeof(arg), .viommu_id = viommu, .dev_id = dev, .virt_id = number };
	return ioctl(fd, IOMMU_VDEVICE_ALLOC, &arg) ? -1 : (int)arg.out_vdevice_id;
}
static int veventq_alloc(__u32 viommu, __u32 type, __u32 depth, int *queue)
{
	struct iommu_veventq_alloc arg = { .size = sizeof(arg), .viommu_id = viommu, .type = type, .veventq_depth = depth };
	int result = ioctl(fd, IOMMU_VEVENTQ_ALLOC, &arg);
	*queue = (int)arg.out_veventq_fd;
	return result ? -1 : (int)arg.out_veventq_id;
}
static int hw_queue_alloc(__u32 viommu, __u32 type, __u32 index, __u64 iova, __u64 length)
{
	struct iommu_hw_queue_alloc arg = { .size = sizeof(arg), .viommu_id = viommu, .type = type, .index = index,
					    .nesting_parent_iova = iova, .length = length };
	return ioctl(fd, IOMMU_HW_QUEUE_ALLOC, &arg) ? -1 : (int)arg.out_hw_queue_id;
}
static int invalidate(__u32 target, __u32 type, const void *entries, __u32 length, __u32 *count)
{
	struct iommu_hwpt_invalidate arg = { .size = sizeof(arg), .hwpt_id = target, .data_type = type,
					     .data_uptr = (__u64)entries, .entry_len = length, .entry_num = *count };
	int result = ioctl(fd, IOMMU_HWPT_INVALIDATE, &arg);
	*count = arg.entry_num;
	return result;
}
static int nested_alloc(__u32 below, __u32 flags, __u32 fault)
{
	struct iommu_hwpt_selftest data = { .iotlb = 77 };
	return hwpt_alloc(fd, device, below, flags, IOMMU_HWPT_DATA_SELFTEST, &data, sizeof(data), fault);
}
static int replace(__u32 table)
{
	return test(10, mock, table, 0);
}

/* The array of a nested table: in order, up to the first that is wrong. */
static void iotlb(void)
{
	int nested = nested_alloc(parent, 0, 0);
	TRUE("8", nested > 0);
	for (__u32 i = 0; i < 4; i++)
		EXPECT("15", test(CHECK_IOTLB, nested, i, 77), 0);
	struct iommu_hwpt_invalidate_selftest list[3] = { { 0, 2 }, { 0, 9 }, { 0, 1 } };
	__u32 count = 3, type = IOMMU_HWPT_INVALIDATE_DATA_SELFTEST;
	EXPECT("11", invalidate(nested, type, list, sizeof(*list), &count), -EINVAL);
	TRUE("11", count == 1);
	EXPECT("15", test(CHECK_IOTLB, nested, 2, 0), 0);
	EXPECT("15", test(CHECK_IOTLB, nested, 1, 77), 0);
	count = 0;
	EXPECT("11", invalidate(nested, type, NULL, 0, &count), 0);
	EXPECT("11", invalidate(nested, type + 1, NULL, 0, &count), -EINVAL);
	count = (1 << 19) + 1;
	EXPECT("11", invalidate(nested, type, list, sizeof(*list), &count), -EINVAL);
	TRUE("11", count == 0);
	count = 1;
	EXPECT("11", invalidate(nested, type, list, PAGE + 1, &count), -EINVAL);
	count = 1;
	EXPECT("11", invalidate(nested, type, NULL, sizeof(*list), &count), -EINVAL);
	count = 1;
	EXPECT("11", invalidate(nested, type, list, 4, &count), -EINVAL);
	count = 1;
	EXPECT("11", invalidate(~0U, type, NULL, sizeof(*list), &count), -EINVAL);
	count = 1;
	EXPECT("11", invalidate(~0U, type, list, sizeof(*list), &count), -ENOENT);
	count = 1;
	EXPECT("11", invalidate(ioas, type, list, sizeof(*list), &count), -EINVAL);
	list[0].flags = 4;
	count = 1;
	EXPECT("11", invalidate(nested, type, list, sizeof(*list), &count), -EOPNOTSUPP);
	list[0].flags = 1;
	count = 1;
	EXPECT("11", invalidate(nested, type, list, sizeof(*list), &count), 0);
	for (__u32 i = 0; i < 4; i++)
		EXPECT("15", test(CHECK_IOTLB, nested, i, 0), 0);
	EXPECT("3", destroy(fd, nested), 0);
}

static void alloc(void)
{
	__u32 type = IOMMU_VIOMMU_TYPE_SELFTEST;
	EXPECT("12", viommu_alloc(0, device, parent, NULL), -EOPNOTSUPP);
	EXPECT("12", viommu_alloc(type, ~0U, parent, NULL), -ENOENT);
	EXPECT("12", viommu_alloc(99, device, ~0U, NULL), -EOPNOTSUPP);
	EXPECT("12", viommu_alloc(type, device, ~0U, NULL), -ENOENT);
	EXPECT("12", viommu_alloc(type, device, hwpt, NULL), -EINVAL);
	int plain = viommu_alloc(type, device, parent, NULL), again = viommu_alloc(type, device, parent, NULL);
	TRUE("12", plain > 0 && again > 0);
	EXPECT("3", destroy(fd, parent), -EBUSY);
	EXPECT("3", destroy(fd, again), 0);
	EXPECT("3", destroy(fd, plain), 0);
}

/* A page of the IOMMU that the program maps: it holds its owner. */
static void mapped(void)
{
	struct iommu_viommu_selftest data = { .in_data = 0xcafe };
	int viommu = viommu_alloc(IOMMU_VIOMMU_TYPE_SELFTEST, device, parent, &data), shared = PROT_READ | PROT_WRITE;
	TRUE("12", viommu > 0 && data.out_data == 0xcafe && data.out_mmap_offset >= PAGE);
	__u64 length = data.out_mmap_length, offset = data.out_mmap_offset;
	TRUE("12", mmap(NULL, length / 2, shared, MAP_SHARED, fd, offset) == MAP_FAILED && errno == ENXIO);
	TRUE("12", mmap(NULL, length, shared, MAP_SHARED, fd, offset + length) == MAP_FAILED && errno == ENXIO);
	TRUE("12", mmap(NULL, length, shared, MAP_PRIVATE, fd, offset) == MAP_FAILED && errno == EINVAL);
	TRUE("12", mmap(NULL, length, shared | PROT_EXEC, MAP_SHARED, fd, offset) == MAP_FAILED && errno == EPERM);
	__u32 *page = mmap(NULL, length, shared, MAP_SHARED, fd, offset);
	TRUE("12", page != MAP_FAILED && *page == 0xcafe);
	EXPECT("12", destroy(fd, viommu), -EBUSY);
	munmap(page, length);
	/* The end of a process is an end of its mappings, too. */
	pid_t child = fork();
	if (child == 0)
		_exit(mmap(NULL, length, shared, MAP_SHARED, fd, offset) == MAP_FAILED);
	EXPECT("12", reap(child), 0);
	EXPECT("12", destroy(fd, viommu), 0);
	TRUE("12", mmap(NULL, length, shared, MAP_SHARED, fd, offset) == MAP_FAILED && errno == ENXIO);
}

static void devices(int viommu)
{
	__u32 other_mock, other_table, other;
	EXPECT("12", vdevice_alloc(~0U, device, 7), -ENOENT);
	EXPECT("12", vdevice_alloc(viommu, ~0U, 7), -ENOENT);
	int first = vdevice_alloc(viommu, device, 7);
	TRUE("12", first > 0);
	EXPECT("3", destroy(fd, viommu), -EBUSY);
	EXPECT("12", vdevice_alloc(viommu, device, 8), -EEXIST);
	mock_domain(&other_mock, &other_table, &other);
	EXPECT("12", vdevice_alloc(viommu, other, 7), -EEXIST);
	int second = vdevice_alloc(viommu, other, 8);
	TRUE("12", second > 0);
	/* The device goes, its number stays taken: it never means something else. */
	EXPECT("3", destroy(fd, other_mock), 0);
	EXPECT("3", destroy(fd, second), -ENOENT);
	for (int i = 0; i < 4; i++)
		TRUE("3", ioas_alloc(fd) != second);

	/* Caches of devices, by number. All entries are read before one is done. */
	struct iommu_viommu_invalidate_selftest list[3] = { { 0, 7, 1 }, { 0, 9, 0 }, { 1, 7, 0 } };
	__u32 count = 3, type = IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST;
	EXPECT("11", invalidate(viommu, type, list, sizeof(*list), &count), -EINVAL);
	TRUE("11", count == 1);
	EXPECT("15", test(CHECK_CACHE, device, 1, 0), 0);
	EXPECT("15", test(CHECK_CACHE, device, 0, IOMMU_TEST_DEV_CACHE_DEFAULT), 0);
	char longer[20] = { 0 };
	memcpy(longer, list, sizeof(*list));
	longer[16] = 1;
	count = 1;
	EXPECT("11", invalidate(viommu, type, longer, sizeof(longer), &count), -E2BIG);
	TRUE("11", count == 0);
	list[0] = (struct iommu_viommu_invalidate_selftest){ 2, 99, 99 };
	count = 1;
	EXPECT("11", invalidate(viommu, type, list, sizeof(*list), &count), -EOPNOTSUPP);
	list[0].flags = 1;
	count = 1;
	EXPECT("11", invalidate(viommu, type, list, sizeof(*list), &count), -EINVAL);
	list[0] = list[2];
	count = 1;
	EXPECT("11", invalidate(viommu, type, list, sizeof(*list), &count), 0);
	EXPECT("15", test(CHECK_CACHE, device, 0, 0), 0);
	EXPECT("3", destroy(fd, first), 0);
}

static void events(int viommu)
{
	int queue = -1, second;
	__u32 type = IOMMU_VEVENTQ_TYPE_SELFTEST;
	struct { struct iommufd_vevent_header header; __u32 number; } record, records[4];
	EXPECT("12", veventq_alloc(viommu, 0, 2, &queue), -EOPNOTSUPP);
	EXPECT("12", veventq_alloc(viommu, type, 0, &queue), -EINVAL);
	EXPECT("12", veventq_alloc(viommu, type, (1 << 19) + 1, &queue), -EINVAL);
	EXPECT("12", veventq_alloc(~0U, type, 2, &queue), -ENOENT);
	int id = veventq_alloc(viommu, type, 2, &queue);
	TRUE("12", id > 0 && fcntl(queue, F_GETFD) == FD_CLOEXEC);
	EXPECT("12", veventq_alloc(viommu, type, 2, &second), -EEXIST);
	EXPECT("3", destroy(fd, id), -EBUSY);
	struct pollfd p = { queue, POLLIN | POLLOUT, 0 };
	EXPECT("12", poll(&p, 1, 0), 0);
	EXPECT("12", read(queue, &record, 7), -EINVAL);
	EXPECT("12", read(queue, &record, sizeof(record)), 0);

	/* Only a device with a number here has events. */
	EXPECT("15", test(TRIGGER_VEVENT, mock, device, 0), -ENOENT);
	int nested = nested_alloc(viommu, 0, 0);
	TRUE("12", nested > 0);
	EXPECT("12", replace(nested), -ENOENT);
	int vdevice = vdevice_alloc(viommu, device, 5);
	EXPECT("12", replace(nested), 0);
	EXPECT("15", test(TRIGGER_VEVENT, mock, device, 0), 0);
	EXPECT("12", poll(&p, 1, 0), 1);
	EXPECT("12", p.revents, POLLIN);
	EXPECT("12", read(queue, &record, 8), -EINVAL);
	EXPECT("12", read(queue, &record, sizeof(record)), sizeof(record));
	TRUE("12", record.header.flags == 0 && record.header.sequence == 0 && record.number == 5);

	/* Full: what is lost has numbers, and one record at the tail. */
	for (int i = 0; i < 5; i++)
		EXPECT("15", test(TRIGGER_VEVENT, mock, device, 0), 0);
	EXPECT("12", read(queue, records, sizeof(record) + 7), sizeof(record));
	TRUE("12", records[0].header.sequence == 1);
	EXPECT("12", read(queue, records, sizeof(records)), sizeof(record) + 8);
	TRUE("12", records[0].header.sequence == 2 && records[1].header.flags == 1 && records[1].header.sequence == 5);
	/* The reader sees the gap when a normal event follows. */
	for (int i = 0; i < 3; i++)
		EXPECT("15", test(TRIGGER_VEVENT, mock, device, 0), 0);
	EXPECT("12", read(queue, records, sizeof(record)), sizeof(record));
	EXPECT("15", test(TRIGGER_VEVENT, mock, device, 0), 0);
	EXPECT("12", read(queue, records, sizeof(records)), 2 * sizeof(record));
	TRUE("12", records[0].header.sequence == 7 && records[1].header.sequence == 9);
	EXPECT("12", write(queue, &record, sizeof(record)) < 0, 1);

	EXPECT("12", replace(ioas), 0);
	EXPECT("3", destroy(fd, nested), 0);
	EXPECT("3", destroy(fd, vdevice), 0);
	close(queue);
	EXPECT("3", destroy(fd, id), 0);
}

static void hardware_queues(int viommu)
{
	__u32 type = IOMMU_HW_QUEUE_TYPE_SELFTEST;
	__u64 at = 0x2000000;
	EXPECT("12", hw_queue_alloc(viommu, 0, 0, at, PAGE), -EOPNOTSUPP);
	EXPECT("12", hw_queue_alloc(viommu, type, 0, at, 0), -EINVAL);
	EXPECT("12", hw_queue_alloc(viommu, type, 0, ALL, 2), -EOVERFLOW);
	EXPECT("12", hw_queue_alloc(~0U, type, 0, at, PAGE), -ENOENT);
	EXPECT("12", hw_queue_alloc(viommu, 9, 0, at, PAGE), -EOPNOTSUPP);
	EXPECT("12", hw_queue_alloc(viommu, type, 0, at, 1ULL << 40), -ENOMEM);
	EXPECT("12", hw_queue_alloc(viommu, type, 0, 0, ALL - 0xfff), -ENOMEM);
	EXPECT("12", hw_queue_alloc(viommu, type, 0, 0, ALL - 0xffe), -ERANGE);
	EXPECT("12", hw_queue_alloc(viommu, type, 0, at, PAGE), -ENOENT);
	EXPECT("4", map_at(fd, ioas, memory, at, 4 * PAGE), 0);
	EXPECT("12", hw_queue_alloc(viommu, type, 2, at, PAGE), -EINVAL);
	EXPECT("12", hw_queue_alloc(viommu, type, 1, at, PAGE), -EIO);
	int first = hw_queue_alloc(viommu, type, 0, at, PAGE);
	TRUE("12", first > 0);
	EXPECT("12", hw_queue_alloc(viommu, type, 0, at, PAGE), -EEXIST);
	int second = hw_queue_alloc(viommu, type, 1, at + PAGE, 16);
	TRUE("12", second > 0);
	/* The hardware reads it: its pages stay. */
	EXPECT("12", unmap_at(fd, ioas, at, 4 * PAGE), -EBUSY);
	EXPECT("12", unmap_at(fd, ioas, 0, ALL), -EBUSY);
	EXPECT("3", destroy(fd, viommu), -EBUSY);
	EXPECT("3", destroy(fd, first), -EBUSY);
	EXPECT("3", destroy(fd, second), 0);
	EXPECT("3", destroy(fd, first), 0);
	EXPECT("4", unmap_at(fd, ioas, at, 4 * PAGE), 4 * PAGE);
}

/* A fault of a device whose table has a queue, and what leaving the table does to it. */
static void faults(void)
{
	struct iommu_fault_alloc queue = { .size = sizeof(queue) };
	MUST(ioctl(fd, IOMMU_FAULT_QUEUE_ALLOC, &queue));
	int file = (int)queue.out_fault_fd, nested = nested_alloc(parent, IOMMU_HWPT_FAULT_ID_VALID, queue.out_fault_id);
	struct iommu_hwpt_pgfault list[3] = { 0 };
	struct iommu_test_cmd fault = { .size = sizeof(fault), .op = TRIGGER_IOPF, .id = device, .c = 3, .d = 1, .e = 0xdead0000 };
	fault.a = device;
	EXPECT("9", ioctl(fd, IOMMU_TEST_CMD, &fault), 0);
	EXPECT("9", read(file, list, sizeof(list)), 0);
	EXPECT("7", replace(nested), 0);
	for (int i = 0; i < 2; i++)
		EXPECT("9", ioctl(fd, IOMMU_TEST_CMD, &fault), 0);
	EXPECT("9", read(file, list, sizeof(list)), 2 * sizeof(*list));
	TRUE("9", list[0].addr == 0xdead0000 && list[0].grpid == 3 && list[0].dev_id == device && list[0].flags == 2);
	TRUE("9", list[0].cookie == 1 && list[1].cookie == 2);
	struct iommu_hwpt_page_response answers[2] = { { 2, 0 }, { 7, 0 } };
	EXPECT("9", write(file, answers, sizeof(answers)), sizeof(*answers));
	EXPECT("9", write(file, answers, sizeof(answers)), -EINVAL);
	/* The lowest free cookie. */
	EXPECT("9", ioctl(fd, IOMMU_TEST_CMD, &fault), 0);
	EXPECT("9", read(file, list, sizeof(*list)), sizeof(*list));
	TRUE("9", list[0].cookie == 2);
	/* Leaving the table answers what waits; a cookie is worth nothing then. */
	EXPECT("7", replace(ioas), 0);
	EXPECT("9", write(file, answers, sizeof(*answers)), -EINVAL);
	EXPECT("3", destroy(fd, nested), 0);
	close(file);
	EXPECT("3", destroy(fd, queue.out_fault_id), 0);
}

int main(void)
{
	fd = iommu_open();
	ioas = ioas_alloc(fd);
	memory = pages(16);
	mock_domain(&mock, &hwpt, &device);
	parent = hwpt_alloc(fd, device, ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, 0, NULL, 0, 0);
	TRUE("8", parent > 0);
	iotlb();
	alloc();
	mapped();
	faults();
	int viommu = viommu_alloc(IOMMU_VIOMMU_TYPE_SELFTEST, device, parent, NULL);
	events(viommu);
	hardware_queues(viommu);
	devices(viommu);
	EXPECT("3", destroy(fd, viommu), 0);
	EXPECT("15", destroy(fd, device), -EBUSY);
	EXPECT("15", destroy(fd, mock), 0);
	return failures != 0;
}
