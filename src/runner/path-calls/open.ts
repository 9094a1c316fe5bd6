/** open(2), openat2(2) and their kin on paths of the tree. */
import { closeSync, constants } from 'node:fs';
import { Errno } from '../../abi/errno.js';
import { O } from '../../abi/fcntl.js';
import type { DirectoryInode } from '../../kernel/fs/inode.js';
import { MAY, permit } from '../../kernel/fs/permission.js';
import { credentials } from '../host/procfs.js';
import { copyRemote } from '../memory/remote-memory.js';
import { giveDriven, pathDescriptor } from '../path/descriptors.js';
import { hostOpen } from '../path/host-calls.js';
import { AT_FDCWD, type LookupOptions } from '../path/lookup.js';
import type { Call, Served } from '../seccomp/call.js';
import type { SyscallName } from '../seccomp/syscalls.js';
import { type Handler, inPlaceOf, type Resolver } from './resolve.js';

// Architectures differ in these; Node knows its own.
const { O_CREAT, O_EXCL, O_DIRECTORY, O_NOFOLLOW } = constants;
const O_PATH = 0o10000000;
/** __O_TMPFILE, without O_DIRECTORY. */
const TMPFILE = 0o20000000;
/** What a descriptor of a directory keeps of the flags. */
const DIRECTORY_FLAGS = O.NONBLOCK | O_DIRECTORY;
/** struct open_how: flags, mode, resolve. */
const OPEN_HOW = 24;
const RESOLVE = { NO_XDEV: 1, NO_MAGICLINKS: 2, NO_SYMLINKS: 4, BENEATH: 8, IN_ROOT: 0x10, CACHED: 0x20 } as const;
const ALL_RESOLVE = 0x3f;

export class OpenCalls {
  readonly #resolver: Resolver;

  constructor(resolver: Resolver) {
    this.#resolver = resolver;
  }

  handlers(): Partial<Record<SyscallName, Handler>> {
    return {
      open: (n) => this.#open(n, AT_FDCWD, 0, n.int(1), n.int(2)),
      creat: (n) => this.#open(n, AT_FDCWD, 0, O_CREAT | O.WRONLY | constants.O_TRUNC, n.int(1)),
      openat: (n) => this.#open(n, n.int(0), 1, n.int(2), n.int(3)),
      openat2: (n) => this.#openat2(n),
    };
  }

  #openat2(n: Call): Served {
    const size = n.uint(3);
    const how = new DataView(new ArrayBuffer(OPEN_HOW));
    // What is wrong with the struct is the host's to say: it looks at it before it looks at the path.
    if (size !== OPEN_HOW || copyRemote(n.tid, n.address(2), new Uint8Array(how.buffer), OPEN_HOW, false) !== OPEN_HOW)
      return 'host';
    const [flags, mode, resolve] = [0, 8, 16].map((at) => Number(how.getBigUint64(at, true))) as [
      number,
      number,
      number,
    ];
    if (flags > 0x7fffffff || resolve > ALL_RESOLVE) return 'host';
    if (resolve & RESOLVE.BENEATH && resolve & RESOLVE.IN_ROOT) return 'host';
    const within = resolve & RESOLVE.BENEATH ? 'beneath' : resolve & RESOLVE.IN_ROOT ? 'root' : undefined;
    return this.#open(n, n.int(0), 1, flags, mode, {
      within,
      noLinks: (resolve & RESOLVE.NO_SYMLINKS) !== 0,
      noMagic: (resolve & RESOLVE.NO_MAGICLINKS) !== 0,
      noMounts: (resolve & RESOLVE.NO_XDEV) !== 0,
    });
  }

  #open(
    n: Call,
    directory: number,
    argument: number,
    flags: number,
    mode: number,
    how: Omit<LookupOptions, 'follow'> = {},
  ): Served {
    const exclusive = (flags & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL);
    const follow = (flags & O_NOFOLLOW) === 0 && !exclusive;
    const { lookup } = this.#resolver;
    const found = lookup.find(n, directory, argument, { ...how, follow });
    if (!found) return 'host';
    if (found.kind === 'host') return found.moved ? this.#openHost(n, found.path, flags, mode) : 'host';
    this.#resolver.current = found.path;
    if (found.kind === 'missing') {
      if (!(flags & O_CREAT)) throw new Errno('ENOENT', `${found.path} does not exist on this machine`);
      throw new Errno('EACCES', `${found.path}: no file can be made there`);
    }
    const { path, inode } = found;
    if (exclusive) throw new Errno('EEXIST', `${path} exists`);
    if (inode.type === 'directory') return this.#openDirectory(n, path, inode, flags, found.moved);
    if (flags & O_DIRECTORY) throw new Errno('ENOTDIR', `${path} is no directory`);
    // O_PATH of a file or a link: a descriptor that names it, and can neither be read nor written.
    if (flags & O_PATH) return this.#give(n, pathDescriptor(path), flags);
    const file = this.#resolver.kernel.open(found, flags, credentials(n.tid));
    return this.#resolver.services.give(n, file, flags & (O.ACCMODE | O.NONBLOCK | O.CLOEXEC));
  }

  /** A path of the host that only we can find. */
  #openHost(n: Call, path: string, flags: number, mode: number): Served {
    inPlaceOf(n, path);
    const fd = hostOpen(path, flags & ~(O_PATH | O_NOFOLLOW), mode);
    if (fd < 0) return fd;
    const given = n.addDescriptor(fd, { cloexec: (flags & O.CLOEXEC) !== 0, send: true });
    closeSync(fd);
    return given < 0 ? given : 'done';
  }

  #openDirectory(n: Call, path: string, directory: DirectoryInode, flags: number, moved: boolean): Served {
    const { lookup } = this.#resolver;
    const { directories } = lookup;
    const at = directories.onHost(path, directory);
    if ((flags & TMPFILE) !== 0 && at === path && !moved) return 'host';
    if ((flags & O.ACCMODE) !== O.RDONLY && !(flags & O_PATH)) throw new Errno('EISDIR', `${path} is a directory`);
    if (flags & O_CREAT) throw new Errno('EISDIR', `${path} is a directory`);
    if (!(flags & O_PATH)) permit(path, directory, credentials(n.tid), MAY.READ);
    // ADDFD takes no O_PATH descriptor: an ordinary one can do all that it could.
    const fd = hostOpen(at, (flags & DIRECTORY_FLAGS) | O_DIRECTORY, 0);
    if (fd < 0) return fd;
    try {
      const { firstDriven } = lookup;
      const given = giveDriven(n, fd, (flags & O.CLOEXEC) !== 0, firstDriven);
      directories.opened(n.tid, given);
      if (given < firstDriven) lookup.lowMatters = true;
      return 'done';
    } finally {
      closeSync(fd);
    }
  }

  /** Gives the caller a descriptor of ours, and closes it. */
  #give(n: Call, fd: number, flags: number): 'done' {
    try {
      giveDriven(n, fd, (flags & O.CLOEXEC) !== 0, this.#resolver.lookup.firstDriven);
      return 'done';
    } finally {
      closeSync(fd);
    }
  }
}
