/**
 * The seccomp filter: a BPF program that hands over the calls that may concern us, and lets everything else run at full
 * speed (Documentation/userspace-api/seccomp_filter.rst; struct seccomp_data in linux/seccomp.h).
 */
import { KVM_DEVICE_IOCTLS, KVM_VM_IOCTLS, KVMIO } from '../../abi/kvm.js';
import { VFIO_TYPE } from '../../abi/vfio.js';
import type { Architecture, SyscallName } from './syscalls.js';

const ALLOW = 0x7fff0000;
const USER_NOTIF = 0x7fc00000;
const ERRNO_ENOSYS = 0x00050000 | 38;

// BPF instructions: load a word, mask it, compare it, return (linux/filter.h).
const LD = 0x20;
const AND = 0x54;
const JEQ = 0x15;
const JGE = 0x35;
const JSET = 0x45;
const RET = 0x06;

/** Offset of a word of struct seccomp_data. */
const NR = 0;
const ARCH = 4;
const lowWord = (argument: number): number => 16 + argument * 8;
const highWord = (argument: number): number => lowWord(argument) + 4;

/** Calls that always go to the supervisor. */
const ALWAYS: readonly SyscallName[] = [
  ...(['open', 'openat', 'openat2', 'creat', 'stat', 'lstat', 'newfstatat', 'statx', 'fstat'] as const),
  ...(['access', 'faccessat', 'faccessat2', 'readlink', 'readlinkat', 'execve', 'execveat'] as const),
  ...(['chmod', 'fchmodat', 'fchmodat2', 'chown', 'lchown', 'fchownat', 'utimensat', 'truncate'] as const),
  ...(['chdir', 'getcwd', 'statfs', 'mkdir', 'mkdirat', 'mknod', 'mknodat', 'symlink', 'symlinkat'] as const),
  ...(['link', 'linkat', 'unlink', 'unlinkat', 'rmdir', 'rename', 'renameat', 'renameat2'] as const),
  ...(['getxattr', 'lgetxattr', 'listxattr', 'llistxattr', 'preadv', 'pwritev', 'preadv2', 'pwritev2'] as const),
  ...(['ftruncate', 'fallocate', 'pidfd_getfd'] as const),
];

/** Calls on driven descriptors, beside read and write. */
const ON_HIGH: readonly SyscallName[] = [
  ...(['getdents64', 'lseek', 'fchdir', 'fstatfs', 'dup', 'dup2', 'dup3', 'fcntl', 'vmsplice'] as const),
];
/** Calls on two descriptors, and which argument the second one is; the first is the first. */
const BETWEEN = { sendfile: 1, tee: 1, splice: 2 } as const;

const MAP_ANONYMOUS = 0x20;
/** What the dynamic linker sets where it maps a library: nobody else does. */
const MAP_DENYWRITE = 0x800;
/** File offsets from 2^40 on belong to regions of a device; BAR0 is at 0 and, as a rule, small. */
const REGION_HIGH = 0x100;
/** Bytes of a small BAR0: beyond them the host answers, so that programs read their own files at full speed. */
export const SMALL_BAR0 = 0x10000;

export interface FilterOptions {
  /** Let io_uring_setup through; its operations pass by the filter. */
  readonly ioUring: boolean;
  /** Descriptors from this number on are driven: reading and writing them is handed over. */
  readonly firstDriven: number;
  /** A device has a BAR0 above SMALL_BAR0: positioned reads and writes are handed over at every offset. */
  readonly largeBar0: boolean;
  /** /dev/kvm is the host's: of its calls, only those that concern a VM's kvm-vfio device are handed over. */
  readonly hostKvm: boolean;
}

/** What makes a VM's kvm-vfio device, and its attributes. */
const KVM_VFIO = [KVM_VM_IOCTLS.CREATE_DEVICE, ...Object.values(KVM_DEVICE_IOCTLS)];

/** One instruction; a jump names its target as a label or falls through. */
type Step = { code: number; value: number; yes?: string; no?: string } | { label: string };

const ld = (offset: number): Step => ({ code: LD, value: offset });
const ret = (value: number): Step => ({ code: RET, value });

