/**
 * Which files of the host hold the BARs of virtual devices. A program that maps a BAR sees ordinary shared memory; who pins
 * an address must know the difference, as the kernel does by the mapping's flags (VM_PFNMAP).
 */
import { fstatSync } from 'node:fs';
import { fileName } from './memory-areas.js';

/** Most files that are remembered: one an open device. The oldest are gone first. */
const MAX_FILES = 1 << 16;

const files = new Set<string>();

/** Remembers a file. @param fd a descriptor of it */
export function addDeviceFile(fd: number): void {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  const [major, minor] = [Number((dev >> 8n) & 0xfffn), Number((dev & 0xffn) | ((dev >> 12n) & 0xfff00n))];
  const oldest = files.values().next();
  if (files.size >= MAX_FILES && !oldest.done) files.delete(oldest.value);
  files.add(fileName(major, minor, ino));
}

/** True for a file that holds a BAR. @param name as fileName() makes it */
export const isDeviceFile = (name: string): boolean => files.has(name);
