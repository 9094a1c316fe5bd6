/**
 * The C library, as the runner calls it: declared once, with raw addresses, so that a call costs a fraction of a
 * microsecond. This is the one place that crosses into C. What must hold: an address passed here points to memory that
 * lives at least as long as the call; addressOf() gives such addresses for typed arrays that are still referenced.
 */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** koffi's native part, from where npm puts it: koffi's own search for it takes longer than all else that loads it. */
function loadKoffi(): typeof import('koffi') {
  try {
    return require(`@koromix/koffi-linux-${process.arch}/linux_${process.arch}/koffi.node`);
  } catch {
    return require('koffi');
  }
}

const koffi = loadKoffi();
const c = koffi.load(null);

type Raw = number | bigint;
export const libc = {
  poll: c.func('int poll(uintptr_t, unsigned long, int)') as (fds: Raw, count: number, timeout: number) => number,
  ioctl: c.func('int ioctl(int, unsigned long, uintptr_t)') as (fd: number, request: number, argument: Raw) => number,
  close: c.func('int close(int)') as (fd: number) => number,
  read: c.func('int64_t read(int, uintptr_t, size_t)') as (fd: number, to: Raw, size: number) => number,
  write: c.func('int64_t write(int, uintptr_t, size_t)') as (fd: number, from: Raw, size: number) => number,
  pread: c.func('int64_t pread(int, uintptr_t, size_t, int64_t)') as (
    fd: number,
    to: Raw,
    size: number,
    offset: Raw,
  ) => number,
  pwrite: c.func('int64_t pwrite(int, uintptr_t, size_t, int64_t)') as (
    fd: number,
    from: Raw,
    size: number,
    offset: Raw,
  ) => number,
  openat: c.func('int openat(int, uintptr_t, int, int)') as (
    directory: number,
    path: Raw,
    flags: number,
    mode: number,
  ) => number,
  readlinkat: c.func('int64_t readlinkat(int, uintptr_t, uintptr_t, size_t)') as (
    directory: number,
    path: Raw,
    to: Raw,
    size: number,
  ) => number,
  process_vm_readv: c.func(
    'int64_t process_vm_readv(int, uintptr_t, unsigned long, uintptr_t, unsigned long, unsigned long)',
  ) as (pid: number, local: Raw, locals: number, remote: Raw, remotes: number, flags: number) => number,
  process_vm_writev: c.func(
    'int64_t process_vm_writev(int, uintptr_t, unsigned long, uintptr_t, unsigned long, unsigned long)',
  ) as (pid: number, local: Raw, locals: number, remote: Raw, remotes: number, flags: number) => number,
  mmap: c.func('uintptr_t mmap(uintptr_t, size_t, int, int, int, int64_t)') as (
    address: Raw,
    size: number,
    protection: number,
    flags: number,
    fd: number,
    offset: Raw,
  ) => number,
  sched_yield: c.func('int sched_yield()') as () => number,
  memfd_create: c.func('int memfd_create(const char *, unsigned int)') as (name: string, flags: number) => number,
  lseek: c.func('int64_t lseek(int, int64_t, int)') as (fd: number, offset: bigint, whence: number) => number,
  ftruncate: c.func('int ftruncate(int, int64_t)') as (fd: number, size: Raw) => number,
  fallocate: c.func('int fallocate(int, int, int64_t, int64_t)') as (
    fd: number,
    mode: number,
    offset: Raw,
    size: Raw,
  ) => number,
  capget: c.func('int capget(uintptr_t, uintptr_t)') as (header: Raw, data: Raw) => number,
  fstatfs: c.func('int fstatfs(int, uintptr_t)') as (fd: number, to: Raw) => number,
  fcntl: c.func('int fcntl(int, int, int64_t)') as (fd: number, command: number, argument: Raw) => number,
  inotify_init1: c.func('int inotify_init1(int)') as (flags: number) => number,
  inotify_add_watch: c.func('int inotify_add_watch(int, const char *, uint32_t)') as (
    fd: number,
    path: string,
    mask: number,
  ) => number,
  inotify_rm_watch: c.func('int inotify_rm_watch(int, int)') as (fd: number, watch: number) => number,
  epoll_create1: c.func('int epoll_create1(int)') as (flags: number) => number,
  epoll_ctl: c.func('int epoll_ctl(int, int, int, uintptr_t)') as (
    epoll: number,
    op: number,
    fd: number,
    event: Raw,
  ) => number,
  epoll_wait: c.func('int epoll_wait(int, uintptr_t, int, int)') as (
    epoll: number,
    events: Raw,
    max: number,
    timeout: number,
  ) => number,
  eventfd: c.func('int eventfd(unsigned int, int)') as (value: number, flags: number) => number,
  pipe2: c.func('int pipe2(uintptr_t, int)') as (fds: Raw, flags: number) => number,
  prctl: c.func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)') as (
    op: number,
    a: Raw,
    b: Raw,
    c: Raw,
    d: Raw,
  ) => number,
  prlimit: c.func('int prlimit64(int, int, uintptr_t, uintptr_t)') as (
    pid: number,
    resource: number,
    set: Raw,
    get: Raw,
  ) => number,
  syscall: c.func('int64_t syscall(int64_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t)') as (
    number: number,
    a: Raw,
    b: Raw,
    c: Raw,
    d: Raw,
    e: Raw,
  ) => number,
  signal: c.func('uintptr_t signal(int, uintptr_t)') as (signal: number, handler: Raw) => Raw,
  waitpid: c.func('int waitpid(int, uintptr_t, int)') as (pid: number, status: Raw, options: number) => number,
  posix_spawn: c.func('int posix_spawn(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t)') as (
    ...args: number[]
  ) => number,
  posix_spawnattr_init: c.func('int posix_spawnattr_init(uintptr_t)') as (attributes: Raw) => number,
  posix_spawnattr_setflags: c.func('int posix_spawnattr_setflags(uintptr_t, short)') as (
    attributes: Raw,
    flags: number,
  ) => number,
  posix_spawnattr_setsigdefault: c.func('int posix_spawnattr_setsigdefault(uintptr_t, uintptr_t)') as (
    attributes: Raw,
    signals: Raw,
  ) => number,
  posix_spawnattr_setsigmask: c.func('int posix_spawnattr_setsigmask(uintptr_t, uintptr_t)') as (
    attributes: Raw,
    signals: Raw,
  ) => number,
  flock: c.func('int flock(int, int)') as (fd: number, operation: number) => number,
  dup3: c.func('int dup3(int, int, int)') as (from: number, to: number, flags: number) => number,
  kill: c.func('int kill(int, int)') as (pid: number, signal: number) => number,
  dup: c.func('int dup(int)') as (fd: number) => number,
  exit: c.func('void _exit(int)') as (status: number) => void,
  strerror: c.func('const char *strerror(int)') as (errno: number) => string,
};

