/** Flags of open(2) and of the calls that make a descriptor (asm-generic/fcntl.h): the same on x86-64 and arm64. */
export const O = {
  ACCMODE: 0o3,
  RDONLY: 0,
  WRONLY: 0o1,
  RDWR: 0o2,
  NONBLOCK: 0o4000,
  CLOEXEC: 0o2000000,
} as const;
