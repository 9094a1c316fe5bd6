/** What is tried: each served call of a run fails once with each error that the call can plausibly give. */
import type { ErrnoName } from '../abi/errno.js';

/** One served call of the run without failures. */
export interface ServedCall {
  /** Position among the served calls, from 1. */
  readonly nth: number;
  /** Name of the ioctl, or of the system call. */
  readonly name: string;
  readonly file: string;
}

/** What a trial does to the n-th served call. */
export interface Trial {
  readonly call: ServedCall;
  /** The error it is refused with, or the device that vanishes before it. */
  readonly effect: { readonly errno: ErrnoName } | { readonly unplug: string };
}

/**
 * Errors by what a call is: those that Linux documents and that a program meets in the field, not every one that is
 * possible (open(2), ioctl_list(2), linux/vfio.h, linux/iommufd.h).
 */
const PLAUSIBLE: readonly (readonly [RegExp, readonly ErrnoName[]])[] = [
  [/^open/, ['ENOENT', 'EACCES', 'EBUSY', 'EMFILE']],
  [/^mmap/, ['ENOMEM', 'EINVAL']],
  [/^(read|pread|write|pwrite)/, ['EIO', 'EAGAIN']],
  [/GET_DEVICE_FD|_FD$|FAULT_QUEUE|VEVENTQ/, ['EMFILE', 'ENODEV', 'ENOMEM']],
  [/CHECK_EXTENSION|GET_API_VERSION/, ['EINVAL']],
  [/UNMAP/, ['EINVAL', 'ENOENT']],
  [/MAP|COPY|REGISTER_MEMORY/, ['ENOMEM', 'EFAULT', 'EEXIST', 'ENOSPC']],
  [/ALLOC|CREATE/, ['ENOMEM', 'ENODEV', 'EOPNOTSUPP']],
  [/BIND|SET_CONTAINER/, ['EBUSY', 'EPERM', 'EINVAL']],
  [/ATTACH|SET_IOMMU/, ['EBUSY', 'EINVAL', 'ENOMEM']],
  [/SET_IRQS/, ['EINVAL', 'ENOSPC', 'ENOMEM']],
  [/RESET/, ['EAGAIN', 'ENODEV']],
  [/INFO|RANGES/, ['EINVAL', 'EFAULT']],
];
const OTHERWISE: readonly ErrnoName[] = ['EIO', 'EINVAL'];

/** The errors that a call is tried with. */
export function plausible(name: string): readonly ErrnoName[] {
  return PLAUSIBLE.find(([pattern]) => pattern.test(name))?.[1] ?? OTHERWISE;
}

/** A device that a file name names: vfioN. */
function deviceOf(file: string): string | undefined {
  return /^\/dev\/vfio\/devices\/([^/]+)$/.exec(file)?.[1];
}

/**
 * All trials of a run, call by call: each plausible error, then the surprise removal of each device that the run has
 * opened by then.
 */
export function plan(calls: readonly ServedCall[]): Trial[] {
  const trials: Trial[] = [];
  const devices = new Set<string>();
  for (const call of calls) {
    for (const errno of plausible(call.name)) trials.push({ call, effect: { errno } });
    for (const device of devices) trials.push({ call, effect: { unplug: device } });
    const opened = deviceOf(call.file);
    if (opened !== undefined) devices.add(opened);
  }
  return trials;
}

/** The trial as `--inject` takes it. */
export function ruleOf({ call, effect }: Trial): string {
  return `*:${'errno' in effect ? effect.errno : `unplug=${effect.unplug}`},nth=${call.nth}`;
}

/** The trial for a person. */
export function told({ call, effect }: Trial): string {
  const what = 'errno' in effect ? effect.errno : `${effect.unplug} vanishes`;
  return `call ${call.nth}, ${call.name} on ${call.file}: ${what}`;
}