/** Descriptor of the poll set of Node's event loop. */
export function uvBackend(): number {
  const loop: Raw = c.func('uintptr_t uv_default_loop()')();
  return c.func('int uv_backend_fd(uintptr_t)')(loop);
}

/** What a call on another thread came to. */
export interface Outcome {
  readonly result: number;
  /** That thread's errno after the call. */
  readonly errno: number;
}

/** Makes one of the calls above on a thread of Node's pool. */
export function onPool<A extends unknown[]>(call: (...args: A) => number, ...args: A): Promise<Outcome> {
  const able = call as typeof call & { async(...args: [...A, (error: Error | null, result: number) => void]): void };
  return new Promise((resolve) => {
    able.async(...args, (_error, result) => resolve({ result, errno: errno() }));
  });
}

/** errno of the last call here. */
export function errno(): number {
  return koffi.errno();
}

/** A failed call of the runner itself, with the system's words. */
export class LibcError extends Error {
  readonly errno: number;
  constructor(what: string, number = errno()) {
    super(`${what}: ${libc.strerror(number)}`);
    this.name = 'LibcError';
    this.errno = number;
  }
}

/** Passes a result on, or throws what errno says. */
export function check(result: number, what: string): number {
  if (result < 0) throw new LibcError(what);
  return result;
}

const bases = new WeakMap<ArrayBufferLike, number>();

/** Memory that stays mapped, as bytes. */
export function viewOf(address: number, size: number): DataView {
  return new DataView(koffi.view(address, size));
}

/** The address of the first byte. It stays the same as long as the array's buffer lives. */
export function addressOf(bytes: Uint8Array | DataView): number {
  const { buffer } = bytes;
  let base = bases.get(buffer);
  if (base === undefined) {
    base = Number(koffi.address(new Uint8Array(buffer)));
    bases.set(buffer, base);
  }
  return base + bytes.byteOffset;
}

/** A zero-terminated string in memory of its own. */
export function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

/** A pointer-sized array of addresses in memory of its own. */
export function pointers(addresses: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(addresses.length * 8));
  addresses.forEach((address, i) => {
    view.setBigUint64(i * 8, BigInt(address), true);
  });
  return new Uint8Array(view.buffer);
}
