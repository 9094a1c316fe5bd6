/** What stat and statx say of the virtual kernel's files (stat(2), statx(2); struct stat of each architecture). */
import type { Inode } from '../../kernel/fs/inode.js';
import { hostArchitecture } from '../host/syscalls.js';

const TYPE = { device: 0o020000, directory: 0o040000, attribute: 0o100000, link: 0o120000 } as const;
const BLOCK_SIZE = 4096;
/** The device number of devtmpfs on most machines: 0:5. */
const DEVICE_MINOR = 5;
const STATX_BASIC_STATS = 0x7ff;

const linkCount = (node: Inode): number => (node.type === 'directory' ? node.linkCount : 1);
const size = (node: Inode): number =>
  node.type === 'link' ? node.target.length : node.type === 'attribute' ? node.size : 0;

/** makedev of the kernel's struct stat: 12 bits of major, 20 of minor. */
function makedev(major: number, minor: number): bigint {
  return BigInt((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12));
}

/** struct stat of this architecture. */
export function packStat(node: Inode): Uint8Array {
  const layout = hostArchitecture().stat;
  const view = new DataView(new ArrayBuffer(layout.size));
  view.setBigUint64(0, makedev(0, DEVICE_MINOR), true);
  view.setBigUint64(8, BigInt(node.ino), true);
  if (layout.nlinkSize === 8) view.setBigUint64(layout.nlink, BigInt(linkCount(node)), true);
  else view.setUint32(layout.nlink, linkCount(node), true);
  view.setUint32(layout.mode, TYPE[node.type] | node.mode, true);
  view.setUint32(layout.uid, node.uid, true);
  view.setUint32(layout.gid, node.gid, true);
  if (node.type === 'device') view.setBigUint64(layout.rdev, makedev(node.major, node.minor), true);
  // st_size is at 48 on both architectures.
  view.setBigUint64(48, BigInt(size(node)), true);
  view.setUint32(layout.blksize, BLOCK_SIZE, true);
  return new Uint8Array(view.buffer);
}

/** struct statx, 256 bytes, without times: these files have none. */
export function packStatx(node: Inode): Uint8Array {
  const view = new DataView(new ArrayBuffer(256));
  view.setUint32(0, STATX_BASIC_STATS, true);
  view.setUint32(4, BLOCK_SIZE, true);
  view.setUint32(16, linkCount(node), true);
  view.setUint32(20, node.uid, true);
  view.setUint32(24, node.gid, true);
  view.setUint16(28, TYPE[node.type] | node.mode, true);
  view.setBigUint64(32, BigInt(node.ino), true);
  view.setBigUint64(40, BigInt(size(node)), true);
  if (node.type === 'device') {
    view.setUint32(128, node.major, true);
    view.setUint32(132, node.minor, true);
  }
  view.setUint32(140, DEVICE_MINOR, true);
  return new Uint8Array(view.buffer);
}
