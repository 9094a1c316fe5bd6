/* Section 2.3: page faults and events. argv[1] "timeout": the machine answers late. */
#include "check.h"
#include <sys/epoll.h>

static int fault_fd(int fd, __u32 ioasid, __u32 flags)
{
	struct ioasid_fault_fd arg = { .argsz = sizeof(arg), .flags = flags, .ioasid = ioasid };
	return ioctl(fd, IOASID_FAULT_FD, &arg);
}
static int respond(int fd, const struct ioasid_fault *f, __u32 code)
{
	struct ioasid_page_response arg = { .argsz = sizeof(arg), .ioasid = f->ioasid, .grpid = f->grpid, .cookie = f->cookie, .code = code };
	return ioctl(fd, IOASID_PAGE_RESPONSE, &arg);
}
static void start(int device, __u32 command, __u64 src, __u64 dst, __u32 length)
{
	reg_write(device, IOASID_DMAE_REG_COMMAND, command, 4);
	reg_write(device, IOASID_DMAE_REG_SRC, src, 8);
	reg_write(device, IOASID_DMAE_REG_DST, dst, 8);
	reg_write(device, IOASID_DMAE_REG_LENGTH, length, 4);
	reg_write(device, IOASID_DMAE_REG_DOORBELL, 1, 4);
}
static __u32 status(int device) { return reg_read(device, IOASID_DMAE_REG_STATUS, 4); }
static __u32 result(int device) { return reg_read(device, IOASID_DMAE_REG_RESULT, 4); }
static void clear(int device) { reg_write(device, IOASID_DMAE_REG_STATUS, DONE | ERROR, 4); }

static int readable(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	return poll(&p, 1, 0);
}

static struct ioasid_event event(int fd)
{
	struct ioasid_event e = { 0 };
	EXPECT("2", read(fd, &e, sizeof(e)), sizeof(e));
	EXPECT("2", e.argsz, sizeof(e));
	return e;
}

