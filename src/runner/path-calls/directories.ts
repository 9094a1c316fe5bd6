/**
 * Calls on directories of the tree: listing, the working directory, and copies of their descriptors; and stat of
 * descriptors at high numbers.
 */
import { closeSync, constants } from 'node:fs';
import { Errno } from '../../abi/errno.js';
import type { Located } from '../../kernel/fs/file-system.js';
import { MAY, permit } from '../../kernel/fs/permission.js';
import { credentials } from '../host/procfs.js';
import { memfdPath } from '../path/descriptor-text.js';
import { hostLink, hostOpen } from '../path/host-calls.js';
import { injectFchdir } from '../path/inject.js';
import { AT_FDCWD } from '../path/lookup.js';
import { packStat, packStatfs, packStatx } from '../path/status.js';
import type { Call, Served } from '../seccomp/call.js';
import type { SyscallName } from '../seccomp/syscalls.js';
import { copyOut, type Handler, type Resolver } from './resolve.js';

/** Its value differs on arm64. */
const { O_DIRECTORY } = constants;
const MAX_LISTING = 1 << 20;

export class DirectoryCalls {
  readonly #resolver: Resolver;

  constructor(resolver: Resolver) {
    this.#resolver = resolver;
  }

  handlers(): Partial<Record<SyscallName, Handler>> {
    return {
      getdents64: (n) => this.#list(n),
      lseek: (n) =>
        this.#directories.seek(n.tid, n.int(0), Number(BigInt.asIntN(64, n.argument(1))), n.int(2)) ?? 'host',
      chdir: (n) => this.#chdir(n),
      fchdir: (n) => this.#fchdir(n),
      getcwd: (n) => this.#getcwd(n),
      fstatfs: (n) => this.#fstatfs(n),
      dup: (n) => this.#copied(n),
      dup2: (n) => this.#copied(n),
      dup3: (n) => this.#copied(n),
      fcntl: (n) => this.#copied(n),
    };
  }

  /** fstat of a descriptor at a high number; 'host' if it is nothing of the tree. */
  fstat(n: Call, fd: number, call: 'fstat' | 'newfstatat' | 'statx'): Served {
    const found = fd >= this.#resolver.lookup.firstDriven ? this.#behind(n.tid, fd) : undefined;
    if (!found || (found.inode.type === 'directory' && found.inode.listsHost)) return 'host';
    if (call === 'statx') return copyOut(n, 4, packStatx(found));
    return copyOut(n, call === 'fstat' ? 1 : 2, packStat(found));
  }

  get #directories() {
    return this.#resolver.lookup.directories;
  }

  /** The inode of the tree behind a descriptor, by its link under /proc. */
  #behind(tid: number, fd: number): Located | undefined {
    const link = hostLink(`/proc/${tid}/fd/${fd}`);
    if (link === undefined) return undefined;
    const path = this.#directories.texts.directory(link) ?? memfdPath(link) ?? link;
    const inode = path.startsWith('/') ? this.#resolver.lookup.fs.get(path) : undefined;
    return inode && { path, inode };
  }

  #list(n: Call): Served {
    const bytes = this.#directories.read(n.tid, n.int(0), Math.min(n.uint(2), MAX_LISTING));
    if (!bytes) return 'host';
    if (bytes.length > 0) copyOut(n, 1, bytes);
    return bytes.length;
  }

  /**
   * chdir(2). Where the host has the directory too it goes there by itself. Into one that only the tree has, the caller is
   * made to go by a descriptor of the directory's copy, so that its children, and its threads, are there as well.
   */
  #chdir(n: Call): Served {
    const { lookup } = this.#resolver;
    const path = lookup.read(n, 0);
    if (path === undefined || path === '') return 'host';
    const found = lookup.walk(n, AT_FDCWD, path, { follow: true });
    if (!found) return 'host';
    lookup.enters(found.path);
    if (found.kind === 'missing') throw new Errno('ENOENT', `${found.path} does not exist on this machine`);
    if (found.kind === 'host') return found.moved ? this.#goTo(n, found.path) : 'host';
    const { inode, moved } = found;
    this.#resolver.current = found.path;
    if (inode.type !== 'directory') throw new Errno('ENOTDIR', `${found.path} is no directory`);
    permit(found.path, inode, credentials(n.tid), MAY.EXEC);
    const at = this.#directories.onHost(found.path, inode);
    return at === found.path && !moved ? 'host' : this.#goTo(n, at);
  }

  #goTo(n: Call, path: string): Served {
    const fd = hostOpen(path, O_DIRECTORY, 0);
    if (fd < 0) return fd;
    try {
      // A low number: fchdir of a high one would come to us.
      const given = n.addDescriptor(fd, { cloexec: true, send: false });
      return given < 0 ? given : injectFchdir(n, given);
    } finally {
      closeSync(fd);
    }
  }

  #fchdir(n: Call): Served {
    const found = this.#behind(n.tid, n.int(0));
    if (!found) return 'host';
    if (found.inode.type !== 'directory') throw new Errno('ENOTDIR', `${found.path} is no directory`);
    permit(found.path, found.inode, credentials(n.tid), MAY.EXEC);
    this.#resolver.lookup.enters(found.path);
    return 'host';
  }

  #getcwd(n: Call): Served {
    const link = hostLink(`/proc/${n.tid}/cwd`);
    const path = link === undefined ? undefined : this.#directories.texts.directory(link);
    if (path === undefined) return 'host';
    const bytes = new Uint8Array(Buffer.from(`${path}\0`, 'latin1'));
    if (n.argument(1) < bytes.length) throw new Errno('ERANGE', `${path} does not fit into ${n.argument(1)} bytes`);
    copyOut(n, 0, bytes);
    return bytes.length;
  }

  #fstatfs(n: Call): Served {
    const found = this.#behind(n.tid, n.int(0));
    if (!found || (found.inode.type === 'directory' && found.inode.listsHost)) return 'host';
    return copyOut(n, 1, packStatfs(found.path));
  }

  /** A directory's descriptor may come to have a low number. */
  #copied(n: Call): Served {
    const { lookup } = this.#resolver;
    if (!lookup.lowMatters && this.#behind(n.tid, n.int(0))?.inode.type === 'directory') lookup.lowMatters = true;
    return 'host';
  }
}
