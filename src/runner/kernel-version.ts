/** Which Linux the runner needs, and which this host has (uname(2)). */
import { release } from 'node:os';
import { seeCheck } from './host/limits.js';

/** The check of `ioasid doctor` that tells of the kernel. */
export const KERNEL_CHECK = 'Linux';

/** The first Linux that answers a call with a descriptor in one step: SECCOMP_ADDFD_FLAG_SEND, of 5.14. */
export const OLDEST = 'Linux 5.14 or newer';

/** Is it at least this version? @param version as uname(2) has it */
export function kernelAtLeast(major: number, minor: number, version: string = release()): boolean {
  const [a = 0, b = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return a > major || (a === major && b >= minor);
}

/** @param version as uname(2) has it @throws Error names what an older kernel lacks */
export function requireKernel(version: string = release()): void {
  if (kernelAtLeast(5, 14, version)) return;
  throw new Error(
    `exec needs ${OLDEST}, this is ${version}, which cannot answer a call with a descriptor in one step ` +
      `(SECCOMP_ADDFD_FLAG_SEND); ${seeCheck(KERNEL_CHECK)}`,
  );
}
