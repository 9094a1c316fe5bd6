/** Calls that look at a path and change nothing: stat(2), statx(2), access(2), readlink(2), statfs(2), getxattr(2). */
import { Errno } from '../../abi/errno.js';
import { permit } from '../../kernel/fs/permission.js';
import { addressOf, errno, libc } from '../host/libc.js';
import { credentials } from '../host/procfs.js';
import { memfdPath } from '../path/descriptor-text.js';
import { hostAccess, hostLink, hostStat, hostStatx } from '../path/host-calls.js';
import { isMagicLink } from '../path/host-view.js';
import { AT_FDCWD } from '../path/lookup.js';
import { packStat, packStatfs, packStatx } from '../path/status.js';
import type { Call, Served } from '../seccomp/call.js';
import { hostArchitecture, numberOf, type SyscallName } from '../seccomp/syscalls.js';
import { copyOut, type Handler, inPlaceOf, type Resolved, type Resolver } from './resolve.js';

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EACCESS = 0x200;
const STATX_SIZE = 256;

export class InspectCalls {
  readonly #resolver: Resolver;

  constructor(resolver: Resolver) {
    this.#resolver = resolver;
  }

  handlers(): Partial<Record<SyscallName, Handler>> {
    return {
      stat: (n) => this.#stat(n, AT_FDCWD, 0, 0, 1),
      lstat: (n) => this.#stat(n, AT_FDCWD, 0, AT_SYMLINK_NOFOLLOW, 1),
      newfstatat: (n) => this.#stat(n, n.int(0), 1, n.int(3), 2),
      statx: (n) => this.#statx(n),
      access: (n) => this.#access(n, AT_FDCWD, 0, n.int(1), 0),
      faccessat: (n) => this.#access(n, n.int(0), 1, n.int(2), 0),
      faccessat2: (n) => this.#access(n, n.int(0), 1, n.int(2), n.int(3)),
      readlink: (n) => this.#readlink(n, AT_FDCWD, 0),
      readlinkat: (n) => this.#readlink(n, n.int(0), 1),
      statfs: (n) => this.#statfs(n),
      getxattr: (n) => this.#noAttribute(n, true),
      lgetxattr: (n) => this.#noAttribute(n, false),
      listxattr: (n) => this.#noList(n, true),
      llistxattr: (n) => this.#noList(n, false),
    };
  }

  #resolve(n: Call, directory: number, argument: number, follow: boolean): Resolved | undefined {
    return this.#resolver.resolve(n, directory, argument, { follow });
  }

  #stat(n: Call, directory: number, argument: number, flags: number, buffer: number): Served {
    const found = this.#resolve(n, directory, argument, !(flags & AT_SYMLINK_NOFOLLOW));
    if (!found) return 'host';
    if (found.inode) return copyOut(n, buffer, packStat(found));
    inPlaceOf(n, found.path);
    const stat = new Uint8Array(new ArrayBuffer(hostArchitecture().stat.size));
    return hostStat(found.path, stat, flags & AT_SYMLINK_NOFOLLOW) || copyOut(n, buffer, stat);
  }

  #statx(n: Call): Served {
    const flags = n.int(2);
    const found = this.#resolve(n, n.int(0), 1, !(flags & AT_SYMLINK_NOFOLLOW));
    if (!found) return 'host';
    if (found.inode) return copyOut(n, 4, packStatx(found));
    inPlaceOf(n, found.path);
    const statx = new Uint8Array(new ArrayBuffer(STATX_SIZE));
    return hostStatx(found.path, statx, flags & AT_SYMLINK_NOFOLLOW, n.int(3)) || copyOut(n, 4, statx);
  }

  #access(n: Call, directory: number, argument: number, mode: number, flags: number): Served {
    const found = this.#resolve(n, directory, argument, !(flags & AT_SYMLINK_NOFOLLOW));
    if (!found) return 'host';
    if (mode & ~7) throw new Errno('EINVAL', `access mode ${mode}`);
    if (!found.inode) {
      inPlaceOf(n, found.path);
      return hostAccess(found.path, mode);
    }
    permit(found.path, found.inode, credentials(n.tid, (flags & AT_EACCESS) === 0), mode);
    return 0;
  }

  #readlink(n: Call, directory: number, argument: number): Served {
    const found = this.#resolver.lookup.find(n, directory, argument, { follow: false });
    if (!found) return 'host';
    if (found.kind === 'missing') throw new Errno('ENOENT', `${found.path} does not exist on this machine`);
    if (found.kind === 'host') {
      const text = isMagicLink(found.path) ? this.#magic(found.path) : undefined;
      if (text !== undefined) return this.#answerLink(n, argument, text);
      if (!found.moved) return 'host';
      inPlaceOf(n, found.path);
      const link = hostLink(found.path);
      return link === undefined ? -errno() : this.#answerLink(n, argument, link);
    }
    const { path, inode } = found;
    this.#resolver.current = path;
    if (inode.type !== 'link') throw new Errno('EINVAL', `${path} is no symbolic link`);
    return this.#answerLink(n, argument, inode.target);
  }

  /** A link of /proc to a file or directory of the tree names it as it would on a machine that has it. */
  #magic(path: string): string | undefined {
    const link = hostLink(path);
    if (link === undefined) return undefined;
    const directory = this.#resolver.lookup.directories.texts.directory(link);
    if (directory !== undefined) return directory;
    const known = memfdPath(link);
    if (known === undefined) return undefined;
    // A memfd of the program's own may have any name.
    const [, pid, , fd] = /^\/proc\/(\d+)(\/task\/\d+)?\/fd\/(\d+)$/.exec(path) ?? [];
    if (pid === undefined) return undefined;
    return this.#resolver.services.nameOf(Number(pid), Number(fd)) ?? (this.#resolver.lookup.fs.get(known) && known);
  }

  #answerLink(n: Call, argument: number, text: string): Served {
    const room = n.int(argument + 2);
    if (room <= 0) throw new Errno('EINVAL', `a buffer of ${room} bytes`);
    const target = new Uint8Array(Buffer.from(text, 'latin1')).subarray(0, room);
    copyOut(n, argument + 1, target);
    return target.length;
  }

  #statfs(n: Call): Served {
    const found = this.#resolve(n, AT_FDCWD, 0, true);
    if (!found) return 'host';
    if (found.inode) return copyOut(n, 1, packStatfs(found.path));
    inPlaceOf(n, found.path);
    const name = new Uint8Array(Buffer.from(`${found.path}\0`, 'latin1'));
    const into = new Uint8Array(new ArrayBuffer(packStatfs('/').length));
    const result = libc.syscall(numberOf('statfs'), addressOf(name), addressOf(into), 0, 0, 0);
    return result < 0 ? -errno() : copyOut(n, 1, into);
  }

  #noAttribute(n: Call, follow: boolean): Served {
    const found = this.#resolve(n, AT_FDCWD, 0, follow);
    if (!found) return 'host';
    throw new Errno('ENODATA', `${found.path} has no extended attributes`);
  }

  #noList(n: Call, follow: boolean): Served {
    return this.#resolve(n, AT_FDCWD, 0, follow) ? 0 : 'host';
  }
}
