/** Which open file a descriptor of a program is: by the inode of what stands for the file on the host. */
import type { OpenFile } from '../../kernel/file/open-file.js';
import { addressOf, check, libc } from '../host/libc.js';
import { hostArchitecture, numberOf } from '../seccomp/syscalls.js';

/**
 * Where something is on the host: st_dev and st_ino. As numbers, which costs a call less than a bigint: the filesystems in
 * memory that our files are on count their inodes from 1.
 */
export interface Place {
  readonly device: number;
  readonly inode: number;
}

/** What fstat(2) says. */
export function placeOf(stat: DataView): Place {
  return {
    device: stat.getUint32(0, true) + stat.getUint32(4, true) * 2 ** 32,
    inode: stat.getUint32(8, true) + stat.getUint32(12, true) * 2 ** 32,
  };
}

export class FileIndex {
  readonly #byDevice = new Map<number, Map<number, OpenFile>>();
  readonly #stat = new DataView(new ArrayBuffer(hostArchitecture().stat.size));
  #size = 0;

  /** True while programs hold any of our descriptors. */
  get any(): boolean {
    return this.#size > 0;
  }

  /** The open file at a place; undefined if what is there is not ours. */
  find({ device, inode }: Place): OpenFile | undefined {
    return this.#byDevice.get(device)?.get(inode);
  }

  /** From now on what this descriptor of ours is stands for an open file. */
  add(fd: number, file: OpenFile): Place {
    check(libc.syscall(numberOf('fstat'), fd, addressOf(this.#stat), 0, 0, 0), 'fstat');
    const { device, inode } = placeOf(this.#stat);
    const inodes = this.#byDevice.get(device) ?? new Map<number, OpenFile>();
    this.#byDevice.set(device, inodes);
    inodes.set(inode, file);
    this.#size++;
    return { device, inode };
  }

  remove({ device, inode }: Place): void {
    if (this.#byDevice.get(device)?.delete(inode)) this.#size--;
  }
}
