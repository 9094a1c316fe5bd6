/* /dev/iommu: fault queues, virtual IOMMUs and their queues on VT-d hardware, mmap (linux-iommufd.md, 9 and 12). */
#include "check-iommufd.h"

static int fd, ioas;
static char *memory;

/* The id; *queue is its descriptor. */
static int fault_queue(__u32 flags, int *queue)
{
	struct iommu_fault_alloc arg = { .size = sizeof(arg), .flags = flags };
	if (ioctl(fd, IOMMU_FAULT_QUEUE_ALLOC, &arg))
		return -1;
	*queue = arg.out_fault_fd;
	return arg.out_fault_id;
}

static void start(int device, __u32 command, __u64 src, __u64 dst, __u32 length)
{
	reg_write(device, IOASID_DMAE_REG_STATUS, DONE | ERROR, 4);
	reg_write(device, IOASID_DMAE_REG_COMMAND, command, 4);
	reg_write(device, IOASID_DMAE_REG_SRC, src, 8);
	reg_write(device, IOASID_DMAE_REG_DST, dst, 8);
	reg_write(device, IOASID_DMAE_REG_LENGTH, length, 4);
	reg_write(device, IOASID_DMAE_REG_DOORBELL, 1, 4);
}
static __u32 status(int device) { return reg_read(device, IOASID_DMAE_REG_STATUS, 4) & (BUSY | DONE | ERROR); }

static int events(int queue, int wanted)
{
	struct pollfd p = { queue, wanted, 0 };
	return poll(&p, 1, 0) == 1 ? p.revents : 0;
}

/* The next fault of a queue: where, and the cookie. */
static struct iommu_hwpt_pgfault fault(int queue)
{
	struct iommu_hwpt_pgfault found = { 0 };
	EXPECT("9", read(queue, &found, sizeof(found)), sizeof(found));
	return found;
}
static long answer(int queue, __u32 cookie, __u32 code)
{
	struct iommu_hwpt_page_response response = { .cookie = cookie, .code = code };
	return write(queue, &response, sizeof(response));
}

/* The program's own table at memory, seen by devices at 0x100000: nothing is mapped, but the tables of 0x40000000. */
static __u64 *table(void)
{
	__u64 *level[4];
	for (int i = 0; i < 4; i++) {
		level[i] = (__u64 *)(memory + i * PAGE);
		memset(level[i], 0, PAGE);
	}
	for (int i = 0; i < 3; i++)
		level[i][i == 1 ? 1 : 0] = (0x100000 + (i + 1) * PAGE) | 7;
	return level[3];
}

static void faults(int device, int id)
{
	int queue = -1;
	char bytes[100] = { 0 };
	EXPECT("9", fault_queue(1, &queue), -EOPNOTSUPP);
	int object = fault_queue(0, &queue);
	TRUE("9", object > 0 && queue >= 0 && (fcntl(queue, F_GETFD) & FD_CLOEXEC));
	EXPECT("9", lseek(queue, 0, SEEK_SET), -ESPIPE);
	EXPECT("9", events(queue, POLLIN | POLLOUT), POLLOUT);
	EXPECT("9", read(queue, bytes, 40), 0);
	EXPECT("9", read(queue, bytes, 39), -ESPIPE);
	EXPECT("9", write(queue, bytes, 7), -ESPIPE);
	EXPECT("9", answer(queue, 0, 0), -EINVAL);

	EXPECT("4", map_at(fd, ioas, memory, 0x100000, 16 * PAGE), 0);
	int parent = hwpt_alloc(fd, id, ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, 0, NULL, 0, 0);
	struct iommu_hwpt_vtd_s1 config = { .pgtbl_addr = 0x100000, .addr_width = 48 };
	__u64 *last = table();
	EXPECT("8", hwpt_alloc(fd, id, parent, IOMMU_HWPT_FAULT_ID_VALID, IOMMU_HWPT_DATA_VTD_S1, &config, sizeof(config), parent),
	       -ENOENT);
	int nested = hwpt_alloc(fd, id, parent, IOMMU_HWPT_FAULT_ID_VALID, IOMMU_HWPT_DATA_VTD_S1, &config, sizeof(config), object);
	TRUE("8", nested > 0);
	EXPECT("3", destroy(fd, object), -EBUSY);
	EXPECT("7", attach_pt(device, nested), nested);

	/* One answer lets the device go on; a cookie serves once. */
	start(device, FILL, 0, 0x40000000, 8);
	EXPECT("9", status(device), BUSY);
	EXPECT("9", events(queue, POLLIN | POLLOUT), POLLIN | POLLOUT);
	/* A group is delivered whole, or not at all. */
	EXPECT("9", read(queue, bytes, 0), -EINVAL);
	struct iommu_hwpt_pgfault found = fault(queue);
	EXPECT("9", found.dev_id, id);
	EXPECT("9", found.addr, 0x40000000);
	EXPECT("9", found.flags & 2, 2);
	EXPECT("9", found.length, 0);
	EXPECT("9", events(queue, POLLIN), 0);
	EXPECT("9", answer(queue, found.cookie, 2), -EINVAL);
	EXPECT("9", answer(queue, found.cookie + 1, 0), -EINVAL);
	last[0] = (0x100000 + 8 * PAGE) | 7;
	EXPECT("9", answer(queue, found.cookie, 0), 8);
	EXPECT("9", answer(queue, found.cookie, 0), -EINVAL);
	EXPECT("9", status(device), DONE);

	/* INVALID ends it with an error; several records are answered in order until one is wrong. */
	start(device, FILL, 0, 0x40001000, 8);
	found = fault(queue);
	struct iommu_hwpt_page_response list[2] = { { found.cookie, 1 }, { found.cookie, 1 } };
	EXPECT("9", write(queue, list, sizeof(list)), 8);
	EXPECT("9", status(device) & ERROR, ERROR);

	/* Detach answers what waits. The descriptor keeps the queue. */
	start(device, FILL, 0, 0x40002000, 8);
	EXPECT("9", status(device), BUSY);
	EXPECT("7", detach_pt(device), 0);
	EXPECT("9", status(device) & ERROR, ERROR);
	EXPECT("3", destroy(fd, nested), 0);
	EXPECT("3", destroy(fd, parent), 0);
	EXPECT("3", destroy(fd, object), -EBUSY);
	close(queue);
	EXPECT("3", destroy(fd, object), 0);
	EXPECT("4", unmap_at(fd, ioas, 0, ALL), 16 * PAGE);
}

