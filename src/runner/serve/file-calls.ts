/** System calls on descriptors of the virtual kernel's files: ioctl, positioned reads and writes, mmap, fstat. */
import { Errno, type ErrnoName } from '../../abi/errno.js';
import { O } from '../../abi/fcntl.js';
import type { Caller, EventSignal, OpenFile } from '../../kernel/file/open-file.js';
import { ATTRIBUTE } from '../../kernel/fs/attribute-file.js';
import type { Located } from '../../kernel/fs/file-system.js';
import type { VirtualKernel } from '../../kernel/kernel.js';
import { PlainMemory } from '../../kernel/plain-memory.js';
import { type MemoryFile, unpinnableFile } from '../../memory/memory.js';
import { gather, type Piece } from '../driven/gather.js';
import { takeEventfd } from '../host/eventfd.js';
import { credentials, hasCapability } from '../host/procfs.js';
import { FilePart } from '../memory/file-part.js';
import { copyRemote } from '../memory/remote-memory.js';
import { SharedMemory } from '../memory/shared-memory.js';
import { StrayCalls } from '../observe/stray-calls.js';
import { packStat, packStatx } from '../path/status.js';
import { copyOut } from '../path-calls/resolve.js';
import type { Call, Served } from '../seccomp/call.js';
import type { SyscallName } from '../seccomp/syscalls.js';
import type { FileGiver } from './file-giver.js';
import type { FileIndex } from './file-index.js';
import type { HostFiles } from './host-files.js';
import type { RemoteProcess, Tasks } from './tasks.js';

const MAP_TYPE = 0xf;
const MAP_PRIVATE = 2;
const AT_EMPTY_PATH = 0x1000;
const IOV_MAX = 1024;

type Handler = (notification: Call) => Served;

/** Is an argument of type off_t negative? */
const negative = (value: bigint): boolean => BigInt.asIntN(64, value) < 0n;

/** The thread whose call is being served. */
class RemoteCaller implements Caller {
  readonly #calls: FileCalls;
  readonly #call: Call;
  readonly #process: RemoteProcess;

  constructor(calls: FileCalls, call: Call, process: RemoteProcess) {
    this.#calls = calls;
    this.#call = call;
    this.#process = process;
  }

  get pid() {
    return this.#process.pid;
  }
  get tid() {
    return this.#call.tid;
  }
  get mm() {
    return this.#process.mm;
  }
  get uid() {
    return credentials(this.tid, true).uid;
  }
  capable(capability: number): boolean {
    return hasCapability(this.tid, capability);
  }
  memoryFile(fd: number): MemoryFile {
    const file = this.file(fd);
    return file ? unpinnableFile(file.name) : this.#calls.tasks.shared.open(this.tid, fd);
  }
  file(fd: number): OpenFile | null {
    const place = this.#calls.tasks.inodeOf(this.tid, fd);
    if (!place) throw new Errno('EBADF', `descriptor ${fd} is not open`);
    return this.#calls.index.find(place) ?? null;
  }
  install(file: OpenFile, flags: number): number {
    // A file that is never writable for poll is not for the host either.
    const access = file.immediate && !file.poll().writable ? O.RDONLY : O.RDWR;
    return this.#calls.giver.give(this.#call, file, access | flags, false);
  }
  eventfd(fd: number): EventSignal {
    return takeEventfd(this.#process.pidfd, fd);
  }
}

export interface FileCallsOptions {
  readonly kernel: VirtualKernel;
  readonly tasks: Tasks;
  readonly index: FileIndex;
  readonly files: HostFiles;
  readonly giver: FileGiver;
}

export class FileCalls {
  readonly kernel: VirtualKernel;
  readonly tasks: Tasks;
  readonly index: FileIndex;
  readonly giver: FileGiver;
  readonly strays: StrayCalls;
  readonly #files: HostFiles;

  constructor({ kernel, tasks, index, files, giver }: FileCallsOptions) {
    this.kernel = kernel;
    this.tasks = tasks;
    this.index = index;
    this.giver = giver;
    this.#files = files;
    this.strays = new StrayCalls(kernel);
  }

