/* The host's KVM beside virtual devices: a guest of a few real-mode instructions rings edu's DMA doorbell in a mapped BAR, sees what
 * the device writes, and takes its interrupt. Ends with 77, and says why, where /dev/kvm runs no guest. */
#include "check-vfio.h"
#include <linux/kvm.h>

#define BDF "0000:02:00.0"
#define RAM_SIZE (16 * PAGE)
#define IOVA 0x100000UL
#define BAR_AT 0x20000UL
#define GSI 5

extern const char guest_begin[], guest_end[];

/* Loaded at 0x1000. ES is the BAR; vector 0x25 is the interrupt; a write to port 0xf4 ends it. */
asm(".pushsection .rodata\n"
    ".code16\n"
    ".globl guest_begin, guest_end\n"
    "guest_begin:\n"
    "cli\n"
    "movw $(handler - guest_begin + 0x1000), 0x94\n"
    "movw $0, 0x96\n"
    "movb $0x11, %al\n outb %al, $0x20\n"
    "movb $0x20, %al\n outb %al, $0x21\n"
    "movb $0x04, %al\n outb %al, $0x21\n"
    "movb $0x01, %al\n outb %al, $0x21\n"
    "movb $0xdf, %al\n outb %al, $0x21\n"
    "movw $0x2000, %ax\n movw %ax, %es\n"
    /* From memory at 0x600 to the device. */
    "movl $0x100600, %es:0x80\n movl $0, %es:0x84\n"
    "movl $0x40000, %es:0x88\n movl $0, %es:0x8c\n"
    "movl $64, %es:0x90\n movl $0, %es:0x94\n"
    "movl $1, %es:0x98\n"
    "wait: movl %es:0x98, %eax\n testb $1, %al\n jnz wait\n"
    /* From the device to memory at 0x700, with an interrupt. */
    "movl $0x40000, %es:0x80\n"
    "movl $0x100700, %es:0x88\n"
    "movl $7, %es:0x98\n"
    "again: cli\n cmpb $1, 0x500\n je done\n sti\n hlt\n jmp again\n"
    "done: movb 0x700, %al\n outb %al, $0xf4\n hlt\n"
    "handler: movb $1, 0x500\n movl $0x100, %es:0x64\n movb $0x20, %al\n outb %al, $0x20\n iret\n"
    "guest_end:\n"
    ".code64\n"
    ".popsection\n");

static int skip(const char *what)
{
	fprintf(stderr, "no guest: %s: %s\n", what, strerror(errno));
	return 77;
}

static int add(int kvm_vfio, __u64 attribute, int fd)
{
	struct kvm_device_attr arg = { .group = KVM_DEV_VFIO_GROUP, .attr = attribute, .addr = (__u64)&fd };
	return ioctl(kvm_vfio, KVM_SET_DEVICE_ATTR, &arg);
}

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		return skip("/dev/kvm");
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		return skip("KVM_CREATE_VM");
	ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000UL);
	if (ioctl(vm, KVM_CREATE_IRQCHIP, 0) < 0)
		return skip("KVM_CREATE_IRQCHIP");

	/* The kvm-vfio device is the virtual kernel's; other types are the host's affair. */
	struct kvm_create_device create = { .type = KVM_DEV_TYPE_VFIO, .flags = KVM_CREATE_DEVICE_TEST }, other = { .type = 0xffff };
	EXPECT("8", ioctl(vm, KVM_CREATE_DEVICE, &create), 0);
	create.flags = 0;
	EXPECT("8", ioctl(vm, KVM_CREATE_DEVICE, &create), 0);
	int kvm_vfio = create.fd;
	EXPECT("8", ioctl(vm, KVM_CREATE_DEVICE, &create), -EBUSY);
	EXPECT("8", ioctl(vm, KVM_CREATE_DEVICE, &other), -ENODEV);
	close(kvm_vfio);
	EXPECT("8", ioctl(vm, KVM_CREATE_DEVICE, &create), 0);
	kvm_vfio = create.fd;

	int container = container_open(), group = MUST(group_open(group_of(BDF)));
	EXPECT("8", add(kvm_vfio, KVM_DEV_VFIO_GROUP_DEL, group), -ENOENT);
	EXPECT("8", add(kvm_vfio, KVM_DEV_VFIO_GROUP_ADD, container), -EINVAL);
	EXPECT("8", add(kvm_vfio, KVM_DEV_VFIO_GROUP_ADD, group), 0);
	EXPECT("8", add(kvm_vfio, KVM_DEV_VFIO_GROUP_ADD, group), -EEXIST);
	EXPECT("2", set_container(group, container), 0);
	EXPECT("3", set_iommu(container, VFIO_TYPE1v2_IOMMU), 0);
	int device = MUST(device_fd(group, BDF));
	EXPECT("7", write_config(device, 4, 2, 0x406), 2);

	/* Guest memory, which the device reaches, and the BAR as an ordinary memory slot. */
	char *ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *bar = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, device, 0);
	TRUE("5.3", ram != MAP_FAILED && bar != MAP_FAILED);
	EXPECT("4.2", dma_map(container, READ_WRITE, ram, IOVA, RAM_SIZE), 0);
	struct kvm_userspace_memory_region slots[] = {
		{ .slot = 0, .guest_phys_addr = 0, .memory_size = RAM_SIZE, .userspace_addr = (__u64)ram },
		{ .slot = 1, .guest_phys_addr = BAR_AT, .memory_size = PAGE, .userspace_addr = (__u64)bar },
	};
	EXPECT("kvm", ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slots[0]), 0);
	EXPECT("kvm", ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slots[1]), 0);
	memcpy(ram + 0x1000, guest_begin, guest_end - guest_begin);
	for (int i = 0; i < 64; i++)
		ram[0x600 + i] = 0x41 + i;

	int message = event();
	struct kvm_irqfd irqfd = { .fd = message, .gsi = GSI };
	EXPECT("kvm", ioctl(vm, KVM_IRQFD, &irqfd), 0);
	EXPECT("5.6", irqs(device, TRIGGER_FDS, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, &message), 0);

	int cpu = MUST(ioctl(vm, KVM_CREATE_VCPU, 0));
	struct kvm_run *run = mmap(NULL, MUST(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0)), PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
	struct kvm_sregs sregs;
	struct kvm_regs regs = { .rip = 0x1000, .rsp = 0x3000, .rflags = 2 };
	MUST(ioctl(cpu, KVM_GET_SREGS, &sregs));
	sregs.cs.base = sregs.cs.selector = 0;
	MUST(ioctl(cpu, KVM_SET_SREGS, &sregs));
	MUST(ioctl(cpu, KVM_SET_REGS, &regs));
	alarm(60);
	if (ioctl(cpu, KVM_RUN, 0) < 0)
		return skip("KVM_RUN");
	EXPECT("kvm", run->exit_reason, KVM_EXIT_IO);
	EXPECT("kvm", run->io.port, 0xf4);
	EXPECT("kvm", *((char *)run + run->io.data_offset), 0x41);
	EXPECT("kvm", ram[0x500], 1);
	EXPECT("kvm", memcmp(ram + 0x600, ram + 0x700, 64), 0);
	EXPECT("8", add(kvm_vfio, KVM_DEV_VFIO_GROUP_DEL, group), 0);
	return failures != 0;
}
