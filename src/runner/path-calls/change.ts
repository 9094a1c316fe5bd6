/**
 * Calls that change what a path names: owner and mode of files of the tree are the virtual kernel's; names in it cannot
 * be made or taken away by programs, and the host's directories under them are never touched.
 */
import { Errno } from '../../abi/errno.js';
import { changeMode, changeOwner, MAY, permit } from '../../kernel/fs/permission.js';
import type { Found } from '../../kernel/fs/walk.js';
import { credentials } from '../host/procfs.js';
import { AT_FDCWD } from '../path/lookup.js';
import type { Call, Served } from '../seccomp/call.js';
import type { SyscallName } from '../seccomp/syscalls.js';
import type { Handler, Resolver } from './resolve.js';

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_REMOVEDIR = 0x200;
const AT_SYMLINK_FOLLOW = 0x400;
const RENAME_NOREPLACE = 1;

export class ChangeCalls {
  readonly #resolver: Resolver;

  constructor(resolver: Resolver) {
    this.#resolver = resolver;
  }

  handlers(): Partial<Record<SyscallName, Handler>> {
    return {
      chmod: (n) => this.#chmod(n, AT_FDCWD, 0, n.int(1), 0),
      fchmodat: (n) => this.#chmod(n, n.int(0), 1, n.int(2), 0),
      fchmodat2: (n) => this.#chmod(n, n.int(0), 1, n.int(2), n.int(3)),
      chown: (n) => this.#chown(n, AT_FDCWD, 0, 1, 0),
      lchown: (n) => this.#chown(n, AT_FDCWD, 0, 1, AT_SYMLINK_NOFOLLOW),
      fchownat: (n) => this.#chown(n, n.int(0), 1, 2, n.int(4)),
      utimensat: (n) => this.#touch(n),
      truncate: (n) => this.#truncate(n),
      mkdir: (n) => this.#make(n, AT_FDCWD, 0),
      mkdirat: (n) => this.#make(n, n.int(0), 1),
      mknod: (n) => this.#make(n, AT_FDCWD, 0),
      mknodat: (n) => this.#make(n, n.int(0), 1),
      symlink: (n) => this.#symlink(n, AT_FDCWD, 1),
      symlinkat: (n) => this.#symlink(n, n.int(1), 2),
      link: (n) => this.#link(n, AT_FDCWD, 0, AT_FDCWD, 1, 0),
      linkat: (n) => this.#link(n, n.int(0), 1, n.int(2), 3, n.int(4)),
      unlink: (n) => this.#remove(n, AT_FDCWD, 0, false),
      rmdir: (n) => this.#remove(n, AT_FDCWD, 0, true),
      unlinkat: (n) => this.#remove(n, n.int(0), 1, (n.int(2) & AT_REMOVEDIR) !== 0),
      rename: (n) => this.#rename(n, AT_FDCWD, 0, AT_FDCWD, 1, 0),
      renameat: (n) => this.#rename(n, n.int(0), 1, n.int(2), 3, 0),
      renameat2: (n) => this.#rename(n, n.int(0), 1, n.int(2), 3, n.int(4)),
    };
  }

