/**
 * The system calls that the runner takes over, by architecture (arch/x86/entry/syscalls/syscall_64.tbl and
 * include/uapi/asm-generic/unistd.h). A call that an architecture does not have is left out.
 */

/** x86-64 numbers. */
const X86_64 = {
  read: 0,
  write: 1,
  open: 2,
  stat: 4,
  fstat: 5,
  lstat: 6,
  mmap: 9,
  ioctl: 16,
  pread64: 17,
  pwrite64: 18,
  readv: 19,
  writev: 20,
  access: 21,
  execve: 59,
  exit: 60,
  gettid: 186,
  tgkill: 234,
  creat: 85,
  readlink: 89,
  chmod: 90,
  chown: 92,
  lchown: 94,
  getxattr: 191,
  lgetxattr: 192,
  listxattr: 194,
  llistxattr: 195,
  openat: 257,
  fchownat: 260,
  newfstatat: 262,
  readlinkat: 267,
  fchmodat: 268,
  faccessat: 269,
  preadv: 295,
  pwritev: 296,
  execveat: 322,
  preadv2: 327,
  pwritev2: 328,
  statx: 332,
  io_uring_setup: 425,
  pidfd_open: 434,
  openat2: 437,
  pidfd_getfd: 438,
  faccessat2: 439,
  fchmodat2: 452,
  seccomp: 317,
} as const;

export type SyscallName = keyof typeof X86_64;

const ARM64: Partial<Record<SyscallName, number>> = {
  getxattr: 8,
  lgetxattr: 9,
  listxattr: 11,
  llistxattr: 12,
  ioctl: 29,
  faccessat: 48,
  fchmodat: 53,
  fchownat: 54,
  openat: 56,
  read: 63,
  write: 64,
  readv: 65,
  writev: 66,
  pread64: 67,
  pwrite64: 68,
  preadv: 69,
  pwritev: 70,
  readlinkat: 78,
  newfstatat: 79,
  fstat: 80,
  exit: 93,
  tgkill: 131,
  gettid: 178,
  execve: 221,
  mmap: 222,
  seccomp: 277,
  execveat: 281,
  preadv2: 286,
  pwritev2: 287,
  statx: 291,
  io_uring_setup: 425,
  pidfd_open: 434,
  openat2: 437,
  pidfd_getfd: 438,
  faccessat2: 439,
  fchmodat2: 452,
};

export interface Architecture {
  /** AUDIT_ARCH_* of linux/audit.h: how seccomp names it. */
  readonly audit: number;
  readonly numbers: Partial<Record<SyscallName, number>>;
  /** Where the fields of struct stat are, bytes. */
  readonly stat: StatLayout;
}

interface StatLayout {
  readonly size: number;
  readonly nlink: number;
  /** Width of st_nlink, bytes. */
  readonly nlinkSize: 4 | 8;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly blksize: number;
}

const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  x64: {
    audit: 0xc000003e,
    numbers: X86_64,
    stat: { size: 144, nlink: 16, nlinkSize: 8, mode: 24, uid: 28, gid: 32, rdev: 40, blksize: 56 },
  },
  arm64: {
    audit: 0xc00000b7,
    numbers: ARM64,
    stat: { size: 128, nlink: 20, nlinkSize: 4, mode: 16, uid: 24, gid: 28, rdev: 32, blksize: 56 },
  },
};

/** The architecture that Node runs on. @throws Error that says which there are */
export function hostArchitecture(): Architecture {
  const found = ARCHITECTURES[process.arch];
  if (!found) throw new Error(`the runner knows ${Object.keys(ARCHITECTURES).join(' and ')}, not ${process.arch}`);
  return found;
}

/** The number of a call here; -1 if the architecture does not have it. */
export function numberOf(name: SyscallName): number {
  return hostArchitecture().numbers[name] ?? -1;
}
