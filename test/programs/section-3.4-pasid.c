/* Sections 3.2 and 3.4: attachments by PASID; section 4: ENQCMD with the guest's PASIDs. */
#include "tables.h"

static int detach_pasid(int device, __u32 ioasid, __u32 pasid)
{
	struct vfio_attach_ioasid arg = { .argsz = sizeof(arg), .flags = VFIO_ATTACH_IOASID_USER_PASID, .ioasid = ioasid, .user_pasid = pasid };
	return ioctl(device, VFIO_DETACH_IOASID, &arg);
}
static int attach_pasid(int device, __u32 ioasid, __u32 pasid)
{
	return attach_flags(device, ioasid, VFIO_ATTACH_IOASID_USER_PASID, pasid);
}
/* DMA tagged with a PASID. */
static int dma_pasid(int device, __u32 pasid, __u64 dst)
{
	reg_write(device, IOASID_DMAE_REG_FLAGS, 2, 4);
	reg_write(device, IOASID_DMAE_REG_PASID, pasid, 4);
	int result = dma(device, FILL, 0, dst, 8);
	reg_write(device, IOASID_DMAE_REG_FLAGS, 0, 4);
	return result;
}
static int kvm_pasid(int vm, unsigned long request, int fd, __u32 ioasid, __u32 pasid)
{
	struct kvm_pasid_map arg = { .argsz = sizeof(arg), .user_pasid = pasid, .ioasid_fd = fd, .ioasid = ioasid };
	return ioctl(vm, request, &arg);
}
static int enqcmd(int vm, __u64 cookie, __u32 pasid)
{
	struct kvm_guest_op op = { .argsz = sizeof(op), .op = KVM_GUEST_OP_ENQCMD, .arg0 = cookie, .arg1 = pasid };
	return ioctl(vm, KVM_GUEST_OP, &op) < 0 ? -1 : (int)op.result;
}

static void capability(int device, __u32 flags, __u32 bits, const char *what)
{
	char buffer[64] = { 0 };
	struct vfio_device_info *info = (void *)buffer;
	info->argsz = 16;
	EXPECT(what, ioctl(device, VFIO_DEVICE_GET_INFO, info), 0);
	if (!bits) {
		EXPECT(what, info->flags & VFIO_DEVICE_FLAGS_CAPS, 0);
		return;
	}
	TRUE(what, (info->flags & VFIO_DEVICE_FLAGS_CAPS) && info->argsz > 16 && info->argsz <= sizeof(buffer));
	EXPECT(what, ioctl(device, VFIO_DEVICE_GET_INFO, info), 0);
	struct vfio_info_cap_header *header = (void *)(buffer + info->cap_offset);
	__u32 *body = (__u32 *)(header + 1);
	TRUE(what, info->cap_offset >= 20 && header->id == VFIO_DEVICE_INFO_CAP_PASID && header->next == 0);
	EXPECT(what, body[0], flags);
	EXPECT(what, body[1], bits);
}

