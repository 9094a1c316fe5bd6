/* /dev/iommu: devices, hardware page tables, dirty tracking, nesting, faults (linux-iommufd.md, 7 to 11 and 13). */
#include "check-iommufd.h"
#include "tables.h"

static int fd, ioas;
static char *memory;

static void binding(void)
{
	int device = vfio_open(2), again = vfio_open(2), ioasid = ioasid_open();
	struct vfio_device_bind_iommufd arg = { .argsz = 15, .iommufd = fd };
	EXPECT("14", ioctl(device, VFIO_DEVICE_BIND_IOMMUFD, &arg), -EINVAL);
	arg.argsz = sizeof(arg);
	arg.flags = 2;
	EXPECT("14", ioctl(device, VFIO_DEVICE_BIND_IOMMUFD, &arg), -EINVAL);
	EXPECT("14", bind_iommufd(device, -1), -EINVAL);
	EXPECT("14", bind_iommufd(device, 9999), -EBADF);
	EXPECT("14", bind_iommufd(device, ioasid), -EBADFD);
	EXPECT("14", attach_pt(device, ioas), -EINVAL);
	TRUE("7", bind_iommufd(device, fd) > 0);
	EXPECT("14", bind_iommufd(device, fd), -EINVAL);
	EXPECT("14", bind_iommufd(again, fd), -EINVAL);
	EXPECT("7", attach_pt(device, ~0U), -ENOENT);
	EXPECT("7", detach_pt(device), 0);
	int hwpt = attach_pt(device, ioas);
	TRUE("7.1", hwpt > 0);
	EXPECT("7.1", destroy(fd, hwpt), -EBUSY);
	EXPECT("3", destroy(fd, ioas), -EBUSY);
	EXPECT("7", attach_pt(device, ioas), hwpt);
	EXPECT("7", attach_pt(device, hwpt), hwpt);
	EXPECT("7.1", detach_pt(device), 0);
	EXPECT("7.1", destroy(fd, hwpt), -ENOENT);
	/* One owner of a group's DMA. */
	int first = vfio_open(3), second = vfio_open(4), other = iommu_open();
	TRUE("7", bind_iommufd(first, fd) > 0);
	EXPECT("7", bind_iommufd(second, other), -EPERM);
	EXPECT("7", bind_device(second, ioasid, 1), -EPERM);
	TRUE("7", bind_iommufd(second, fd) > 0);
	int joined = attach_pt(first, ioas), elsewhere = ioas_alloc(fd);
	EXPECT("7", attach_pt(second, elsewhere), -EINVAL);
	EXPECT("7", attach_pt(second, ioas), joined);
	close(first);
	EXPECT("7", destroy(fd, joined), -EBUSY);
	close(second);
	EXPECT("7", destroy(fd, joined), -ENOENT);
	EXPECT("3", destroy(fd, elsewhere), 0);
	close(again);
	close(device);
	close(other);
	close(ioasid);
}

static void ranges(int device)
{
	struct iommu_ioas_iova_ranges arg;
	struct iommu_iova_range list[4];
	TRUE("7", attach_pt(device, ioas) > 0);
	EXPECT("4.2", iova_ranges(fd, &arg, ioas, list, 4), 0);
	TRUE("4.2", arg.num_iovas == 2 && list[0].last == 0xfedfffff && list[1].last == (1ULL << 48) - 1);
	TRUE("4.3", arg.out_iova_alignment == PAGE);
	EXPECT("4", map_at(fd, ioas, memory, 0xfee00000, PAGE), -EINVAL);
	EXPECT("4", map_at(fd, ioas, memory, 1ULL << 48, PAGE), -EINVAL);
	EXPECT("4", map_at(fd, ioas, memory, 0x1800, PAGE), -EINVAL);
	struct iommu_iova_range bad = { 0xfee00000, 0xfee00fff };
	EXPECT("4.2", allow(fd, ioas, &bad, 1), -EADDRINUSE);
	EXPECT("7", detach_pt(device), 0);
	EXPECT("4.2", map_at(fd, ioas, memory, 0xfee00000, PAGE), 0);
	EXPECT("7", attach_pt(device, ioas), -EADDRINUSE);
	EXPECT("4", unmap_at(fd, ioas, 0, ALL), PAGE);
}

