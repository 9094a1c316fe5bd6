/**
 * The system calls that the runner takes over, by architecture (arch/x86/entry/syscalls/syscall_64.tbl and
 * include/uapi/asm-generic/unistd.h). A call that an architecture does not have is left out.
 */

/** x86-64 numbers. */
const X86_64 = {
  read: 0,
  write: 1,
  open: 2,
  close: 3,
  stat: 4,
  fstat: 5,
  lstat: 6,
  lseek: 8,
  mmap: 9,
  ioctl: 16,
  pread64: 17,
  pwrite64: 18,
  readv: 19,
  writev: 20,
  access: 21,
  dup: 32,
  dup2: 33,
  sendfile: 40,
  execve: 59,
  wait4: 61,
  fcntl: 72,
  truncate: 76,
  ftruncate: 77,
  getcwd: 79,
  chdir: 80,
  fchdir: 81,
  rename: 82,
  mkdir: 83,
  rmdir: 84,
  exit: 60,
  gettid: 186,
  tgkill: 234,
  creat: 85,
  link: 86,
  unlink: 87,
  symlink: 88,
  readlink: 89,
  chmod: 90,
  chown: 92,
  lchown: 94,
  ptrace: 101,
  mknod: 133,
  statfs: 137,
  fstatfs: 138,
  getxattr: 191,
  lgetxattr: 192,
  listxattr: 194,
  llistxattr: 195,
  getdents64: 217,
  openat: 257,
  mkdirat: 258,
  mknodat: 259,
  fchownat: 260,
  newfstatat: 262,
  unlinkat: 263,
  renameat: 264,
  linkat: 265,
  symlinkat: 266,
  readlinkat: 267,
  fchmodat: 268,
  faccessat: 269,
  splice: 275,
  tee: 276,
  vmsplice: 278,
  utimensat: 280,
  fallocate: 285,
  dup3: 292,
  preadv: 295,
  pwritev: 296,
  execveat: 322,
  preadv2: 327,
  pwritev2: 328,
  renameat2: 316,
  statx: 332,
  io_uring_setup: 425,
  kcmp: 312,
  pidfd_open: 434,
  close_range: 436,
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
  getcwd: 17,
  dup: 23,
  dup3: 24,
  fcntl: 25,
  ioctl: 29,
  mknodat: 33,
  mkdirat: 34,
  unlinkat: 35,
  symlinkat: 36,
  linkat: 37,
  renameat: 38,
  statfs: 43,
  fstatfs: 44,
  truncate: 45,
  ftruncate: 46,
  fallocate: 47,
  faccessat: 48,
  chdir: 49,
  fchdir: 50,
  fchmodat: 53,
  fchownat: 54,
  openat: 56,
  close: 57,
  getdents64: 61,
  lseek: 62,
  read: 63,
  write: 64,
  readv: 65,
  writev: 66,
  pread64: 67,
  pwrite64: 68,
  preadv: 69,
  pwritev: 70,
  sendfile: 71,
  vmsplice: 75,
  splice: 76,
  tee: 77,
  readlinkat: 78,
  newfstatat: 79,
  fstat: 80,
  utimensat: 88,
  ptrace: 117,
  exit: 93,
  tgkill: 131,
  gettid: 178,
  execve: 221,
  mmap: 222,
  wait4: 260,
  renameat2: 276,
  seccomp: 277,
  execveat: 281,
  preadv2: 286,
  pwritev2: 287,
  statx: 291,
  io_uring_setup: 425,
  kcmp: 272,
  pidfd_open: 434,
  close_range: 436,
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
