/* What the programs of /dev/iommu share: its calls in short form. Each returns what ioctl(2) does. */
#ifndef CHECK_IOMMUFD_H
#define CHECK_IOMMUFD_H

#include "check.h"
#include "iommufd.h"

#define ALL 0xffffffffffffffffULL
#define FIXED (IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)
#define ANYWHERE (IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)

static inline int iommu_open(void)
{
	return MUST(open("/dev/iommu", O_RDWR | O_CLOEXEC));
}
static inline int destroy(int fd, __u32 id)
{
	struct iommu_destroy arg = { .size = sizeof(arg), .id = id };
	return ioctl(fd, IOMMU_DESTROY, &arg);
}
/* The id, or -1. */
static inline int ioas_alloc(int fd)
{
	struct iommu_ioas_alloc arg = { .size = sizeof(arg) };
	return ioctl(fd, IOMMU_IOAS_ALLOC, &arg) ? -1 : (int)arg.out_ioas_id;
}
static inline int ioas_map(int fd, __u32 ioas, __u32 flags, const void *address, __u64 length, __u64 *iova)
{
	struct iommu_ioas_map arg = { .size = sizeof(arg), .flags = flags, .ioas_id = ioas, .user_va = (__u64)address,
				      .length = length, .iova = *iova };
	int result = ioctl(fd, IOMMU_IOAS_MAP, &arg);
	*iova = arg.iova;
	return result;
}
static inline int map_at(int fd, __u32 ioas, const void *address, __u64 iova, __u64 length)
{
	return ioas_map(fd, ioas, FIXED, address, length, &iova);
}
static inline int map_file(int fd, __u32 ioas, int file, __u64 start, __u64 iova, __u64 length)
{
	struct iommu_ioas_map_file arg = { .size = sizeof(arg), .flags = FIXED, .ioas_id = ioas, .fd = file, .start = start,
					   .length = length, .iova = iova };
	return ioctl(fd, IOMMU_IOAS_MAP_FILE, &arg);
}
static inline int copy_to(int fd, __u32 flags, __u32 from, __u64 source, __u32 to, __u64 iova, __u64 length)
{
	struct iommu_ioas_copy arg = { .size = sizeof(arg), .flags = flags, .dst_ioas_id = to, .src_ioas_id = from,
				       .length = length, .dst_iova = iova, .src_iova = source };
	return ioctl(fd, IOMMU_IOAS_COPY, &arg);
}
/* Bytes, or -1. */
static inline long unmap_at(int fd, __u32 ioas, __u64 iova, __u64 length)
{
	struct iommu_ioas_unmap arg = { .size = sizeof(arg), .ioas_id = ioas, .iova = iova, .length = length };
	return ioctl(fd, IOMMU_IOAS_UNMAP, &arg) ? -1 : (long)arg.length;
}
static inline int option(int fd, __u32 id, __u16 op, __u32 object, __u64 *value)
{
	struct iommu_option arg = { .size = sizeof(arg), .option_id = id, .op = op, .object_id = object, .val64 = *value };
	int result = ioctl(fd, IOMMU_OPTION, &arg);
	*value = arg.val64;
	return result;
}
static inline int set_option(int fd, __u32 id, __u32 object, __u64 value)
{
	return option(fd, id, IOMMU_OPTION_OP_SET, object, &value);
}
static inline int allow(int fd, __u32 ioas, const struct iommu_iova_range *ranges, __u32 count)
{
	struct iommu_ioas_allow_iovas arg = { .size = sizeof(arg), .ioas_id = ioas, .num_iovas = count,
					      .allowed_iovas = (__u64)ranges };
	return ioctl(fd, IOMMU_IOAS_ALLOW_IOVAS, &arg);
}
static inline int iova_ranges(int fd, struct iommu_ioas_iova_ranges *arg, __u32 ioas, struct iommu_iova_range *ranges,
			      __u32 count)
{
	*arg = (struct iommu_ioas_iova_ranges){ .size = sizeof(*arg), .ioas_id = ioas, .num_iovas = count,
						.allowed_iovas = (__u64)ranges };
	return ioctl(fd, IOMMU_IOAS_IOVA_RANGES, arg);
}
/* The id of the device, or -1. */
static inline int bind_iommufd(int device, int fd)
{
	struct vfio_device_bind_iommufd arg = { .argsz = sizeof(arg), .iommufd = fd };
	return ioctl(device, VFIO_DEVICE_BIND_IOMMUFD, &arg) ? -1 : (int)arg.out_devid;
}
/* The id of the table, or -1. */
static inline int attach_pt(int device, __u32 id)
{
	struct vfio_device_attach_iommufd_pt arg = { .argsz = sizeof(arg), .pt_id = id };
	return ioctl(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &arg) ? -1 : (int)arg.pt_id;
}
static inline int attach_pasid(int device, __u32 id, __u32 pasid)
{
	struct vfio_device_attach_iommufd_pt arg = { .argsz = sizeof(arg), .flags = VFIO_DEVICE_ATTACH_PASID, .pt_id = id,
						     .pasid = pasid };
	return ioctl(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &arg);
}
static inline int detach_pt(int device)
{
	struct vfio_device_detach_iommufd_pt arg = { .argsz = sizeof(arg) };
	return ioctl(device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &arg);
}
static inline int detach_pasid(int device, __u32 pasid)
{
	struct vfio_device_detach_iommufd_pt arg = { .argsz = sizeof(arg), .flags = VFIO_DEVICE_ATTACH_PASID, .pasid = pasid };
	return ioctl(device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &arg);
}
/* The id of the table, or -1. */
static inline int hwpt_alloc(int fd, __u32 device, __u32 below, __u32 flags, __u32 type, const void *data, __u32 length,
			     __u32 fault)
{
	struct iommu_hwpt_alloc arg = { .size = sizeof(arg), .flags = flags, .dev_id = device, .pt_id = below,
					.data_type = type, .data_len = length, .data_uptr = (__u64)data, .fault_id = fault };
	return ioctl(fd, IOMMU_HWPT_ALLOC, &arg) ? -1 : (int)arg.out_hwpt_id;
}
/* The function may issue requests: bit 2 of the command register, in the configuration region. */
static inline void bus_master(int device)
{
	__u16 command = 6;
	if (pwrite(device, &command, 2, (7ULL << 40) + 4) != 2)
		must(-1, "command register");
}

#endif