int main(int argc, char **argv)
{
	int timeout = argc > 1 && !strcmp(argv[1], "timeout");
	int fd = ioasid_open(), device = vfio_open(1), without = vfio_open(2);
	char *memory = pages(64);
	struct ioasid_fault f;
	MUST(bind_device(device, fd, 0x11));
	MUST(bind_device(without, fd, 0x22));
	EXPECT("2", ioctl(fd, IOASID_EVENT_FD, 1), -EINVAL);
	EXPECT("2", ioctl(fd, IOASID_EVENT_FD, 1UL << 40), -EINVAL);
	int events = MUST(ioctl(fd, IOASID_EVENT_FD, O_NONBLOCK | O_CLOEXEC));
	TRUE("2", fcntl(events, F_GETFD) & FD_CLOEXEC);
	TRUE("2", fcntl(events, F_GETFL) & O_NONBLOCK);
	EXPECT("2", read(events, &f, sizeof(f)), -EAGAIN);
	EXPECT("2", readable(events), 0);

	int id = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	EXPECT("2.1", fault_fd(fd, id, 0), -ENODEV);
	MUST(attach(device, id));
	MUST(attach(without, id));
	EXPECT("2", readable(events), 1);
	struct ioasid_event e = event(events);
	TRUE("2", e.type == IOASID_EVENT_DEVICE_ATTACHED && e.cookie == 0x11 && e.ioasid == (__u32)id);
	EXPECT("2", event(events).cookie, 0x22);
	/* Without fault fd the DMA aborts. */
	EXPECT("2.3", dma(device, FILL, 0, 0x100000, 8), 1);

	EXPECT("2.3", fault_fd(fd, id, 1), -EINVAL);
	EXPECT("2.3", fault_fd(fd, 99, 0), -ENOENT);
	int faults = MUST(fault_fd(fd, id, O_NONBLOCK | O_CLOEXEC));
	EXPECT("2.3", fault_fd(fd, id, 0), -EBUSY);
	struct ioasid_info info;
	EXPECT("2", get_info(fd, id, &info), 0);
	TRUE("2", info.flags & IOASID_INFO_PAGE_FAULT);
	EXPECT("2.3", read(faults, &f, sizeof(f)), -EAGAIN);
	/* A device without PRI aborts all the same. */
	EXPECT("2.3", dma(without, FILL, 0, 0x100000, 8), 1);

	/* A miss: the device waits; the answer makes it go on. */
	int epoll = MUST(epoll_create1(0));
	struct epoll_event interest = { .events = EPOLLIN }, got;
	MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, faults, &interest));
	EXPECT("2.3", epoll_wait(epoll, &got, 1, 0), 0);
	reg_write(device, IOASID_DMAE_REG_PATTERN, 0x0303030303030303, 8);
	start(device, FILL, 0, 0x100ff0, 0x1020);
	EXPECT("2.3", status(device), BUSY);
	EXPECT("2.3", epoll_wait(epoll, &got, 1, 0), 1);
	EXPECT("2.3", read(faults, &f, sizeof(f)), sizeof(f));
	TRUE("2.3", f.argsz == sizeof(f) && f.ioasid == (__u32)id && f.cookie == 0x11 && f.addr == 0x100000);
	TRUE("2.3", f.perm == IOASID_FAULT_WRITE && f.code == IOASID_FAULT_CODE_REQUEST && (f.flags & IOASID_FAULT_LAST_PAGE));
	if (timeout) {
		usleep(300000);
		EXPECT("2.3", status(device), ERROR);
		EXPECT("2.3", result(device), 4);
		e = event(events);
		TRUE("2.3", e.type == IOASID_EVENT_FAULT_TIMEOUT && e.cookie == 0x11 && e.ioasid == (__u32)id);
		EXPECT("2.3", respond(fd, &f, IOASID_PAGE_RESP_SUCCESS), -ENOENT);
		return failures != 0;
	}
	struct ioasid_fault wrong = f;
	wrong.grpid++;
	EXPECT("2.3", respond(fd, &wrong, IOASID_PAGE_RESP_SUCCESS), -ENOENT);
	wrong = f;
	wrong.cookie++;
	EXPECT("2.3", respond(fd, &wrong, IOASID_PAGE_RESP_SUCCESS), -ENOENT);
	EXPECT("2.3", respond(fd, &f, 3), -EINVAL);
	EXPECT("2.3", status(device), BUSY);
	MUST(map(fd, id, memory, 0x100000, PAGE));
	EXPECT("2.3", respond(fd, &f, IOASID_PAGE_RESP_SUCCESS), 0);
	EXPECT("2.3", respond(fd, &f, IOASID_PAGE_RESP_SUCCESS), -ENOENT);
	TRUE("2.3", memory[0xfef] == 0 && memory[0xff0] == 3 && memory[0xfff] == 3);
	/* The next page of the same command is asked for next. */
	EXPECT("2.3", status(device), BUSY);
	EXPECT("2.3", read(faults, &f, sizeof(f)), sizeof(f));
	EXPECT("2.3", f.addr, 0x101000);
	MUST(map(fd, id, memory + PAGE, 0x101000, PAGE));
	EXPECT("2.3", respond(fd, &f, IOASID_PAGE_RESP_SUCCESS), 0);
	EXPECT("2.3", read(faults, &f, sizeof(f)), sizeof(f));
	EXPECT("2.3", f.addr, 0x102000);
	/* INVALID and FAILURE abort that DMA; what was written stays. */
	EXPECT("2.3", respond(fd, &f, IOASID_PAGE_RESP_INVALID), 0);
	EXPECT("2.3", status(device), ERROR);
	EXPECT("6", result(device), 4);
	EXPECT("6", reg_read(device, IOASID_DMAE_REG_FAULT_ADDR, 8), 0x102000);
	EXPECT("2.3", memory[2 * PAGE - 1], 3);
	clear(device);
	start(device, COPY, 0x200000, 0x100000, 8);
	EXPECT("2.3", read(faults, &f, sizeof(f)), sizeof(f));
	EXPECT("2.3", f.perm, IOASID_FAULT_READ);
	EXPECT("2.3", respond(fd, &f, IOASID_PAGE_RESP_FAILURE), 0);
	EXPECT("2.3", status(device), ERROR);
	clear(device);
	/* A reset forgets the command; its answer finds nothing to do. */
	start(device, FILL, 0, 0x300000, 8);
	EXPECT("2.3", read(faults, &f, sizeof(f)), sizeof(f));
	MUST(ioctl(device, VFIO_DEVICE_RESET));
	EXPECT("2.3", respond(fd, &f, IOASID_PAGE_RESP_SUCCESS), 0);
	EXPECT("2.3", status(device), 0);

	/* The queue is bounded: the oldest are kept, one LOST record says that something was dropped. */
	int lost = 0, requests = 0;
	for (int i = 0; i < 200; i++) {
		start(device, FILL, 0, 0x400000, 8);
		if (status(device) != BUSY) {
			lost++;
			EXPECT("2.3", result(device), 1);
		}
		MUST(ioctl(device, VFIO_DEVICE_RESET));
	}
	int saw_lost = 0;
	while (read(faults, &f, sizeof(f)) == sizeof(f)) {
		requests += f.code == IOASID_FAULT_CODE_REQUEST;
		saw_lost += f.code == IOASID_FAULT_CODE_LOST;
	}
	TRUE("2.3", saw_lost == 1 && requests > 0 && requests + lost == 200);
	TRUE("2.3", f.code == IOASID_FAULT_CODE_LOST);

	/* Closing the fault fd aborts what waits. */
	start(device, FILL, 0, 0x400000, 8);
	EXPECT("2.3", status(device), BUSY);
	close(epoll);
	close(faults);
	EXPECT("2.3", status(device), ERROR);
	EXPECT("2.3", dma(device, FILL, 0, 0x400000, 8) == 1, 1);
	/* So does the detach of the device. */
	faults = MUST(fault_fd(fd, id, O_NONBLOCK));
	start(device, FILL, 0, 0x400000, 8);
	EXPECT("2.3", status(device), BUSY);
	EXPECT("3.2", detach(device, id), 0);
	EXPECT("2.3", result(device), 4);
	e = event(events);
	TRUE("2", e.type == IOASID_EVENT_DEVICE_DETACHED && e.cookie == 0x11);
	EXPECT("2", read(events, &e, sizeof(e)), -EAGAIN);
	return failures != 0;
}