static void tables(int device, int id)
{
	char data[24] = { 0 };
	EXPECT("8", hwpt_alloc(fd, ~0U, ioas, 0, 0, NULL, 0, 0), -ENOENT);
	EXPECT("8", hwpt_alloc(fd, id, ~0U, 0, 0, NULL, 0, 0), -EINVAL);
	EXPECT("8", hwpt_alloc(fd, id, id, 0, 0, NULL, 0, 0), -EINVAL);
	EXPECT("8", hwpt_alloc(fd, id, ioas, 0x80, 0, NULL, 0, 0), -EOPNOTSUPP);
	EXPECT("8", hwpt_alloc(fd, id, ioas, 0, 1, NULL, 0, 0), -EINVAL);
	EXPECT("8", hwpt_alloc(fd, id, ioas, 0, 0, data, 8, 0), -EINVAL);
	EXPECT("8", hwpt_alloc(fd, id, ioas, IOMMU_HWPT_FAULT_ID_VALID, 0, NULL, 0, ~0U), -ENOENT);
	EXPECT("8", hwpt_alloc(fd, id, ioas, IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_NEST_PARENT, 0, NULL, 0, 1), -EOPNOTSUPP);
	int plain = hwpt_alloc(fd, id, ioas, 0, 0, NULL, 0, 0);
	TRUE("8", plain > 0);
	EXPECT("8", hwpt_alloc(fd, id, plain, 0, IOMMU_HWPT_DATA_VTD_S1, data, 24, 0), -EINVAL);
	EXPECT("8", hwpt_alloc(fd, id, plain, 0, 0, NULL, 0, 0), -EOPNOTSUPP);
	EXPECT("7", attach_pt(device, plain), plain);
	EXPECT("3", destroy(fd, plain), -EBUSY);
	EXPECT("7", detach_pt(device), 0);
	EXPECT("3", destroy(fd, plain), 0);

	struct iommu_hw_info_vtd vtd;
	struct iommu_hw_info info = { .size = sizeof(info), .dev_id = id, .data_len = sizeof(vtd), .data_uptr = (__u64)&vtd };
	EXPECT("13", ioctl(fd, IOMMU_GET_HW_INFO, &info), 0);
	TRUE("13", info.data_type == IOMMU_HW_INFO_TYPE_INTEL_VTD && info.data_len == sizeof(vtd));
	TRUE("13", info.out_capabilities & IOMMU_HW_CAP_DIRTY_TRACKING);
	TRUE("13", ((vtd.cap_reg >> 16) & 63) == 47 && (vtd.ecap_reg >> 26 & 1));
	info.flags = 2;
	EXPECT("13", ioctl(fd, IOMMU_GET_HW_INFO, &info), -EOPNOTSUPP);
	info = (struct iommu_hw_info){ .size = sizeof(info), .dev_id = ~0U };
	EXPECT("13", ioctl(fd, IOMMU_GET_HW_INFO, &info), -ENOENT);
}

static int get_dirty(int hwpt, __u32 flags, __u64 iova, __u64 length, __u64 page, void *data)
{
	struct iommu_hwpt_get_dirty_bitmap arg = { .size = sizeof(arg), .hwpt_id = hwpt, .flags = flags, .iova = iova,
						   .length = length, .page_size = page, .data = (__u64)data };
	return ioctl(fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &arg);
}
static int set_dirty(int hwpt, __u32 flags)
{
	struct iommu_hwpt_set_dirty_tracking arg = { .size = sizeof(arg), .flags = flags, .hwpt_id = hwpt };
	return ioctl(fd, IOMMU_HWPT_SET_DIRTY_TRACKING, &arg);
}

