/** Test operations that compare: what is behind an address, how often it is pinned, what a mock device has cached. */
import { hex, offsetInPage, PAGE_SIZE, pageOf, U64_MAX } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { MOCK_DRIVER, MockDevice, MockNested } from '../../iommu/drivers/mock.js';
import type { Caller } from '../../kernel/file/open-file.js';
import { countFrames, type FrameRun, firstDifference } from '../../memory/backing.js';
import type { IommufdContext } from '../context.js';
import { IommufdDevice } from '../device/device.js';
import { NO_PASID } from '../device/group.js';
import { HwptNested, HwptPaging } from '../hwpt/hwpt.js';
import { MockObject } from './mock-object.js';

const PAGE = BigInt(PAGE_SIZE);

function mockHwpt(context: IommufdContext, id: number): HwptPaging {
  const hwpt = context.objects.get(id, HwptPaging);
  if (hwpt.domain.driver !== MOCK_DRIVER) throw new Errno('EINVAL', `HWPT ${id} is none of the mock IOMMU`);
  return hwpt;
}

/** @throws EOVERFLOW pages up to the end of all addresses */
function checkWrap(address: bigint, pages: number): void {
  if (address + BigInt(pages) * PAGE > U64_MAX) throw new Errno('EOVERFLOW', `${hex(address)} and ${pages} pages wrap`);
}

/** The frames of whole pages of the program. @throws EFAULT, EOVERFLOW */
function ownFrames(caller: Caller, address: bigint, pages: number): FrameRun[] {
  checkWrap(address, pages);
  const frames = caller.mm.memory.frames(address, pages, false);
  const got = countFrames(frames);
  if (got < pages) throw new Errno('EFAULT', `${hex(address + BigInt(got) * PAGE)} is not mapped`);
  return frames;
}

/**
 * Is the memory behind [iova, iova+length) that at an address of the program, page for page of the domain?
 * @throws ENOENT, EINVAL it is not, or not aligned; EFAULT
 */
export function checkMap(
  context: IommufdContext,
  caller: Caller,
  id: number,
  iova: bigint,
  length: bigint,
  address: bigint,
): void {
  const hwpt = mockHwpt(context, id);
  const granule = hwpt.pageSizes & -hwpt.pageSizes;
  if (((iova | length | address) & (granule - 1n)) !== 0n || address + length > U64_MAX) {
    throw new Errno('EINVAL', `${hex(iova)}, ${hex(length)}, ${hex(address)}: not aligned to ${granule}`);
  }
  const { table } = hwpt.ioas;
  let at = iova;
  for (const end = iova + length; at < end; ) {
    const own = address + (at - iova);
    const area = at <= U64_MAX ? table.areas.at(at) : undefined;
    const stop = area && area.last + 1n < end ? area.last + 1n : end;
    // A page of the program that is not there is found before it is compared.
    const first = ownFrames(caller, own - BigInt(offsetInPage(own)), 1);
    if (!area || offsetInPage(own) !== offsetInPage(area.byteOf(at)))
      throw new Errno('EINVAL', `${hex(at)} is not mapped to ${hex(own)}`);
    const [from, to] = [area.pageOf(at), area.pageOf(stop - 1n)];
    const frames = area.pages.frames(from, to);
    if (firstDifference(frames, first) !== undefined || frames.length === 0) {
      throw new Errno('EINVAL', `${hex(at)} is not mapped to ${hex(own)}`);
    }
    const all = caller.mm.memory.frames(own - BigInt(offsetInPage(own)), to - from + 1, false);
    const different = firstDifference(frames, all);
    if (different !== undefined)
      throw new Errno('EINVAL', `page ${different} behind ${hex(at)} is not the one at ${hex(own)}`);
    if (countFrames(all) < to - from + 1) throw new Errno('EFAULT', `${hex(own)} is not mapped in whole`);
    if (countFrames(frames) < to - from + 1) throw new Errno('EINVAL', `${hex(at)} is not mapped in whole`);
    at = stop;
  }
}

