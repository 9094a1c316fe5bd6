/**
 * Which files of the host hold the BARs of virtual devices. A program that maps a BAR sees ordinary shared memory; who pins
 * an address must know the difference, as the kernel does by the mapping's flags (VM_PFNMAP).
 */
import { fstatSync } from 'node:fs';
import { fileName } from './memory-areas.js';

/** Most files that are remembered: one an open device. The oldest are gone first. */
const MAX_FILES = 1 << 16;

const files = new Set<string>();

/** Of these, the files whose device does not decode its BARs now. */
const silent = new Set<string>();

function nameOf(fd: number): string {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  const [major, minor] = [Number((dev >> 8n) & 0xfffn), Number((dev & 0xffn) | ((dev >> 12n) & 0xfff00n))];
  return fileName(major, minor, ino);
}

/** Remembers a file. @param fd a descriptor of it */
export function addDeviceFile(fd: number): void {
  const oldest = files.values().next();
  if (files.size >= MAX_FILES && !oldest.done) files.delete(oldest.value);
  files.add(nameOf(fd));
}

/** The device behind a file decodes its BARs, or does not. @param fd a descriptor of the file */
export function setAnswering(fd: number, on: boolean): void {
  if (on) silent.delete(nameOf(fd));
  else silent.add(nameOf(fd));
}

/** True for the file of a device that does not decode its BARs: nothing of it can be pinned. */
export const isSilent = (name: string): boolean => silent.has(name);

/** True for a file that holds a BAR. @param name as fileName() makes it */
export const isDeviceFile = (name: string): boolean => files.has(name);
