/**
 * Inodes of the virtual kernel's file system: what a name in a directory leads to. Directories, character devices,
 * symbolic links, and the attribute files of sysfs (Documentation/filesystems/sysfs.rst): one value a file, made by
 * show() when it is read and taken by store() when it is written.
 *
 * A directory may lie over one of the host's. Names that it does not have are then the host's business.
 */
import { Errno } from '../../abi/errno.js';
import type { OpenFile } from '../file/open-file.js';

/** Longest name in a directory, bytes (linux/limits.h). */
export const NAME_MAX = 255;
/** Longest path with its terminating zero, bytes (linux/limits.h). */
export const PATH_MAX = 4096;
/** What sysfs says of the size of every text attribute: a page. */
const ATTRIBUTE_SIZE = 4096;

/** Owner and permission bits. */
export interface Ownership {
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
}

abstract class InodeBase {
  static #next = 2;
  readonly ino: number = InodeBase.#next++;
  /** Permission bits, 07777. */
  mode: number;
  uid: number;
  gid: number;
  /** Is it there now? A name whose inode is not present does not exist. */
  readonly present: (() => boolean) | undefined;

  constructor({ mode, uid = 0, gid = 0 }: Ownership, present?: () => boolean) {
    this.mode = mode;
    this.uid = uid;
    this.gid = gid;
    this.present = present;
  }
}

/** A character device. */
export class DeviceInode extends InodeBase {
  readonly type = 'device';
  readonly major: number;
  readonly minor: number;
  /** Makes what a new open file does. @throws Errno */
  readonly open: () => OpenFile;

  constructor(major: number, minor: number, open: () => OpenFile, owner: Ownership) {
    super(owner);
    this.major = major;
    this.minor = minor;
    this.open = open;
  }
}

/** A symbolic link. Its target is text, read when the link is followed. */
export class LinkInode extends InodeBase {
  readonly type = 'link';
  readonly #target: string | (() => string);

  constructor(target: string | (() => string), owner: Ownership, present?: () => boolean) {
    super(owner, present);
    this.#target = target;
  }

  get target(): string {
    return typeof this.#target === 'string' ? this.#target : this.#target();
  }
}

/** What a sysfs attribute shows and takes. A missing side cannot be opened for, not even by root. */
export interface Attribute {
  /** The whole text, with its newline. @throws Errno: the read fails with it */
  show?(): string;
  /** Takes what one write() call brought, at most a page. @throws Errno: the write fails with it */
  store?(text: string): void;
}

/** A binary sysfs attribute: bytes at offsets. `privileged`: the opener had CAP_SYS_ADMIN. */
export interface BinaryAttribute {
  /** Bytes. */
  readonly size: number;
  pread?(into: Uint8Array, offset: number, privileged: boolean): number;
  pwrite?(from: Uint8Array, offset: number): number;
}

/** A binary attribute that is mapped, and neither read nor written: memory of a device. */
export interface MappedAttribute {
  /** Bytes. */
  readonly size: number;
  /** All who have it open at a time share an open file. */
  open(): OpenFile;
}

/** A regular file of sysfs. */
export class AttributeInode extends InodeBase {
  readonly type = 'attribute';
  readonly content: Attribute | BinaryAttribute | MappedAttribute;

  constructor(content: AttributeInode['content'], owner: Ownership, present?: () => boolean) {
    super(owner, present);
    this.content = content;
  }

  /** As st_size says it, bytes. */
  get size(): number {
    return 'size' in this.content ? this.content.size : ATTRIBUTE_SIZE;
  }
}

/** Which names that a directory does not have are the host's: none, all, or those that the function says. */
export type HostNames = 'none' | 'all' | ((name: string) => boolean);

export class DirectoryInode extends InodeBase {
  readonly type = 'directory';
  readonly #entries = new Map<string, Inode>();
  #parent: DirectoryInode | undefined;
  #name = '';
  /** Names of the host that show through. */
  hostNames: HostNames;
  /** Names of the host that a listing of this directory has too: those that show through, or none. */
  readonly listsHost: boolean;

  constructor(owner: Ownership, hostNames: HostNames = 'none', present?: () => boolean) {
    super(owner, present);
    this.hostNames = hostNames;
    this.listsHost = hostNames === 'all';
  }

  get parent(): DirectoryInode | undefined {
    return this.#parent;
  }

  /** Absolute path; undefined if the directory was taken out of the tree. */
  get path(): string | undefined {
    if (!this.#parent) return this.#name === '/' ? '/' : undefined;
    const above = this.#parent.path;
    return above === undefined ? undefined : `${above === '/' ? '' : above}/${this.#name}`;
  }

  /** Makes this the root of a tree. */
  becomeRoot(): void {
    this.#name = '/';
  }

  /** @throws EEXIST, ENAMETOOLONG */
  add(name: string, inode: Inode): void {
    if (name.length > NAME_MAX) throw new Errno('ENAMETOOLONG', `a name of ${name.length} bytes is above ${NAME_MAX}`);
    if (this.#entries.has(name)) throw new Errno('EEXIST', `${this.path}/${name} exists`);
    this.#entries.set(name, inode);
    if (inode.type === 'directory') {
      inode.#parent = this;
      inode.#name = name;
    }
  }

  /** Takes a name away; a directory with all that is in it. */
  remove(name: string): void {
    const inode = this.#entries.get(name);
    this.#entries.delete(name);
    if (inode?.type === 'directory') inode.#parent = undefined;
  }

  /** What a name leads to; undefined if the directory does not have it, or not now. */
  lookup(name: string): Inode | undefined {
    const inode = this.#entries.get(name);
    return inode && (inode.present?.() ?? true) ? inode : undefined;
  }

  /** Is a name that the directory does not have the host's? */
  leavesToHost(name: string): boolean {
    if (this.hostNames === 'none' || this.#entries.has(name)) return false;
    return this.hostNames === 'all' || this.hostNames(name);
  }

  /** Every name that is there now, in the order they were added; not `.` and `..`. */
  *list(): IterableIterator<[string, Inode]> {
    for (const entry of this.#entries) if (entry[1].present?.() ?? true) yield entry;
  }

  /** Hard links: the directory's name, its `.`, and the `..` of each directory in it. */
  get linkCount(): number {
    let count = 2;
    for (const [, inode] of this.list()) if (inode.type === 'directory') count++;
    return count;
  }
}

export type Inode = DirectoryInode | DeviceInode | LinkInode | AttributeInode;
