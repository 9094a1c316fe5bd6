/**
 * Which addresses are in sight: from 2^64 to one page. The line of addresses is folded into rows, so that there is room
 * for more than the width of a screen; a place on it is a number from 0 to 1.
 */

import { PAGE_SIZE, U64_MAX } from '../../../src/abi/address.js';

export const PAGE = BigInt(PAGE_SIZE);
export const END = U64_MAX + 1n;

export interface Viewport {
  readonly first: bigint;
  /** Inclusive. */
  readonly last: bigint;
}

export const EVERYTHING: Viewport = { first: 0n, last: END - 1n };

export const sizeOf = ({ first, last }: Viewport): bigint => last - first + 1n;

/** Digits of a fraction that bigint arithmetic keeps. */
const PARTS = 1n << 40n;

/** A viewport of a size that begins near an address: whole pages, and inside the address space. */
function at(first: bigint, size: bigint): Viewport {
  const pages = size < PAGE ? PAGE : size > END ? END : ((size + PAGE - 1n) / PAGE) * PAGE;
  const start = first < 0n ? 0n : first - (first % PAGE);
  const begin = start + pages > END ? END - pages : start;
  return { first: begin, last: begin + pages - 1n };
}

/** The address at a place. */
export function addressAt(view: Viewport, place: number): bigint {
  const part = BigInt(Math.round(Math.max(0, Math.min(place, 1)) * Number(PARTS)));
  const address = view.first + (sizeOf(view) * part) / PARTS;
  return address > view.last ? view.last : address;
}

/** The place of an address; below 0 or above 1 if it is out of sight. */
export function placeOf(view: Viewport, address: bigint): number {
  return Number(((address - view.first) * PARTS) / sizeOf(view)) / Number(PARTS);
}

/** Looks closer (factor below 1) or from farther away; the address at the place stays where it is. */
export function zoom(view: Viewport, factor: number, place: number): Viewport {
  const size = sizeOf(view);
  const wanted = (size * BigInt(Math.round(factor * 65536))) / 65536n;
  const next = wanted < PAGE ? PAGE : wanted > END ? END : wanted;
  const part = BigInt(Math.round(place * Number(PARTS)));
  return at(view.first + ((size - next) * part) / PARTS, next);
}

/** Moves along the line by a part of what is in sight. */
export function pan(view: Viewport, part: number): Viewport {
  const size = sizeOf(view);
  return at(view.first + (size * BigInt(Math.round(part * 65536))) / 65536n, size);
}

/** Shows a range with some room around it. */
export function around(first: bigint, last: bigint): Viewport {
  const size = last - first + 1n;
  const room = size / 16n + (PAGE - ((size / 16n) % PAGE));
  return at(first - room, size + 2n * room);
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** A size in words: `16 KiB`. */
export function sizeText(bytes: bigint): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1024n && value % 1024n === 0n && unit < UNITS.length - 1) {
    value /= 1024n;
    unit++;
  }
  let rough = Number(value);
  while (rough >= 10_240 && unit < UNITS.length - 1) {
    rough /= 1024;
    unit++;
  }
  return `${rough >= 100 || Number.isInteger(rough) ? Math.round(rough) : rough.toFixed(1)} ${UNITS[unit]}`;
}