/* What VT-d has no virtual IOMMU for, in the order in which Linux looks. */
static void viommus(int id)
{
	int parent = hwpt_alloc(fd, id, ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, 0, NULL, 0, 0);
	struct iommu_viommu_alloc viommu = { .size = sizeof(viommu), .flags = 1, .type = 2, .dev_id = ~0U, .hwpt_id = ~0U };
	EXPECT("12", ioctl(fd, IOMMU_VIOMMU_ALLOC, &viommu), -EOPNOTSUPP);
	viommu.flags = 0;
	viommu.type = IOMMU_VIOMMU_TYPE_DEFAULT;
	EXPECT("12", ioctl(fd, IOMMU_VIOMMU_ALLOC, &viommu), -EOPNOTSUPP);
	viommu.type = 2;
	EXPECT("12", ioctl(fd, IOMMU_VIOMMU_ALLOC, &viommu), -ENOENT);
	viommu.dev_id = id;
	EXPECT("12", ioctl(fd, IOMMU_VIOMMU_ALLOC, &viommu), -EOPNOTSUPP);
	viommu.hwpt_id = parent;
	EXPECT("12", ioctl(fd, IOMMU_VIOMMU_ALLOC, &viommu), -EOPNOTSUPP);

	struct iommu_vdevice_alloc vdevice = { .size = sizeof(vdevice), .viommu_id = parent, .dev_id = id };
	EXPECT("12", ioctl(fd, IOMMU_VDEVICE_ALLOC, &vdevice), -ENOENT);
	struct iommu_veventq_alloc queue = { .size = sizeof(queue), .viommu_id = parent, .type = 1, .veventq_depth = 1, .flags = 1 };
	EXPECT("12", ioctl(fd, IOMMU_VEVENTQ_ALLOC, &queue), -EOPNOTSUPP);
	queue.flags = 0;
	queue.veventq_depth = 0;
	EXPECT("12", ioctl(fd, IOMMU_VEVENTQ_ALLOC, &queue), -EINVAL);
	queue.veventq_depth = 1;
	EXPECT("12", ioctl(fd, IOMMU_VEVENTQ_ALLOC, &queue), -ENOENT);
	struct iommu_hw_queue_alloc hardware = { .size = sizeof(hardware), .viommu_id = parent, .type = 1, .flags = 1 };
	EXPECT("12", ioctl(fd, IOMMU_HW_QUEUE_ALLOC, &hardware), -EOPNOTSUPP);
	hardware.flags = 0;
	EXPECT("12", ioctl(fd, IOMMU_HW_QUEUE_ALLOC, &hardware), -EINVAL);
	hardware.length = PAGE;
	hardware.nesting_parent_iova = ALL;
	EXPECT("12", ioctl(fd, IOMMU_HW_QUEUE_ALLOC, &hardware), -EOVERFLOW);
	hardware.nesting_parent_iova = 0;
	EXPECT("12", ioctl(fd, IOMMU_HW_QUEUE_ALLOC, &hardware), -ENOENT);
	EXPECT("3", destroy(fd, parent), 0);
}

/* Only what a driver handed out can be mapped. */
static void maps(void)
{
	int shared = PROT_READ | PROT_WRITE;
	TRUE("12", mmap(NULL, PAGE, shared, MAP_PRIVATE, fd, PAGE) == MAP_FAILED && errno == EINVAL);
	TRUE("12", mmap(NULL, PAGE, shared | PROT_EXEC, MAP_SHARED, fd, PAGE) == MAP_FAILED && errno == EPERM);
	TRUE("12", mmap(NULL, PAGE, shared, MAP_SHARED, fd, PAGE) == MAP_FAILED && errno == ENXIO);
}

int main(void)
{
	fd = iommu_open();
	ioas = ioas_alloc(fd);
	memory = pages(64);
	int device = vfio_open(1), id = bind_iommufd(device, fd);
	TRUE("7", id > 0);
	bus_master(device);
	faults(device, id);
	viommus(id);
	maps();
	/* A kernel without Linux's own tests has no such call. */
	char test[64] = { 64 };
	EXPECT("15", ioctl(fd, _IO(';', 0xa0), test), -ENOTTY);
	return failures != 0;
}
