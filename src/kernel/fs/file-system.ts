/**
 * The file system of the virtual kernel: one tree from `/`. The kernel's parts put their nodes into it, and take them
 * away; programs walk it (walk.ts) and open what they find.
 */
import { Errno } from '../../abi/errno.js';
import { O } from '../../abi/fcntl.js';
import { OpenFile } from '../file/open-file.js';
import { ATTRIBUTE_TABLE, AttributeFile } from './attribute-file.js';
import {
  type Attribute,
  type BinaryAttribute,
  DeviceInode,
  DirectoryInode,
  type HostNames,
  type Inode,
  LinkInode,
} from './inode.js';
import { CAP, type Credentials, capable, MAY, permit, ROOT } from './permission.js';
import { type Found, type Place, type WalkOptions, walk } from './walk.js';

/** An inode, and its canonical path. */
export interface Located {
  readonly path: string;
  readonly inode: Inode;
}

export class FileSystem {
  readonly root: DirectoryInode;
  /** Owner of new nodes under /dev. */
  readonly #uid: number;
  readonly #gid: number;

  /**
   * @param uid, gid the owner of device nodes
   * The directories that every machine has lie over the host's.
   */
  constructor(uid = 0, gid = 0) {
    this.#uid = uid;
    this.#gid = gid;
    this.root = new DirectoryInode({ mode: 0o755 }, 'all');
    this.root.becomeRoot();
    this.directory('/dev', 'all');
  }

  /**
   * The directory at a path, made with those above it if it is not there.
   * @param hostNames of the new ones; a directory that is there keeps its own
   * @throws ENOTDIR something else is there
   */
  directory(path: string, hostNames: HostNames = 'none'): DirectoryInode {
    let directory = this.root;
    for (const name of path.split('/').slice(1)) {
      let next = directory.lookup(name);
      if (!next) {
        next = new DirectoryInode({ mode: 0o755 }, hostNames);
        directory.add(name, next);
      }
      if (next.type !== 'directory') throw new Errno('ENOTDIR', `${path}: ${name} is no directory`);
      directory = next;
    }
    return directory;
  }

  /** Puts a node at a path; directories are made. @throws EEXIST */
  add(path: string, inode: Inode): void {
    const cut = path.lastIndexOf('/');
    this.directory(path.slice(0, cut)).add(path.slice(cut + 1), inode);
  }

  /** @param open makes a new open file */
  addDevice(path: string, major: number, minor: number, open: DeviceInode['open'], mode = 0o660): void {
    this.add(path, new DeviceInode(major, minor, open, { mode, uid: this.#uid, gid: this.#gid }));
  }

  addLink(path: string, target: string): void {
    this.add(path, new LinkInode(target, { mode: 0o777 }));
  }

  /** Takes a node away. */
  remove(path: string): void {
    const cut = path.lastIndexOf('/');
    const above = this.get(path.slice(0, cut) || '/');
    if (above?.type === 'directory') above.remove(path.slice(cut + 1));
  }

  /** The inode at an absolute path without links and dots, as the kernel itself names it. */
  get(path: string): Inode | undefined {
    let inode: Inode | undefined = this.root;
    for (const name of path.split('/')) {
      if (name === '') continue;
      if (inode?.type !== 'directory') return undefined;
      inode = inode.lookup(name);
    }
    return inode;
  }

  /** Walks a path as a program means it. @throws what walk() throws */
  walk(start: Place, path: string, options: WalkOptions): Found {
    return walk(this.root, start, path, options);
  }

  /**
   * Finds what a path means where there is nothing but this tree.
   * @throws ENOENT, and what walk() throws
   */
  find(path: string, follow = true, who: Credentials = ROOT): Located {
    const found = this.walk(this.root, path, { follow, who: () => who });
    if (found.kind !== 'inode') throw new Errno('ENOENT', `${found.path} does not exist on this machine`);
    return found;
  }

  /**
   * open(2) of a node that was found.
   * @param flags O_ACCMODE
   * @throws EISDIR, ELOOP for a directory or a link; EACCES; and what the file's own open answers
   */
  open({ path, inode }: Located, flags: number, who: Credentials): OpenFile {
    if (inode.type === 'directory') throw new Errno('EISDIR', `${path} is a directory`);
    if (inode.type === 'link') throw new Errno('ELOOP', `${path} is a symbolic link`);
    const access = flags & O.ACCMODE;
    const [reads, writes] = [access !== O.WRONLY, access !== O.RDONLY];
    permit(path, inode, who, (reads ? MAY.READ : 0) | (writes ? MAY.WRITE : 0));
    if (inode.type === 'device') return inode.open();
    if ('open' in inode.content) return inode.content.open();
    hasSides(path, inode.mode, inode.content, reads, writes);
    return new OpenFile(new AttributeFile(path, inode.content, capable(who, CAP.SYS_ADMIN)), ATTRIBUTE_TABLE);
  }
}

/** sysfs refuses everybody, root too, what no permission bit or no method allows (fs/kernfs/file.c, kernfs_fop_open). */
function hasSides(
  path: string,
  mode: number,
  content: Attribute | BinaryAttribute,
  reads: boolean,
  writes: boolean,
): void {
  const [canRead, canWrite] = 'size' in content ? [content.pread, content.pwrite] : [content.show, content.store];
  if (reads && (!(mode & 0o444) || !canRead)) throw new Errno('EACCES', `${path} cannot be read`);
  if (writes && (!(mode & 0o222) || !canWrite)) throw new Errno('EACCES', `${path} cannot be written`);
}