static void dirty(int device, int id)
{
	__u64 bits[4] = { 0 };
	int plain = hwpt_alloc(fd, id, ioas, 0, 0, NULL, 0, 0);
	EXPECT("10", set_dirty(plain, 1), -EOPNOTSUPP);
	EXPECT("10", get_dirty(plain, 0, 0x100000, PAGE, PAGE, bits), -EOPNOTSUPP);
	EXPECT("3", destroy(fd, plain), 0);
	int hwpt = hwpt_alloc(fd, id, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, 0, NULL, 0, 0);
	EXPECT("7", attach_pt(device, hwpt), hwpt);
	EXPECT("4", map_at(fd, ioas, memory, 0x100000, 64 * PAGE), 0);
	EXPECT("10", set_dirty(ioas, 1), -ENOENT);
	EXPECT("10", set_dirty(hwpt, 2), -EOPNOTSUPP);
	EXPECT("6", dma(device, FILL, 0, 0x100000, 8), 0);
	EXPECT("10", set_dirty(hwpt, 1), 0);
	EXPECT("10", get_dirty(hwpt, 2, 0x100000, PAGE, PAGE, bits), -EOPNOTSUPP);
	EXPECT("10", get_dirty(hwpt, 0, 0x100001, PAGE, PAGE, bits), -EINVAL);
	EXPECT("10", get_dirty(hwpt, 0, 0x100000, PAGE, 0, bits), -EINVAL);
	EXPECT("10", get_dirty(hwpt, 0, ALL - 0xfff, 2 * PAGE, PAGE, bits), -EOVERFLOW);
	EXPECT("6", dma(device, FILL, 0, 0x101fff, 2), 0);
	EXPECT("6", dma(device, CHECKSUM, 0x100000, 0, 64 * PAGE), 0);
	/* Bits are added to what is there. */
	bits[0] = 1ULL << 40;
	EXPECT("10", get_dirty(hwpt, 1, 0x100000, 64 * PAGE, PAGE, bits), 0);
	TRUE("10", bits[0] == (1ULL << 40 | 6));
	bits[0] = 0;
	EXPECT("10", get_dirty(hwpt, 0, 0x100000, 64 * PAGE, PAGE, (char *)bits + 3), 0);
	TRUE("10", bits[0] == 6ULL << 24);
	EXPECT("10", get_dirty(hwpt, 0, 0x100000, 64 * PAGE, PAGE, bits + 1), 0);
	TRUE("10", bits[1] == 0);
	EXPECT("10", set_dirty(hwpt, 0), 0);
	EXPECT("7", detach_pt(device), 0);
	EXPECT("3", destroy(fd, hwpt), 0);
	EXPECT("4", unmap_at(fd, ioas, 0, ALL), 64 * PAGE);
}

