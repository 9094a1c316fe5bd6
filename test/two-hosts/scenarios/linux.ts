/** Linux’s own interfaces: /dev/iommu, and groups with containers. */
import { IOMMUFD_IOCTLS } from '../../../src/abi/iommufd.js';
import { VFIO_IOMMUFD_IOCTLS } from '../../../src/abi/vfio.js';
import { VFIO_CONTAINER_IOCTLS, VFIO_GROUP_IOCTLS } from '../../../src/abi/vfio-container.js';
import { attempt, boundary, IOVA, PAGE, type Scenarios, started } from './common.js';

export const LINUX: Scenarios = {
  '/dev/iommu: objects, areas, copies, ranges': (stage) => {
    const process = stage.spawn();
    const fd = process.open('/dev/iommu');
    boundary(process, fd, IOMMUFD_IOCTLS);
    const { out_ioas_id: ioas_id } = process.call(fd, IOMMUFD_IOCTLS.IOAS_ALLOC);
    const { out_ioas_id: other } = process.call(fd, IOMMUFD_IOCTLS.IOAS_ALLOC);
    const user_va = process.memory.mmap(16n * PAGE);
    const map = (iova: bigint, length: bigint, flags = 7) =>
      attempt(() => process.call(fd, IOMMUFD_IOCTLS.IOAS_MAP, { ioas_id, flags, user_va, iova, length }));
    map(IOVA, 4n * PAGE);
    map(IOVA + 2n * PAGE, PAGE);
    map(0n, 3n * PAGE, 6);
    map(IOVA + 1n, 1n);
    map(IOVA + 4n * PAGE + 1n, 100n);
    map(0n, 0n);
    const copy = (src_iova: bigint, length: bigint) =>
      attempt(() =>
        process.call(fd, IOMMUFD_IOCTLS.IOAS_COPY, {
          ...{ flags: 7, dst_ioas_id: other, src_ioas_id: ioas_id, length, dst_iova: src_iova, src_iova },
        }),
      );
    copy(IOVA, PAGE);
    copy(IOVA + PAGE, 8n * PAGE);
    const room = process.memory.mmap(PAGE);
    for (const num_iovas of [0, 1, 8])
      attempt(() => process.call(fd, IOMMUFD_IOCTLS.IOAS_IOVA_RANGES, { ioas_id, num_iovas, allowed_iovas: room }));
    process.memory.read(room, new Uint8Array(32));
    const unmap = (iova: bigint, length: bigint) =>
      attempt(() => process.call(fd, IOMMUFD_IOCTLS.IOAS_UNMAP, { ioas_id, iova, length }));
    unmap(IOVA, PAGE);
    unmap(IOVA, 4n * PAGE);
    unmap(0n, (1n << 64n) - 1n);
    for (const id of [ioas_id, other, other, 99]) attempt(() => process.call(fd, IOMMUFD_IOCTLS.DESTROY, { id }));
  },

  '/dev/iommu: devices, tables, DMA': (stage) => {
    const it = started(stage);
    const { process } = it;
    const iommufd = process.open('/dev/iommu');
    const { out_ioas_id: ioas_id } = process.call(iommufd, IOMMUFD_IOCTLS.IOAS_ALLOC);
    const device = process.open('/dev/vfio/devices/vfio1');
    attempt(() => process.call(device, VFIO_IOMMUFD_IOCTLS.ATTACH, { pt_id: ioas_id }));
    attempt(() => process.call(device, VFIO_IOMMUFD_IOCTLS.BIND, { iommufd: it.fd }));
    const { out_devid: dev_id } = process.call(device, VFIO_IOMMUFD_IOCTLS.BIND, { iommufd });
    attempt(() => process.call(device, VFIO_IOMMUFD_IOCTLS.BIND, { iommufd }));
    attempt(() => process.call(device, VFIO_IOMMUFD_IOCTLS.ATTACH, { pt_id: 77 }));
    process.call(device, VFIO_IOMMUFD_IOCTLS.ATTACH, { pt_id: ioas_id });
    const user_va = process.memory.mmap(PAGE);
    const map = { ioas_id, flags: 7, user_va, iova: IOVA, length: PAGE };
    process.call(iommufd, IOMMUFD_IOCTLS.IOAS_MAP, map);
    const command = process.memory.mmap(PAGE);
    process.memory.write(command, new Uint8Array([6, 0]));
    const engine = it.engine(device);
    engine.fill(IOVA, 1n);
    process.pwrite(device, command, 2, (7n << 40n) + 4n);
    engine.fill(IOVA, 0x77n);
    it.peek(user_va);
    attempt(() => process.call(iommufd, IOMMUFD_IOCTLS.DESTROY, { id: ioas_id }));
    for (const flags of [0, 1, 2, 3, 8, 0x80])
      attempt(() => process.call(iommufd, IOMMUFD_IOCTLS.HWPT_ALLOC, { flags, dev_id, pt_id: ioas_id }));
    attempt(() => process.call(iommufd, IOMMUFD_IOCTLS.GET_HW_INFO, { dev_id }));
    process.call(device, VFIO_IOMMUFD_IOCTLS.DETACH);
    engine.fill(IOVA, 2n);
    process.close(iommufd);
    engine.fill(IOVA, 2n);
    process.close(device);
  },

  'a container: groups, type1, its devices': (stage) => {
    const it = started(stage);
    const { process } = it;
    const pointer = process.memory.mmap(PAGE);
    const [container, group] = [process.open('/dev/vfio/vfio'), process.open('/dev/vfio/2')];
    attempt(() => process.open('/dev/vfio/2'));
    for (let n = 0; n < 12; n++)
      attempt(() => process.ioctl(container, VFIO_CONTAINER_IOCTLS.CHECK_EXTENSION.request, n));
    const join = (fd: number) => {
      process.memory.write(pointer, new Uint8Array(new Int32Array([fd]).buffer));
      attempt(() => process.ioctl(group, VFIO_GROUP_IOCTLS.SET_CONTAINER.request, pointer));
    };
    attempt(() => process.ioctl(container, VFIO_CONTAINER_IOCTLS.SET_IOMMU.request, 3));
    join(it.fd);
    join(container);
    join(container);
    for (const type of [9, 3, 1])
      attempt(() => process.ioctl(container, VFIO_CONTAINER_IOCTLS.SET_IOMMU.request, type));
    process.memory.write(pointer, Buffer.from('0000:09:00.0\0'));
    attempt(() => process.ioctl(group, VFIO_GROUP_IOCTLS.GET_DEVICE_FD.request, pointer));
    process.memory.write(pointer, Buffer.from('0000:01:00.0\0'));
    const device = process.ioctl(group, VFIO_GROUP_IOCTLS.GET_DEVICE_FD.request, pointer);
    const vaddr = process.memory.mmap(4n * PAGE);
    const map = (iova: bigint, size: bigint, flags = 3) =>
      attempt(() => process.call(container, VFIO_CONTAINER_IOCTLS.IOMMU_MAP_DMA, { flags, vaddr, iova, size }));
    map(IOVA, 4n * PAGE);
    map(IOVA, PAGE);
    map(IOVA + 8n * PAGE, PAGE, 4);
    map(IOVA + 8n * PAGE, 1n);
    process.memory.write(pointer, new Uint8Array([6, 0]));
    process.pwrite(device, pointer, 2, (7n << 40n) + 4n);
    it.engine(device).fill(IOVA, 0x99n);
    it.peek(vaddr);
    for (const [iova, size] of [
      [IOVA, PAGE],
      [IOVA, 4n * PAGE],
      [IOVA, 4n * PAGE],
    ] as const)
      attempt(() => process.call(container, VFIO_CONTAINER_IOCTLS.IOMMU_UNMAP_DMA, { iova, size }));
    attempt(() => process.ioctl(group, VFIO_GROUP_IOCTLS.UNSET_CONTAINER.request));
    process.close(device);
    attempt(() => process.ioctl(group, VFIO_GROUP_IOCTLS.UNSET_CONTAINER.request));
  },
};