/** The filter's instructions, 8 bytes each (struct sock_filter). */
export function buildFilter(architecture: Architecture, options: FilterOptions): Uint8Array {
  const { audit, numbers } = architecture;
  const jump = (name: SyscallName, target: string): Step[] => {
    const nr = numbers[name];
    return nr === undefined ? [] : [{ code: JEQ, value: nr, yes: target }];
  };
  return assemble([
    ld(ARCH),
    { code: JEQ, value: audit, no: 'allow' },
    ld(NR),
    ...jump('ioctl', 'ioctl'),
    ...jump('mmap', 'mmap'),
    ...jump('pread64', 'pread'),
    ...jump('pwrite64', 'pread'),
    ...jump('read', 'read'),
    ...jump('write', 'read'),
    ...jump('readv', 'read'),
    ...jump('writev', 'read'),
    ...(options.ioUring ? [] : jump('io_uring_setup', 'enosys')),
    ...ON_HIGH.flatMap((name) => jump(name, 'read')),
    ...Object.entries(BETWEEN).flatMap(([name, second]) => jump(name as keyof typeof BETWEEN, `second ${second}`)),
    ...ALWAYS.flatMap((name) => jump(name, 'notify')),
    ret(ALLOW),

    // ioctl: the type byte of the request is ';' or KVMIO.
    { label: 'ioctl' },
    ld(lowWord(1)),
    ...(options.hostKvm ? KVM_VFIO.map(({ request }): Step => ({ code: JEQ, value: request, yes: 'notify' })) : []),
    { code: AND, value: 0xff00 },
    ...(options.hostKvm ? [] : [{ code: JEQ, value: KVMIO << 8, yes: 'notify' }]),
    { code: JEQ, value: VFIO_TYPE << 8, yes: 'notify', no: 'allow' },

    // mmap: of a file, but not of a library.
    { label: 'mmap' },
    ld(lowWord(3)),
    { code: JSET, value: MAP_ANONYMOUS | MAP_DENYWRITE, yes: 'allow', no: 'notify' },

    // read, write: of a driven descriptor; a negative one is the host's to refuse.
    { label: 'read' },
    ld(lowWord(0)),
    { code: JGE, value: 0x8000_0000, yes: 'allow' },
    { code: JGE, value: options.firstDriven, yes: 'notify', no: 'allow' },

    // splice and its like: to or from a driven descriptor.
    ...[1, 2].flatMap((second): Step[] => [
      { label: `second ${second}` },
      ld(lowWord(0)),
      { code: JGE, value: options.firstDriven, yes: 'notify' },
      ld(lowWord(second)),
      { code: JGE, value: options.firstDriven, yes: 'notify', no: 'allow' },
    ]),

    // pread64, pwrite64: at an offset where regions are.
    { label: 'pread' },
    ...(options.largeBar0 ? [] : smallRegions),
    { label: 'notify' },
    ret(USER_NOTIF),
    { label: 'allow' },
    ret(ALLOW),
    { label: 'enosys' },
    ret(ERRNO_ENOSYS),
  ]);
}

/** Passes on at offsets of regions only, if BAR0 is small. */
const smallRegions: readonly Step[] = [
  ld(highWord(3)),
  { code: JGE, value: REGION_HIGH, yes: 'notify' },
  { code: JGE, value: 1, yes: 'allow' },
  ld(lowWord(3)),
  { code: JGE, value: SMALL_BAR0, yes: 'allow' },
];

/** Resolves labels into relative jumps. */
function assemble(steps: readonly Step[]): Uint8Array {
  const labels = new Map<string, number>();
  let count = 0;
  for (const step of steps) {
    if ('label' in step) labels.set(step.label, count);
    else count++;
  }
  const view = new DataView(new ArrayBuffer(count * 8));
  let index = 0;
  for (const step of steps) {
    if ('label' in step) continue;
    const distance = (label: string | undefined): number => {
      const jump = label === undefined ? 0 : (labels.get(label) ?? -1) - index - 1;
      if (jump < 0 || jump > 255) throw new Error(`jump to ${label} out of range`);
      return jump;
    };
    view.setUint16(index * 8, step.code, true);
    view.setUint8(index * 8 + 2, distance(step.yes));
    view.setUint8(index * 8 + 3, distance(step.no));
    view.setUint32(index * 8 + 4, step.value, true);
    index++;
  }
  return new Uint8Array(view.buffer);
}
