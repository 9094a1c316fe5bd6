/**
 * System calls on paths of the host that the runner makes itself. A path here has one character a byte (latin1).
 */
import { constants } from 'node:fs';
import { addressOf, errno, libc } from '../host/libc.js';
import { hostArchitecture, numberOf } from '../seccomp/syscalls.js';

const AT_FDCWD = -100;
const O_CLOEXEC = 0o2000000;
const AT_EACCESS = 0x200;
const LINK_MAX = 4096;

const target = new Uint8Array(new ArrayBuffer(LINK_MAX));
const targetAddress = addressOf(target);
const targetBuffer = Buffer.from(target.buffer);
const name = new Uint8Array(new ArrayBuffer(LINK_MAX + 256));
const nameAddress = addressOf(name);
const nameBuffer = Buffer.from(name.buffer);

/** The path in memory, with its zero. It stays there until the next call. */
function place(path: string): number {
  const length = nameBuffer.write(path, 0, name.length - 1, 'latin1');
  name[length] = 0;
  return nameAddress;
}

/** Target of a symbolic link; undefined if there is none. */
export function hostLink(path: string): string | undefined {
  const length = libc.readlinkat(AT_FDCWD, place(path), targetAddress, LINK_MAX);
  return length < 0 ? undefined : targetBuffer.toString('latin1', 0, length);
}

/** Opens a path, close-on-exec. Returns a descriptor, or -errno. */
export function hostOpen(path: string, flags: number, mode: number): number {
  const fd = libc.openat(AT_FDCWD, place(path), flags | O_CLOEXEC, mode);
  return fd < 0 ? -errno() : fd;
}

/** struct stat of a path. Returns 0 or -errno. @param into room for it; @param flags AT_SYMLINK_NOFOLLOW */
export function hostStat(path: string, into: Uint8Array, flags: number): number {
  const result = libc.syscall(numberOf('newfstatat'), AT_FDCWD, place(path), addressOf(into), flags, 0);
  return result < 0 ? -errno() : 0;
}

/** struct statx of a path. Returns 0 or -errno. @param into 256 bytes */
export function hostStatx(path: string, into: Uint8Array, flags: number, mask: number): number {
  const result = libc.syscall(numberOf('statx'), AT_FDCWD, place(path), flags, mask, addressOf(into));
  return result < 0 ? -errno() : 0;
}

/** Is there a directory at a path? */
export function isHostDirectory(path: string): boolean {
  const { size, mode } = hostArchitecture().stat;
  const stat = new DataView(new ArrayBuffer(size));
  return hostStat(path, new Uint8Array(stat.buffer), 0) === 0 && (stat.getUint32(mode, true) & 0o170000) === 0o040000;
}

/** An entry of a directory, as getdents64(2) tells it. */
export interface DirectoryEntry {
  readonly name: string;
  readonly ino: bigint;
  /** DT_*. */
  readonly type: number;
}

/** What is in a directory of the host; nothing if it cannot be read. */
export function hostEntries(path: string): DirectoryEntry[] {
  const fd = hostOpen(path, constants.O_DIRECTORY, 0);
  if (fd < 0) return [];
  const view = new DataView(new ArrayBuffer(32768));
  const buffer = Buffer.from(view.buffer);
  const entries: DirectoryEntry[] = [];
  for (;;) {
    const size = libc.syscall(numberOf('getdents64'), fd, addressOf(view), view.byteLength, 0, 0);
    if (size <= 0) break;
    for (let at = 0; at < size; at += view.getUint16(at + 16, true)) {
      const text = buffer.toString('latin1', at + 19, buffer.indexOf(0, at + 19));
      if (text !== '.' && text !== '..') {
        entries.push({ name: text, ino: view.getBigUint64(at, true), type: view.getUint8(at + 18) });
      }
    }
  }
  libc.close(fd);
  return entries;
}

/** access(2) with the runner's effective ids. Returns 0 or -errno. */
export function hostAccess(path: string, mode: number): number {
  const result = libc.syscall(numberOf('faccessat2'), AT_FDCWD, place(path), mode, AT_EACCESS, 0);
  return result < 0 ? -errno() : 0;
}
