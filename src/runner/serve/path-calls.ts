/** System calls on paths: open, stat, access, readlink, chmod, chown and the extended attributes. */
import { closeSync, constants } from 'node:fs';
import { Errno } from '../../abi/errno.js';
import { O } from '../../abi/fcntl.js';
import type { Located } from '../../kernel/fs/file-system.js';
import type { Inode } from '../../kernel/fs/inode.js';
import { changeMode, changeOwner, permit } from '../../kernel/fs/permission.js';
import type { VirtualKernel } from '../../kernel/kernel.js';
import { copyRemote } from '../host/memory/remote-memory.js';
import type { Notification } from '../host/notification.js';
import { credentials, tryOpen } from '../host/procfs.js';
import type { SyscallName } from '../host/syscalls.js';
import { packStat, packStatx } from './file-status.js';
import { type FoundPath, lookup, nodeOf, type PathLookup, readPath } from './path-lookup.js';
import type { Served } from './served.js';

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EACCESS = 0x200;
// Architectures differ in these; Node knows its own.
const { O_CREAT, O_EXCL, O_DIRECTORY, O_NOFOLLOW } = constants;
const O_PATH = 0o10000000;

/** Gives a file of the virtual kernel to the caller, as the result of the call. */
export type GiveFile = (notification: Notification, file: Located, flags: number) => Served;

type Handler = (notification: Notification) => Served;

export class PathCalls {
  readonly #kernel: VirtualKernel;
  readonly #lookup: PathLookup;
  readonly #give: GiveFile;
  /** Name of the virtual file behind a thread's descriptor. */
  readonly #nameOf: (tid: number, fd: number) => string | undefined;
  /** The path of the last call, if it was the virtual kernel's: for the trace. */
  current: string | undefined;

  constructor(
    kernel: VirtualKernel,
    paths: PathLookup,
    give: GiveFile,
    nameOf: (tid: number, fd: number) => string | undefined,
  ) {
    this.#nameOf = nameOf;
    this.#kernel = kernel;
    this.#lookup = paths;
    this.#give = give;
  }

  /** The calls by name. A handler that returns 'host' leaves the call to the host kernel. */
  handlers(): Partial<Record<SyscallName, Handler>> {
    return {
      open: (n) => this.#open(n, AT_FDCWD, 0, n.int(1)),
      creat: (n) => this.#open(n, AT_FDCWD, 0, O_CREAT | O.WRONLY),
      openat: (n) => this.#open(n, n.int(0), 1, n.int(2)),
      openat2: (n) => this.#openat2(n),
      stat: (n) => this.#stat(n, AT_FDCWD, 0, 0, 1),
      lstat: (n) => this.#stat(n, AT_FDCWD, 0, AT_SYMLINK_NOFOLLOW, 1),
      newfstatat: (n) => this.#stat(n, n.int(0), 1, n.int(3), 2),
      statx: (n) => this.#statx(n),
      access: (n) => this.#access(n, AT_FDCWD, 0, n.int(1), 0),
      faccessat: (n) => this.#access(n, n.int(0), 1, n.int(2), 0),
      faccessat2: (n) => this.#access(n, n.int(0), 1, n.int(2), n.int(3)),
      readlink: (n) => this.#readlink(n, AT_FDCWD, 0),
      readlinkat: (n) => this.#readlink(n, n.int(0), 1),
      chmod: (n) => this.#chmod(n, AT_FDCWD, 0, n.int(1), 0),
      fchmodat: (n) => this.#chmod(n, n.int(0), 1, n.int(2), 0),
      fchmodat2: (n) => this.#chmod(n, n.int(0), 1, n.int(2), n.int(3)),
      chown: (n) => this.#chown(n, AT_FDCWD, 0, 1, 0),
      lchown: (n) => this.#chown(n, AT_FDCWD, 0, 1, AT_SYMLINK_NOFOLLOW),
      fchownat: (n) => this.#chown(n, n.int(0), 1, 2, n.int(4)),
      getxattr: (n) => this.#noAttributes(n, true),
      lgetxattr: (n) => this.#noAttributes(n, false),
      listxattr: (n) => this.#emptyList(n, true),
      llistxattr: (n) => this.#emptyList(n, false),
    };
  }

  #find(n: Notification, directory: number, argument: number): FoundPath | undefined {
    const found = lookup(this.#lookup, n, directory, argument);
    this.current = found?.path;
    return found;
  }