  handlers(): Partial<Record<SyscallName, Handler>> {
    return {
      ioctl: (n) =>
        this.#serve(n, 'ioctl', (caller, fd, file) => this.kernel.ioctl(caller, fd, file, n.uint(1), n.argument(2))),
      pread64: (n) =>
        this.#serve(n, 'pread64', (caller, fd, file) =>
          this.kernel.pread(caller, fd, file, n.argument(1), n.argument(2), n.argument(3)),
        ),
      pwrite64: (n) =>
        this.#serve(n, 'pwrite64', (caller, fd, file) =>
          this.kernel.pwrite(caller, fd, file, n.argument(1), n.argument(2), n.argument(3)),
        ),
      preadv: (n) => this.#vector(n, false),
      preadv2: (n) => this.#vector(n, false),
      pwritev: (n) => this.#vector(n, true),
      pwritev2: (n) => this.#vector(n, true),
      mmap: (n) => this.#mmap(n),
      fstat: (n) => this.#fstat(n, n.int(0), (found) => copyOut(n, 1, packStat(found))),
      ftruncate: (n) => this.#resize(n, 'EINVAL'),
      fallocate: (n) => {
        const [offset, size] = [n.argument(2), n.argument(3)];
        return this.#resize(n, negative(offset) || negative(size) || size === 0n ? 'EINVAL' : 'ENODEV');
      },
    };
  }

  /** Only attributes have a size; what else is ours is no regular file. */
  #resize(n: Call, code: ErrnoName): Served {
    return this.on(n, n.int(0), (file) => {
      if (file.facet(ATTRIBUTE) === undefined) throw new Errno(code, `${file.name} has no size to change`);
      return 'host';
    });
  }

  /** Does newfstatat or statx mean the descriptor, by an empty path? */
  isEmptyPath(n: Call, name: 'newfstatat' | 'statx'): boolean {
    if (!(n.int(name === 'statx' ? 2 : 3) & AT_EMPTY_PATH)) return false;
    const byte = new Uint8Array(new ArrayBuffer(1));
    // Linux takes a null pointer as an empty path too.
    return n.address(1) === 0 || (copyRemote(n.tid, n.address(1), byte, 1, false) === 1 && byte[0] === 0);
  }

  /** fstat by newfstatat or statx: an empty path. */
  emptyPathStat(n: Call, name: 'newfstatat' | 'statx'): Served {
    return this.#fstat(n, n.int(0), (found) =>
      name === 'statx' ? copyOut(n, 4, packStatx(found)) : copyOut(n, 2, packStat(found)),
    );
  }

  /** Is a thread's descriptor one of a file whose reads or writes are to be handed over? */
  isDriven(tid: number, fd: number): boolean {
    const file = this.find(tid, fd);
    return file !== undefined && this.giver.isDriven(file);
  }

  /** The virtual file behind a thread's descriptor; undefined if it is another kind. */
  find(tid: number, fd: number): OpenFile | undefined {
    if (!this.index.any) return undefined;
    const place = this.tasks.inodeOf(tid, fd);
    return place && this.index.find(place);
  }

  /** Serves a call on the virtual file behind a descriptor; another kind is the host's. */
  on(n: Call, fd: number, act: (file: OpenFile) => Served): Served {
    const file = fd < 0 ? undefined : this.find(n.tid, fd);
    return file ? act(file) : 'host';
  }

  /** The thread that makes a call. */
  caller(n: Call): Caller {
    return new RemoteCaller(this, n, this.tasks.process(n.tid, n.instruction, n.stillWaits));
  }

  /** A call on the descriptor that is its first argument. */
  #serve(n: Call, call: string, act: (caller: Caller, fd: number, file: OpenFile) => number): Served {
    const fd = n.int(0);
    const file = this.find(n.tid, fd);
    if (file) {
      const caller = this.caller(n);
      if (this.kernel.traced) this.strays.seen(caller.pid, fd, file);
      return act(caller, fd, file);
    }
    if (this.strays.any && !this.tasks.inodeOf(n.tid, fd))
      this.strays.closed({ pid: this.tasks.pidOf(n.tid), tid: n.tid }, call, fd);
    return 'host';
  }

  /** preadv and pwritev: one piece after the other, as Linux does for a file without them. */
  #vector(n: Call, write: boolean): Served {
    return this.#serve(n, write ? 'pwritev' : 'preadv', (caller, fd, file) =>
      gather(this.pieces(n), (address, size, done) => {
        const offset = n.argument(3) + BigInt(done);
        return write
          ? this.kernel.pwrite(caller, fd, file, address, size, offset)
          : this.kernel.pread(caller, fd, file, address, size, offset);
      }),
    );
  }

  /** The buffers of an iovec array: the second argument, as many as the third. @throws EINVAL, EFAULT */
  pieces(n: Call): Piece[] {
    const count = n.uint(2);
    if (count > IOV_MAX) throw new Errno('EINVAL', `${count} buffers are more than ${IOV_MAX}`);
    const iovecs = new DataView(new ArrayBuffer(count * 16));
    this.caller(n).mm.copyIn(n.argument(1), new Uint8Array(iovecs.buffer));
    return Array.from({ length: count }, (_, i) => [
      iovecs.getBigUint64(i * 16, true),
      iovecs.getBigUint64(i * 16 + 8, true),
    ]);
  }

  /** Looks whether the region can be mapped; the mapping itself is the host kernel's work. */
  #mmap(n: Call): Served {
    const fd = n.int(4);
    return this.on(n, fd, (file) => {
      const shared = (n.int(3) & MAP_TYPE) !== MAP_PRIVATE;
      const request = { size: n.argument(1), offset: n.argument(5), shared, prot: n.int(2) };
      const { memory, offset } = this.kernel.mmap(this.caller(n), fd, file, request);
      const fileMemory = this.#files.memoryOf(file);
      if (memory instanceof SharedMemory && fileMemory !== undefined)
        memory.moveTo(fileMemory, n.argument(5) - BigInt(offset));
      if (memory instanceof PlainMemory && fileMemory !== undefined)
        memory.moveTo(new FilePart(fileMemory, n.argument(5), memory.size));
      return 'host';
    });
  }

  #fstat(n: Call, fd: number, answer: (found: Located) => Served): Served {
    return this.on(n, fd, ({ name: path }) => {
      const inode = this.kernel.fs.get(path);
      return inode ? answer({ path, inode }) : 'host';
    });
  }
}
