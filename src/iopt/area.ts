/**
 * An area: one contiguous interval of I/O virtual addresses that maps a slice of a pages object (Linux: iopt_area). Areas
 * are exact to the byte; they never overlap.
 */
import { offsetInPage, pageOf } from '../abi/address.js';
import type { SharedPages } from './shared-pages.js';

/** What devices may do with an area. */
export const AREA_READ = 1;
export const AREA_WRITE = 2;

export class Area {
  /** First and last I/O virtual address. */
  readonly start: bigint;
  readonly last: bigint;
  readonly pages: SharedPages;
  /** Where the slice starts in the pages object, bytes from its first page on. */
  readonly startByte: bigint;
  /** AREA_READ, AREA_WRITE. */
  readonly access: number;
  /** How often in-kernel accesses pin pages of it. */
  pins = 0;
  /** Of these, how many forbid to unmap it. */
  locks = 0;
  /** It is about to be unmapped: no new pins. */
  closing = false;

  constructor(start: bigint, last: bigint, pages: SharedPages, startByte: bigint, access: number) {
    this.start = start;
    this.last = last;
    this.pages = pages;
    this.startByte = startByte;
    this.access = access;
  }

  get length(): bigint {
    return this.last - this.start + 1n;
  }

  /** Position of an address in the pages object, bytes. */
  byteOf(iova: bigint): bigint {
    return this.startByte + (iova - this.start);
  }

  /** The page of the pages object that an address is in. */
  pageOf(iova: bigint): number {
    return pageOf(this.byteOf(iova));
  }

  /** First and last page of the slice. */
  get firstPage(): number {
    return pageOf(this.startByte);
  }
  get lastPage(): number {
    return this.pageOf(this.last);
  }

  /** Every bound of the area is a multiple of an alignment, up to a page. */
  isAligned(alignment: bigint): boolean {
    return ((this.start | this.length | BigInt(offsetInPage(this.startByte))) & (alignment - 1n)) === 0n;
  }
}