/** Is every page of the program pinned as often as that? Pages of huge pages are not looked at. @throws EINVAL, EFAULT, EIO */
export function checkRefs(caller: Caller, address: bigint, length: bigint, refs: number): void {
  if (((address | length) & (PAGE - 1n)) !== 0n || address + length > U64_MAX) {
    throw new Errno('EINVAL', `${hex(address)}+${hex(length)} are not whole pages`);
  }
  const pages = pageOf(length);
  if (pages === 0) return;
  checkWrap(address, 1);
  const frames = caller.mm.memory.frames(address, pages, false);
  for (const { backing, frame, frames: count, pageShift } of frames) {
    if (pageShift > 12) continue;
    backing.pins.forEach(frame, count, (first, _count, pins) => {
      if (pins !== refs)
        throw new Errno('EIO', `frame ${first} of ${backing.name} is pinned ${pins} times, not ${refs}`);
    });
  }
  const got = countFrames(frames);
  if (got < pages) throw new Errno('EFAULT', `${hex(address + BigInt(got) * PAGE)} is not mapped`);
}

/** @throws ENOENT, EINVAL another value */
export function checkIotlb(context: IommufdContext, id: number, index: number, value: number): void {
  const { domain } = context.objects.get(id, HwptNested);
  if (!(domain instanceof MockNested) || domain.iotlb[index] !== value) {
    throw new Errno('EINVAL', `IOTLB entry ${index} of HWPT ${id} is not ${hex(value)}`);
  }
}

/** @throws ENOENT, EINVAL another value */
export function checkCache(context: IommufdContext, id: number, index: number, value: number): void {
  const { device } = context.objects.get(id, IommufdDevice);
  if (!(device instanceof MockDevice) || device.cache[index] !== value) {
    throw new Errno('EINVAL', `cache entry ${index} of device ${id} is not ${hex(value)}`);
  }
}

/** Is a PASID attached to a table? @param hwptId 0: to none. @throws ENOENT, EINVAL */
export function checkPasid(context: IommufdContext, id: number, pasid: number, hwptId: number): void {
  const { device } = context.objects.get(id, MockObject);
  const attached = device.group.attachments.get(pasid)?.hwpt;
  if (hwptId === NO_PASID) {
    if (attached) throw new Errno('EINVAL', `PASID ${pasid} is attached to HWPT ${attached.id}`);
    return;
  }
  const hwpt = context.objects.find(hwptId);
  if (!hwpt) throw new Errno('ENOENT', `there is no object ${hwptId}`);
  if (!(hwpt instanceof HwptPaging || hwpt instanceof HwptNested) || attached !== hwpt) {
    throw new Errno('EINVAL', `PASID ${pasid} is not attached to object ${hwptId}`);
  }
}

/** Marks what a bitmap of the program says as written by a device. Returns the number of bits. @throws EINVAL, EOVERFLOW, ENOENT, EFAULT */
export function markDirty(
  context: IommufdContext,
  caller: Caller,
  id: number,
  { iova, length, pageSize, address }: { iova: bigint; length: bigint; pageSize: bigint; address: bigint },
): number {
  if (pageSize === 0n || length === 0n || iova % pageSize !== 0n || length % pageSize !== 0n || address === 0n) {
    throw new Errno('EINVAL', `${hex(iova)}+${hex(length)} are not pages of ${hex(pageSize)}`);
  }
  const bits = length / pageSize;
  if (bits > MAX_BITS) throw new Errno('EOVERFLOW', `${bits} pages are too many`);
  const hwpt = mockHwpt(context, id);
  if (!hwpt.tracking) throw new Errno('EINVAL', `HWPT ${id} does not track dirty pages now`);
  const bitmap = new Uint8Array(Math.ceil(Number(bits) / 8));
  caller.mm.copyIn(address, bitmap);
  let count = 0;
  for (let bit = 0; bit < Number(bits); bit++) {
    if (((bitmap[bit >> 3] as number) & (1 << (bit & 7))) === 0) continue;
    const at = iova + BigInt(bit) * pageSize;
    hwpt.dirty.markRange(at, at);
    count++;
  }
  return count;
}

/** 16 MiB of bitmap. */
const MAX_BITS = 1n << 27n;