/* The program's own table at memory, seen by devices at 0x100000, leads 0x40000000 to the last page. */
static void nesting(int device, int id)
{
	__u64 *level[4];
	for (int i = 0; i < 4; i++) {
		level[i] = (__u64 *)(memory + i * PAGE);
		memset(level[i], 0, PAGE);
		if (i < 3)
			level[i][i == 1 ? 1 : 0] = (0x100000 + (i + 1) * PAGE) | 7;
	}
	level[3][0] = (0x100000 + 8 * PAGE) | 7;
	EXPECT("4", map_at(fd, ioas, memory, 0x100000, 16 * PAGE), 0);
	int parent = hwpt_alloc(fd, id, ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, 0, NULL, 0, 0);
	struct iommu_hwpt_vtd_s1 config = { .pgtbl_addr = 0x100000, .addr_width = 48 };
	EXPECT("8", hwpt_alloc(fd, id, parent, 0, IOMMU_HWPT_DATA_VTD_S1, &config, 23, 0), -EINVAL);
	EXPECT("8", hwpt_alloc(fd, id, parent, 0, 77, &config, 24, 0), -EOPNOTSUPP);
	EXPECT("8", hwpt_alloc(fd, id, parent, 0, IOMMU_HWPT_DATA_VTD_S1, (void *)8, 24, 0), -EFAULT);
	int nested = hwpt_alloc(fd, id, parent, 0, IOMMU_HWPT_DATA_VTD_S1, &config, sizeof(config), 0);
	TRUE("8", nested > 0);
	EXPECT("3", destroy(fd, parent), -EBUSY);
	EXPECT("10", set_dirty(nested, 1), -ENOENT);
	EXPECT("8", hwpt_alloc(fd, id, nested, 0, IOMMU_HWPT_DATA_VTD_S1, &config, sizeof(config), 0), -EINVAL);
	EXPECT("7", attach_pt(device, nested), nested);
	strcpy(memory + 8 * PAGE, "nested");
	EXPECT("8", dma(device, COPY, 0x40000000, 0x40000100, 16), 0);
	TRUE("8", strcmp(memory + 8 * PAGE + 0x100, "nested") == 0);
	EXPECT("8", dma(device, COPY, 0x40001000, 0x40000100, 16) != 0, 1);

	/* What was remembered is used until it is invalidated. */
	level[3][0] = (0x100000 + 9 * PAGE) | 7;
	reg_write(device, IOASID_DMAE_REG_PATTERN, 'a', 8);
	EXPECT("11", dma(device, FILL, 0, 0x40000000, 8), 0);
	TRUE("11", memory[8 * PAGE] == 'a');
	struct iommu_hwpt_vtd_s1_invalidate entry = { .addr = 0x40000000, .npages = 1 };
	struct iommu_hwpt_invalidate arg = { .size = sizeof(arg), .hwpt_id = nested, .data_uptr = (__u64)&entry,
					     .data_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1, .entry_len = sizeof(entry), .entry_num = 1 };
	EXPECT("11", ioctl(fd, IOMMU_HWPT_INVALIDATE, &arg), 0);
	TRUE("11", arg.entry_num == 1);
	reg_write(device, IOASID_DMAE_REG_PATTERN, 'b', 8);
	EXPECT("11", dma(device, FILL, 0, 0x40000000, 8), 0);
	TRUE("11", memory[9 * PAGE] == 'b');
	entry.addr = 1;
	EXPECT("11", ioctl(fd, IOMMU_HWPT_INVALIDATE, &arg), -EINVAL);
	TRUE("11", arg.entry_num == 0);
	EXPECT("11", ioctl(fd, IOMMU_HWPT_INVALIDATE, &arg), 0);
	arg.entry_num = 1;
	arg.entry_len = 0;
	EXPECT("11", ioctl(fd, IOMMU_HWPT_INVALIDATE, &arg), -EINVAL);
	arg.entry_num = 0;
	arg.hwpt_id = parent;
	EXPECT("11", ioctl(fd, IOMMU_HWPT_INVALIDATE, &arg), -EINVAL);
	arg.hwpt_id = ~0U;
	EXPECT("11", ioctl(fd, IOMMU_HWPT_INVALIDATE, &arg), -ENOENT);
	EXPECT("7", detach_pt(device), 0);
	EXPECT("3", destroy(fd, nested), 0);
	EXPECT("3", destroy(fd, parent), 0);
	EXPECT("4", unmap_at(fd, ioas, 0, ALL), 16 * PAGE);
}

static void pasids(int device, int id)
{
	int plain = hwpt_alloc(fd, id, ioas, 0, 0, NULL, 0, 0), with = hwpt_alloc(fd, id, ioas, IOMMU_HWPT_ALLOC_PASID, 0, NULL, 0, 0);
	EXPECT("7", attach_pasid(device, plain, 5), -EINVAL);
	EXPECT("7", attach_pasid(device, ioas, 5), -EINVAL);
	EXPECT("7", attach_pasid(device, with, 1 << 20), -EINVAL);
	EXPECT("7", attach_pasid(device, with, 5), 0);
	EXPECT("7", attach_pasid(device, with, 5), 0);
	EXPECT("7", attach_pt(device, plain), -EINVAL);
	EXPECT("7", attach_pt(device, with), with);
	EXPECT("3", destroy(fd, with), -EBUSY);
	EXPECT("7", detach_pt(device), 0);
	EXPECT("7", detach_pasid(device, 5), 0);
	EXPECT("7", detach_pasid(device, 6), 0);
	EXPECT("7", attach_pt(device, plain), plain);
	EXPECT("7", attach_pasid(device, with, 5), -EINVAL);
	EXPECT("7", detach_pt(device), 0);
	EXPECT("3", destroy(fd, with), 0);
	EXPECT("3", destroy(fd, plain), 0);
}

int main(void)
{
	fd = iommu_open();
	ioas = ioas_alloc(fd);
	memory = pages(64);
	binding();
	int device = vfio_open(1), id = bind_iommufd(device, fd);
	TRUE("7", id > 0);
	EXPECT("3", destroy(fd, id), -EBUSY);
	bus_master(device);
	ranges(device);
	tables(device, id);
	dirty(device, id);
	nesting(device, id);
	pasids(device, id);
	return failures != 0;
}
