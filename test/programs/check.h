/* What the test programs share: expectations that name the section, and the calls of the API in short form. */
#ifndef CHECK_H
#define CHECK_H

#include "expect.h"
#include "ioasid.h"

#define RW (IOASID_DMA_MAP_READ | IOASID_DMA_MAP_WRITE)

static inline int ioasid_open(void)
{
	return MUST(open("/dev/ioasid", O_RDWR | O_CLOEXEC));
}
static inline int vfio_open(int n)
{
	char path[64];
	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%d", n);
	return MUST(open(path, O_RDWR | O_CLOEXEC));
}
static inline int bind_device(int device, int ioasid, __u64 cookie)
{
	struct vfio_bind_ioasid_fd arg = { .argsz = sizeof(arg), .ioasid_fd = ioasid, .cookie = cookie };
	return ioctl(device, VFIO_BIND_IOASID_FD, &arg);
}
static inline int attach_flags(int device, __u32 ioasid, __u32 flags, __u32 pasid)
{
	struct vfio_attach_ioasid arg = { .argsz = sizeof(arg), .flags = flags, .ioasid = ioasid, .user_pasid = pasid };
	return ioctl(device, VFIO_ATTACH_IOASID, &arg);
}
static inline int attach(int device, __u32 ioasid)
{
	return attach_flags(device, ioasid, 0, 0);
}
static inline int detach(int device, __u32 ioasid)
{
	struct vfio_attach_ioasid arg = { .argsz = sizeof(arg), .ioasid = ioasid };
	return ioctl(device, VFIO_DETACH_IOASID, &arg);
}
static inline int alloc_flags(int fd, __u32 flags)
{
	struct ioasid_alloc arg = { .argsz = sizeof(arg), .flags = flags };
	return ioctl(fd, IOASID_ALLOC, &arg);
}
static inline int map_flags(int fd, __u32 ioasid, __u32 flags, const void *vaddr, __u64 iova, __u64 size)
{
	struct ioasid_dma_map arg = { .argsz = sizeof(arg), .flags = flags, .ioasid = ioasid,
				      .vaddr = (__u64)vaddr, .iova = iova, .size = size };
	return ioctl(fd, IOASID_MAP_DMA, &arg);
}
static inline int map(int fd, __u32 ioasid, const void *vaddr, __u64 iova, __u64 size)
{
	return map_flags(fd, ioasid, RW, vaddr, iova, size);
}
/* Bytes unmapped, or -1. */
static inline long unmap(int fd, __u32 ioasid, __u64 iova, __u64 size)
{
	struct ioasid_dma_unmap arg = { .argsz = sizeof(arg), .ioasid = ioasid, .iova = iova, .size = size };
	return ioctl(fd, IOASID_UNMAP_DMA, &arg) < 0 ? -1 : (long)arg.size;
}
static inline int get_info(int fd, __u32 ioasid, struct ioasid_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->ioasid = ioasid;
	return ioctl(fd, IOASID_GET_INFO, info);
}
static inline int guest_wbinvd(int vm)
{
	struct kvm_guest_op op = { .argsz = sizeof(op), .op = KVM_GUEST_OP_WBINVD };
	return ioctl(vm, KVM_GUEST_OP, &op) < 0 ? -1 : (int)op.result;
}
/* A VM and its kvm-vfio device. */
static inline int vm_create(int *kvm_vfio)
{
	int kvm = MUST(open("/dev/kvm", O_RDWR | O_CLOEXEC));
	int vm = MUST(ioctl(kvm, KVM_CREATE_VM, 0));
	struct kvm_create_device create = { .type = KVM_DEV_TYPE_VFIO };
	MUST(ioctl(vm, KVM_CREATE_DEVICE, &create));
	*kvm_vfio = create.fd;
	close(kvm);
	return vm;
}
static inline int proof(int kvm_vfio, __u64 attr, int fd)
{
	struct kvm_device_attr arg = { .group = KVM_DEV_IOASID, .attr = attr, .addr = (__u64)&fd };
	return ioctl(kvm_vfio, KVM_SET_DEVICE_ATTR, &arg);
}

/* The DMA engine. */
enum { COPY, FILL, CHECKSUM };
enum { BUSY = 1, DONE = 2, ERROR = 4 };

static inline void reg_write(int device, unsigned reg, __u64 value, unsigned size)
{
	if (pwrite(device, &value, size, reg) != (ssize_t)size)
		must(-1, "register write");
}
static inline __u64 reg_read(int device, unsigned reg, unsigned size)
{
	__u64 value = 0;
	if (pread(device, &value, size, reg) != (ssize_t)size)
		must(-1, "register read");
	return value;
}
/* Runs a command. Returns 0, or the RESULT of an error. */
static inline int dma(int device, __u32 command, __u64 src, __u64 dst, __u32 length)
{
	reg_write(device, IOASID_DMAE_REG_COMMAND, command, 4);
	reg_write(device, IOASID_DMAE_REG_SRC, src, 8);
	reg_write(device, IOASID_DMAE_REG_DST, dst, 8);
	reg_write(device, IOASID_DMAE_REG_LENGTH, length, 4);
	reg_write(device, IOASID_DMAE_REG_DOORBELL, 1, 4);
	__u32 status = reg_read(device, IOASID_DMAE_REG_STATUS, 4);
	reg_write(device, IOASID_DMAE_REG_STATUS, DONE | ERROR, 4);
	if (status == DONE)
		return 0;
	if (status != ERROR)
		return -1000 - (int)status;
	return (int)reg_read(device, IOASID_DMAE_REG_RESULT, 4);
}

#endif