  #open(n: Notification, directory: number, argument: number, flags: number): Served {
    const found = this.#find(n, directory, argument);
    return found ? this.#openFound(n, found, flags) : 'host';
  }

  #openFound(n: Notification, found: FoundPath, flags: number): Served {
    const { path, node } = nodeOf(this.#kernel.fs, found, (flags & O_NOFOLLOW) === 0);
    if ((flags & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL)) throw new Errno('EEXIST', `${path} exists`);
    if (node.type === 'link') throw new Errno('ELOOP', `${path} is a symbolic link`);
    if (node.type === 'directory' || flags & O_PATH) return this.#openCopy(n, path, node, flags);
    if (flags & O_DIRECTORY) throw new Errno('ENOTDIR', `${path} is no directory`);
    return this.#give(n, { path, inode: node }, flags & (O.ACCMODE | O.NONBLOCK | O.CLOEXEC));
  }

  /** Directories, and O_PATH descriptors, are the host's copies. */
  #openCopy(n: Notification, path: string, node: Inode, flags: number): Served {
    if (node.type === 'directory' && (flags & O.ACCMODE) !== O.RDONLY && !(flags & O_PATH)) {
      throw new Errno('EISDIR', `${path} is a directory`);
    }
    const fd = tryOpen(this.#lookup.hostDirectory(path), flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW | O.CLOEXEC));
    if (fd === undefined) throw new Errno('ENOENT', `${path} cannot be opened`);
    const result = n.addDescriptor(fd, { cloexec: (flags & O.CLOEXEC) !== 0, send: true });
    closeSync(fd);
    return result < 0 ? result : 'done';
  }

  /** struct open_how: flags, mode, resolve. */
  #openat2(n: Notification): Served {
    const found = this.#find(n, n.int(0), 1);
    if (!found) return 'host';
    const how = new Uint8Array(new ArrayBuffer(24));
    if (copyRemote(n.tid, n.address(2), how, how.length, false) !== how.length) {
      throw new Errno('EFAULT', 'cannot read struct open_how');
    }
    return this.#openFound(n, found, Number(new DataView(how.buffer).getBigUint64(0, true) & 0x7fffffffn));
  }

  #stat(n: Notification, directory: number, argument: number, flags: number, buffer: number): Served {
    const found = this.#find(n, directory, argument);
    if (!found) return 'host';
    return copyOut(n, buffer, packStat(nodeOf(this.#kernel.fs, found, !(flags & AT_SYMLINK_NOFOLLOW)).node));
  }

  #statx(n: Notification): Served {
    const found = this.#find(n, n.int(0), 1);
    if (!found) return 'host';
    return copyOut(n, 4, packStatx(nodeOf(this.#kernel.fs, found, !(n.int(2) & AT_SYMLINK_NOFOLLOW)).node));
  }

  #access(n: Notification, directory: number, argument: number, mode: number, flags: number): Served {
    const found = this.#find(n, directory, argument);
    if (!found) return 'host';
    const { path, node } = nodeOf(this.#kernel.fs, found, !(flags & AT_SYMLINK_NOFOLLOW));
    permit(path, node, credentials(n.tid, (flags & AT_EACCESS) === 0), mode & 7);
    return 0;
  }

  #readlink(n: Notification, directory: number, argument: number): Served {
    const text = readPath(n.tid, n.address(argument));
    if (!text) return 'host';
    const found = this.#lookup.find(n.tid, directory, text);
    this.current = found?.path;
    if (!found) return this.#readDescriptorLink(n, argument, text);
    const { path, node } = nodeOf(this.#kernel.fs, found, false);
    if (node.type !== 'link') throw new Errno('EINVAL', `${path} is no symbolic link`);
    return this.#answerLink(n, argument, node.target);
  }

  /** /proc/PID/fd/N of a virtual file names that file, as it would on a machine that has it. */
  #readDescriptorLink(n: Notification, argument: number, text: string): Served {
    const match = /^\/proc\/(self|thread-self|\d+)\/fd\/(\d+)$/.exec(text);
    const name = match && this.#nameOf(Number.isNaN(Number(match[1])) ? n.tid : Number(match[1]), Number(match[2]));
    return name ? this.#answerLink(n, argument, name) : 'host';
  }

  #answerLink(n: Notification, argument: number, text: string): Served {
    const target = new TextEncoder().encode(text).subarray(0, Math.max(0, n.int(argument + 2)));
    if (target.length === 0) throw new Errno('EINVAL', 'the buffer is empty');
    copyOut(n, argument + 1, target);
    return target.length;
  }

  #chmod(n: Notification, directory: number, argument: number, mode: number, flags: number): Served {
    const found = this.#find(n, directory, argument);
    if (!found) return 'host';
    const { path, node } = nodeOf(this.#kernel.fs, found, !(flags & AT_SYMLINK_NOFOLLOW));
    changeMode(path, node, credentials(n.tid), mode);
    return 0;
  }

  #chown(n: Notification, directory: number, argument: number, owner: number, flags: number): Served {
    const found = this.#find(n, directory, argument);
    if (!found) return 'host';
    const { path, node } = nodeOf(this.#kernel.fs, found, !(flags & AT_SYMLINK_NOFOLLOW));
    changeOwner(path, node, credentials(n.tid), n.int(owner), n.int(owner + 1));
    return 0;
  }

  #noAttributes(n: Notification, follow: boolean): Served {
    const found = this.#find(n, AT_FDCWD, 0);
    if (!found) return 'host';
    const { path } = nodeOf(this.#kernel.fs, found, follow);
    throw new Errno('ENODATA', `${path} has no extended attributes`);
  }

  #emptyList(n: Notification, follow: boolean): Served {
    const found = this.#find(n, AT_FDCWD, 0);
    if (!found) return 'host';
    nodeOf(this.#kernel.fs, found, follow);
    return 0;
  }
}

/** Writes an answer into the caller's buffer. Returns 0. @throws EFAULT */
export function copyOut(n: Notification, argument: number, bytes: Uint8Array): 0 {
  if (!n.valid() || copyRemote(n.tid, n.address(argument), bytes, bytes.length, true) !== bytes.length) {
    throw new Errno('EFAULT', `cannot write ${bytes.length} bytes to the caller`);
  }
  return 0;
}