int main(void)
{
	int fd = ioasid_open(), function = vfio_open(1), plain = vfio_open(2), one = vfio_open(5), two = vfio_open(6);
	char *memory = pages(16);
	MUST(bind_device(function, fd, 1));
	MUST(bind_device(plain, fd, 2));
	MUST(bind_device(one, fd, 5));
	MUST(bind_device(two, fd, 6));
	capability(function, VFIO_DEVICE_PASID_DELEGATED, 20, "3 function");
	capability(one, VFIO_DEVICE_PASID_CPU | VFIO_DEVICE_PASID_CPU_VIRT, 20, "3 mediated");
	capability(plain, 0, 0, "3 none");

	int a = MUST(ioctl(fd, IOASID_ALLOC, NULL)), b = MUST(ioctl(fd, IOASID_ALLOC, NULL)), c = MUST(ioctl(fd, IOASID_ALLOC, NULL));
	/* 3.2: a default attachment first; EOPNOTSUPP without the capability. */
	EXPECT("3.2", attach_pasid(plain, b, 5), -EOPNOTSUPP);
	EXPECT("3.2", attach_pasid(function, b, 5), -EINVAL);
	MUST(attach(function, a));
	EXPECT("3.2", attach_pasid(function, 99, 5), -ENOENT);
	EXPECT("3.2", attach_pasid(function, b, 1 << 20), -EINVAL);
	EXPECT("3.2", attach_pasid(function, b, 5), 0);
	EXPECT("3.2", attach_pasid(function, b, 5), -EEXIST);
	EXPECT("3.2", attach_pasid(function, c, 5), -EEXIST);
	EXPECT("3.2", attach_pasid(function, c, 6), 0);
	EXPECT("3.2", detach(function, a), -EBUSY);
	EXPECT("3.1", ioctl(function, VFIO_UNBIND_IOASID_FD), -EBUSY);
	EXPECT("3.2", detach_pasid(function, b, 7), -ENOENT);
	EXPECT("3.2", detach_pasid(function, c, 5), -ENOENT);
	EXPECT("2.1", ioctl(fd, IOASID_FREE, b), -EBUSY);

	/* Each PASID has its own address space. */
	MUST(map(fd, a, memory, 0x10000, PAGE));
	MUST(map(fd, b, memory + PAGE, 0x10000, PAGE));
	MUST(map(fd, c, memory + 2 * PAGE, 0x10000, PAGE));
	reg_write(function, IOASID_DMAE_REG_PATTERN, 0x0a, 8);
	EXPECT("3.4", dma(function, FILL, 0, 0x10000, 8), 0);
	reg_write(function, IOASID_DMAE_REG_PATTERN, 0x0b, 8);
	EXPECT("3.4", dma_pasid(function, 5, 0x10000), 0);
	reg_write(function, IOASID_DMAE_REG_PATTERN, 0x0c, 8);
	EXPECT("3.4", dma_pasid(function, 6, 0x10000), 0);
	TRUE("3.4", memory[0] == 0x0a && memory[PAGE] == 0x0b && memory[2 * PAGE] == 0x0c);
	EXPECT("6", dma_pasid(function, 7, 0x10000), 3);
	EXPECT("3.2", detach_pasid(function, c, 6), 0);
	EXPECT("6", dma_pasid(function, 6, 0x10000), 3);

	/* Mediated devices: the same user PASID goes to the space that each attached. */
	MUST(attach(one, a));
	MUST(attach(two, a));
	EXPECT("3.4", attach_pasid(one, b, 5), 0);
	EXPECT("3.4", attach_pasid(two, b, 5), 0);
	EXPECT("3.4", dma_pasid(one, 5, 0x10000), 0);
	EXPECT("3.4", dma_pasid(two, 5, 0x10000), 0);
	EXPECT("3.4", detach_pasid(two, b, 5), 0);
	EXPECT("6", dma_pasid(two, 5, 0x10000), 3);
	EXPECT("3.4", dma_pasid(one, 5, 0x10000), 0);

	/* 4: the guest's ENQCMD needs a translation, and reaches the device with it. */
	int kvm_vfio, vm = vm_create(&kvm_vfio);
	EXPECT("4", enqcmd(vm, 5, 5), 13);
	EXPECT("4", kvm_pasid(vm, KVM_MAP_PASID, -1, b, 5), -EBADF);
	EXPECT("4", kvm_pasid(vm, KVM_MAP_PASID, one, b, 5), -EINVAL);
	EXPECT("4", kvm_pasid(vm, KVM_MAP_PASID, fd, 99, 5), -ENOENT);
	EXPECT("4", kvm_pasid(vm, KVM_MAP_PASID, fd, b, 77), -ENOENT);
	EXPECT("4", kvm_pasid(vm, KVM_UNMAP_PASID, fd, b, 5), -ENOENT);
	EXPECT("4", kvm_pasid(vm, KVM_MAP_PASID, fd, b, 5), 0);
	EXPECT("4", kvm_pasid(vm, KVM_MAP_PASID, fd, b, 5), -EEXIST);
	memory[PAGE] = 0;
	reg_write(one, IOASID_DMAE_REG_COMMAND, FILL, 4);
	reg_write(one, IOASID_DMAE_REG_PATTERN, 0x0e, 8);
	reg_write(one, IOASID_DMAE_REG_DST, 0x10000, 8);
	reg_write(one, IOASID_DMAE_REG_LENGTH, 1, 4);
	EXPECT("4", enqcmd(vm, 5, 5), 0);
	EXPECT("4", reg_read(one, IOASID_DMAE_REG_STATUS, 4), DONE);
	EXPECT("4", memory[PAGE], 0x0e);
	EXPECT("4", enqcmd(vm, 5, 6), 13);
	EXPECT("4", R(enqcmd(vm, 1, 5)), -EOPNOTSUPP);
	EXPECT("4", R(enqcmd(vm, 99, 5)), -ENOENT);
	/* The translation holds for as long as the attachment. */
	EXPECT("3.4", detach_pasid(one, b, 5), 0);
	EXPECT("4", enqcmd(vm, 5, 5), 13);
	EXPECT("4", kvm_pasid(vm, KVM_UNMAP_PASID, fd, b, 5), 0);

	/* Guest SVA: the function's PASID goes to a child with the guest's own table. */
	guest = pages(1024);
	next_table = 0x100000;
	MUST(map(fd, a, guest, 0x100000000, 1024 * PAGE));
	int child = MUST(ioctl(fd, IOASID_CREATE_NESTING, a));
	EXPECT("3.4", attach_pasid(function, child, 9), 0);
	__u64 root = new_table();
	EXPECT("2.2", bind_table(fd, child, 0, 0x100000000 + root, 48), 0);
	/* The tables are at GPA 0x100000000 and on, so entries name those addresses. */
	__u64 gpa = root;
	for (int d = 3; d > 0; d--) {
		__u64 next = new_table();
		table(gpa)[(0x7000UL >> (12 + 9 * d)) & 511] = (0x100000000 + next) | PWU;
		gpa = next;
	}
	table(gpa)[7] = (0x100000000 + 0x3000) | PWU;
	EXPECT("3.4", dma_pasid(function, 9, 0x7000), 0);
	EXPECT("3.4", guest[0x3000], 0x0c);
	EXPECT("3.4", detach_pasid(function, child, 9), 0);
	EXPECT("3.4", detach_pasid(function, b, 5), 0);
	EXPECT("3.2", detach(function, a), 0);
	return failures != 0;
}
