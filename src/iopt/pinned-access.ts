/** In-kernel access to mapped memory: pinning of whole pages, and copying (linux-iommufd.md, 15; Linux: iommufd_access). */
import { addressOfPage, hex, lastWraps, offsetInPage, PAGE_SIZE, pageOf } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { allocation } from '../memory/allocation.js';
import type { FrameRun } from '../memory/backing.js';
import type { Mm } from '../memory/mm.js';
import { AREA_READ, AREA_WRITE, type Area } from './area.js';
import type { IoPageTable } from './io-page-table.js';
import { contiguous } from './map.js';
import { UserPages } from './page-source.js';
import type { SharedPages } from './shared-pages.js';

/** @throws EINVAL, EOVERFLOW */
function checkRange(iova: bigint, length: bigint): void {
  if (length === 0n) throw new Errno('EINVAL', 'length is 0');
  if (lastWraps(iova, length)) throw new Errno('EOVERFLOW', `${hex(iova)}+${hex(length)} wraps`);
}

/** @throws EINVAL it is being unmapped, or device memory; EPERM */
function checkAccess(area: Area, write: boolean): void {
  if (area.closing) throw new Errno('EINVAL', `the mapping at ${hex(area.start)} is being unmapped`);
  if ((area.access & (write ? AREA_WRITE : AREA_READ)) === 0 || (write && !area.pages.writable)) {
    throw new Errno('EPERM', `the mapping at ${hex(area.start)} may not be ${write ? 'written' : 'read'}`);
  }
}

function checkNoDevice(area: Area): void {
  if (area.pages.source.kind === 'dma-buf') {
    throw new Errno('EINVAL', `the mapping at ${hex(area.start)} is a dma-buf, which only devices reach`);
  }
}

/**
 * Pins the pages of [iova, iova+length).
 * @param lock they cannot be unmapped until they are unpinned
 * @returns their frames
 * @throws EINVAL, EOVERFLOW, EPERM; ENOENT not mapped throughout; EFAULT, ENOMEM. Nothing is pinned then
 */
export function pinPages(table: IoPageTable, iova: bigint, length: bigint, write: boolean, lock: boolean): FrameRun[] {
  checkRange(iova, length);
  const last = iova + length - 1n;
  const frames: FrameRun[] = [];
  let done = iova;
  try {
    for (const part of contiguous(table, iova, last)) {
      const { area } = part;
      const ends = part.last === last || offsetInPage(area.byteOf(area.last)) === PAGE_SIZE - 1;
      if (area.closing || offsetInPage(area.byteOf(part.start)) !== 0 || !ends) {
        throw new Errno('EINVAL', `the mapping at ${hex(area.start)} cannot be pinned in whole pages`);
      }
      checkAccess(area, write);
      checkNoDevice(area);
      allocation('a pin');
      const [first, end] = [area.pageOf(part.start), area.pageOf(part.last)];
      area.pages.hold(first, end);
      area.pins++;
      if (lock) area.locks++;
      frames.push(...area.pages.frames(first, end));
      done = part.last + 1n;
    }
  } catch (error) {
    if (done > iova) unpinPages(table, iova, done - iova, lock);
    throw error;
  }
  return frames;
}

/** Drops pins, range by range as they were made. */
export function unpinPages(table: IoPageTable, iova: bigint, length: bigint, lock: boolean): void {
  for (const { area, start, last } of contiguous(table, iova, iova + length - 1n)) {
    area.pages.drop(area.pageOf(start), area.pageOf(last));
    area.pins--;
    if (lock) area.locks--;
  }
}

/** How a copy reaches memory. */
export interface CopyOptions {
  readonly write: boolean;
  /** Whose call it is: it copies its own memory without pins. */
  readonly mm: Mm | undefined;
}

/**
 * Copies between [iova, iova+bytes.length) and an array.
 * @throws EINVAL, EOVERFLOW, EPERM, ENOENT, EFAULT, ENOMEM; what was copied before stays copied
 */
export function copyMapped(table: IoPageTable, iova: bigint, bytes: Uint8Array, options: CopyOptions): void {
  const length = BigInt(bytes.length);
  checkRange(iova, length);
  for (const { area, start, last } of contiguous(table, iova, iova + length - 1n)) {
    checkAccess(area, options.write);
    checkNoDevice(area);
    const piece = bytes.subarray(Number(start - iova), Number(last - iova) + 1);
    copyPages(area.pages, area.byteOf(start), piece, options);
  }
}

function copyPages(pages: SharedPages, startByte: bigint, piece: Uint8Array, { write, mm }: CopyOptions): void {
  const { source } = pages;
  const first = pageOf(startByte);
  const end = pageOf(startByte + BigInt(piece.length) - 1n);
  if (source instanceof UserPages && source.mm.alive) {
    const at = source.address + startByte;
    if (source.mm === mm) {
      if (write) mm.copyOut(at, piece);
      else mm.copyIn(at, piece);
      return;
    }
    if (first === end) {
      copyFrames(source.mm.memory.frames(source.address + addressOfPage(first), 1, write), startByte, piece, write);
      return;
    }
  }
  pages.hold(first, end);
  try {
    copyFrames(pages.frames(first, end), startByte, piece, write);
  } finally {
    pages.drop(first, end);
  }
}

/** @throws EFAULT the frames are not all there */
function copyFrames(frames: readonly FrameRun[], startByte: bigint, bytes: Uint8Array, write: boolean): void {
  let skip = offsetInPage(startByte);
  let done = 0;
  for (const { backing, frame, frames: count } of frames) {
    const size = Math.min(count * PAGE_SIZE - skip, bytes.length - done);
    const at = addressOfPage(frame) + BigInt(skip);
    const piece = bytes.subarray(done, done + size);
    const moved = write ? backing.memory.write(at, piece) : backing.memory.read(at, piece);
    if (moved < size) throw new Errno('EFAULT', `${backing.name} cannot be reached at ${hex(at + BigInt(moved))}`);
    done += size;
    skip = 0;
  }
  if (done < bytes.length)
    throw new Errno('EFAULT', `byte ${startByte + BigInt(done)} of the mapping cannot be reached`);
}
