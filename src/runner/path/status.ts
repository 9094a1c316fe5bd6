/** What stat, statx and statfs say of files of the tree (stat(2), statx(2), statfs(2); struct stat of each architecture). */
import { statSync } from 'node:fs';
import type { Located } from '../../kernel/fs/file-system.js';
import type { Inode } from '../../kernel/fs/inode.js';
import { hostArchitecture } from '../seccomp/syscalls.js';

const TYPE = { device: 0o020000, directory: 0o040000, attribute: 0o100000, link: 0o120000 } as const;
const BLOCK_SIZE = 4096;
const STATX_BASIC_STATS = 0x7ff;
/** f_type of linux/magic.h. */
const SYSFS_MAGIC = 0x62656572;
const TMPFS_MAGIC = 0x01021994;
const PROC_SUPER_MAGIC = 0x9fa0;
const NAME_MAX = 255;
const STATFS_SIZE = 120;

/** The nodes appeared when the machine was booted. */
const booted = Date.now();

const linkCount = (inode: Inode): number => (inode.type === 'directory' ? inode.linkCount : 1);
/** sysfs gives directories and links no size; devtmpfs gives links theirs. */
function size(path: string, inode: Inode): number {
  if (inode.type === 'attribute') return inode.size;
  return inode.type === 'link' && !path.startsWith('/sys/') ? inode.target.length : 0;
}

interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

/** The device that a mount of the host is on; where it is missing, what it has on most machines. */
function mountDevice(mount: string, minor: number): DeviceNumber {
  try {
    const { dev } = statSync(mount);
    return { major: (dev >>> 8) & 0xfff, minor: (dev & 0xff) | ((dev >>> 12) & 0xfff00) };
  } catch {
    return { major: 0, minor };
  }
}
const devices: Readonly<Record<string, DeviceNumber>> = { dev: mountDevice('/dev', 5), sys: mountDevice('/sys', 22) };
const deviceOf = (path: string): DeviceNumber => devices[path.split('/')[1] ?? ''] ?? mountDevice('/', 1);

/** makedev of the kernel's struct stat: 12 bits of major, 20 of minor. */
function makedev({ major, minor }: DeviceNumber): bigint {
  return BigInt((minor & 0xff) | (major << 8)) | (BigInt(minor & ~0xff) << 12n);
}

/** struct stat of this architecture. */
export function packStat({ path, inode }: Located): Uint8Array {
  const layout = hostArchitecture().stat;
  const view = new DataView(new ArrayBuffer(layout.size));
  view.setBigUint64(0, makedev(deviceOf(path)), true);
  view.setBigUint64(8, BigInt(inode.ino), true);
  if (layout.nlinkSize === 8) view.setBigUint64(layout.nlink, BigInt(linkCount(inode)), true);
  else view.setUint32(layout.nlink, linkCount(inode), true);
  view.setUint32(layout.mode, TYPE[inode.type] | inode.mode, true);
  view.setUint32(layout.uid, inode.uid, true);
  view.setUint32(layout.gid, inode.gid, true);
  if (inode.type === 'device') view.setBigUint64(layout.rdev, makedev(inode), true);
  // st_size is at 48 on both architectures, and the three times at 72.
  view.setBigUint64(48, BigInt(size(path, inode)), true);
  view.setUint32(layout.blksize, BLOCK_SIZE, true);
  for (const at of [72, 88, 104]) packTime(view, at);
  return new Uint8Array(view.buffer);
}

/** struct statx, 256 bytes. */
export function packStatx({ path, inode }: Located): Uint8Array {
  const view = new DataView(new ArrayBuffer(256));
  view.setUint32(0, STATX_BASIC_STATS, true);
  view.setUint32(4, BLOCK_SIZE, true);
  view.setUint32(16, linkCount(inode), true);
  view.setUint32(20, inode.uid, true);
  view.setUint32(24, inode.gid, true);
  view.setUint16(28, TYPE[inode.type] | inode.mode, true);
  view.setBigUint64(32, BigInt(inode.ino), true);
  view.setBigUint64(40, BigInt(size(path, inode)), true);
  // stx_atime, stx_ctime, stx_mtime; a file of these has no time of birth.
  for (const at of [64, 96, 112]) packTime(view, at);
  if (inode.type === 'device') {
    view.setUint32(128, inode.major, true);
    view.setUint32(132, inode.minor, true);
  }
  const { major, minor } = deviceOf(path);
  view.setUint32(136, major, true);
  view.setUint32(140, minor, true);
  return new Uint8Array(view.buffer);
}

/** struct statfs of a 64-bit architecture. */
export function packStatfs(path: string): Uint8Array {
  const view = new DataView(new ArrayBuffer(STATFS_SIZE));
  const [, top] = path.split('/');
  const type = top === 'sys' ? SYSFS_MAGIC : top === 'proc' ? PROC_SUPER_MAGIC : TMPFS_MAGIC;
  view.setBigUint64(0, BigInt(type), true);
  view.setBigUint64(8, BigInt(BLOCK_SIZE), true);
  // f_namelen and f_frsize.
  view.setBigUint64(64, BigInt(NAME_MAX), true);
  view.setBigUint64(72, BigInt(BLOCK_SIZE), true);
  return new Uint8Array(view.buffer);
}

/** struct timespec, or struct statx_timestamp: both have the nanoseconds at 8. */
function packTime(view: DataView, at: number): void {
  view.setBigInt64(at, BigInt(Math.floor(booted / 1000)), true);
  view.setUint32(at + 8, (booted % 1000) * 1e6, true);
}