  #chmod(n: Call, directory: number, argument: number, mode: number, flags: number): Served {
    const found = this.#existing(n, directory, argument, !(flags & AT_SYMLINK_NOFOLLOW));
    if (!found) return 'host';
    if (found.inode.type === 'link') throw new Errno('EOPNOTSUPP', `${found.path} is a link: it has no mode`);
    changeMode(found.path, found.inode, credentials(n.tid), mode);
    return 0;
  }

  #chown(n: Call, directory: number, argument: number, owner: number, flags: number): Served {
    const found = this.#existing(n, directory, argument, !(flags & AT_SYMLINK_NOFOLLOW));
    if (!found) return 'host';
    changeOwner(found.path, found.inode, credentials(n.tid), n.int(owner), n.int(owner + 1));
    return 0;
  }

  /** utimensat(2): the files of the tree keep no times; who may set them is told as usual. */
  #touch(n: Call): Served {
    // Without a path it is the descriptor that is meant.
    if (n.address(1) === 0) return 'host';
    const found = this.#existing(n, n.int(0), 1, !(n.int(3) & AT_SYMLINK_NOFOLLOW));
    if (!found) return 'host';
    const who = credentials(n.tid);
    if (who.uid !== found.inode.uid) permit(found.path, found.inode, who, MAY.WRITE);
    return 0;
  }

  /** truncate(2): sysfs takes it and does nothing, a device has no size (do_sys_truncate). */
  #truncate(n: Call): Served {
    const found = this.#existing(n, AT_FDCWD, 0, true);
    if (!found) return 'host';
    const { path, inode } = found;
    if (inode.type === 'directory') throw new Errno('EISDIR', `${path} is a directory`);
    if (inode.type !== 'attribute') throw new Errno('EINVAL', `${path} is a device: it has no size`);
    permit(path, inode, credentials(n.tid), MAY.WRITE);
    return 0;
  }

  #make(n: Call, directory: number, argument: number): Served {
    this.#refuseMount(n, directory, argument);
    const found = this.#resolver.find(n, directory, argument, { follow: false });
    return found ? this.#refuseNew(n, found) : 'host';
  }

  /** A link to a file of the tree is the host's, and is remembered: whoever follows it comes to us. */
  #symlink(n: Call, directory: number, argument: number): Served {
    const { lookup } = this.#resolver;
    const target = lookup.read(n, 0);
    const found = this.#resolver.find(n, directory, argument, { follow: false });
    if (found) return this.#refuseNew(n, found);
    this.#refuseMount(n, directory, argument);
    const at = lookup.read(n, argument);
    if (target === undefined || at === undefined) return 'host';
    const from = lookup.parent(n, directory, at);
    if (from !== undefined && lookup.leadsIn(n, from, target)) lookup.remember(at);
    return 'host';
  }

  #link(n: Call, from: number, fromArgument: number, to: number, toArgument: number, flags: number): Served {
    const old = this.#resolver.find(n, from, fromArgument, { follow: (flags & AT_SYMLINK_FOLLOW) !== 0 });
    const name = this.#resolver.find(n, to, toArgument, { follow: false });
    if (name) return this.#refuseNew(n, name);
    if (old)
      throw new Errno(old.kind === 'missing' ? 'ENOENT' : 'EXDEV', `${old.path} cannot be linked from elsewhere`);
    this.#refuseMount(n, to, toArgument);
    this.#rememberAlso(n, fromArgument, toArgument);
    return 'host';
  }

  #remove(n: Call, directory: number, argument: number, directories: boolean): Served {
    this.#refuseMount(n, directory, argument, 'EBUSY');
    const found = this.#resolver.find(n, directory, argument, { follow: false });
    if (!found) return 'host';
    if (found.kind === 'missing') throw new Errno('ENOENT', `${found.path} does not exist on this machine`);
    if (found.kind === 'host') throw new Errno('EXDEV', `${found.path} is not removed by this way`);
    const { path, inode } = found;
    this.#mayChange(n, path);
    if (directories && inode.type !== 'directory') throw new Errno('ENOTDIR', `${path} is no directory`);
    if (!directories && inode.type === 'directory') throw new Errno('EISDIR', `${path} is a directory`);
    // sysfs has no rmdir at all; a directory of devtmpfs must be empty, and those of the tree are not.
    if (directories && !path.startsWith('/sys/')) throw new Errno('ENOTEMPTY', `${path} has files of the kernel's`);
    throw new Errno('EPERM', `${path} is the kernel's: programs cannot remove it`);
  }

  #rename(n: Call, from: number, fromArgument: number, to: number, toArgument: number, flags: number): Served {
    this.#refuseMount(n, from, fromArgument, 'EBUSY');
    this.#refuseMount(n, to, toArgument, 'EBUSY');
    const old = this.#resolver.find(n, from, fromArgument, { follow: false });
    const name = this.#resolver.find(n, to, toArgument, { follow: false });
    if (!old && !name) {
      this.#rememberAlso(n, fromArgument, toArgument);
      return 'host';
    }
    if (old?.kind === 'missing') throw new Errno('ENOENT', `${old.path} does not exist on this machine`);
    if (name?.kind === 'inode' && flags & RENAME_NOREPLACE) throw new Errno('EEXIST', `${name.path} exists`);
    const path = (old ?? name)?.path ?? '';
    this.#mayChange(n, path);
    throw new Errno('EPERM', `${path} is the kernel's: programs cannot rename it`);
  }

  /** A new name in the tree. */
  #refuseNew(n: Call, found: Found): never {
    if (found.kind === 'inode') throw new Errno('EEXIST', `${found.path} exists`);
    if (found.kind === 'host') throw new Errno('EXDEV', `${found.path} is not made by this way`);
    this.#mayChange(n, found.path);
    throw new Errno('EPERM', `${found.path} cannot be made: the names there are the kernel's`);
  }

  /** The directory of a name must let the caller write, before it is said that nobody may. @throws EACCES */
  #mayChange(n: Call, path: string): void {
    const above = path.slice(0, path.lastIndexOf('/')) || '/';
    const inode = this.#resolver.lookup.fs.get(above);
    if (inode) permit(above, inode, credentials(n.tid), MAY.WRITE | MAY.EXEC);
  }

  /** A directory that lies over the host's is the host's to its users, but its name is the tree's. */
  #refuseMount(n: Call, directory: number, argument: number, code: 'EEXIST' | 'EBUSY' = 'EEXIST'): void {
    const found = this.#resolver.lookup.find(n, directory, argument, { follow: false });
    if (found?.kind !== 'inode' || found.inode.type !== 'directory' || !found.inode.listsHost) return;
    throw new Errno(code, `${found.path} is a directory of the kernel's`);
  }

  #existing(n: Call, directory: number, argument: number, follow: boolean) {
    const found = this.#resolver.resolve(n, directory, argument, { follow });
    if (!found) return undefined;
    if (!found.inode) throw new Errno('EXDEV', `${found.path} is not changed by this way`);
    return found;
  }

  /** A link that leads into the tree gets another name. */
  #rememberAlso(n: Call, from: number, to: number): void {
    const { lookup } = this.#resolver;
    const old = lookup.read(n, from);
    const name = lookup.read(n, to);
    if (old !== undefined && name !== undefined && lookup.remembers(old)) lookup.remember(name);
  }
}
