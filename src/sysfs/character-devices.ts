/**
 * Directories of character devices: below /sys/devices, with their links in /sys/class and /sys/dev/char
 * (drivers/base/core.c, device_add).
 */
import type { FileSystem } from '../kernel/fs/file-system.js';
import { checkAction, powerDirectory } from './function-directory.js';
import { both, fill, linkTo, shown } from './nodes.js';

export interface CharacterDevice {
  readonly class: 'misc' | 'vfio' | 'vfio-dev';
  /** Name in the class. */
  readonly name: string;
  /** As DEVNAME tells it: the path below /dev. */
  readonly node: string;
  readonly major: number;
  readonly minor: number;
  /** Directory of the device that it belongs to; not given: it is virtual. */
  readonly parent?: string;
}

const numberOf = ({ major, minor }: CharacterDevice): string => `${major}:${minor}`;

function pathOf({ class: kind, name, parent }: CharacterDevice): string {
  return `${parent ?? '/sys/devices/virtual'}/${kind}/${name}`;
}

export function addCharacterDevice(fs: FileSystem, device: CharacterDevice): void {
  const at = pathOf(device);
  const { major, minor, node, class: kind, name, parent } = device;
  const directory = fs.directory(at);
  fill(directory, {
    dev: shown(() => numberOf(device)),
    uevent: both(() => `MAJOR=${major}\nMINOR=${minor}\nDEVNAME=${node}`, checkAction),
    subsystem: linkTo(`${at}/subsystem`, `/sys/class/${kind}`),
    ...(parent !== undefined && { device: linkTo(`${at}/device`, parent) }),
  });
  directory.add('power', powerDirectory());
  for (const link of [`/sys/class/${kind}/${name}`, `/sys/dev/char/${numberOf(device)}`])
    fs.add(link, linkTo(link, at));
}

export function removeCharacterDevice(fs: FileSystem, device: CharacterDevice): void {
  const { class: kind, name, parent } = device;
  fs.remove(pathOf(device));
  // The class's directory below a device is there as long as it has a device of the class.
  if (parent !== undefined) fs.remove(`${parent}/${kind}`);
  fs.remove(`/sys/class/${kind}/${name}`);
  fs.remove(`/sys/dev/char/${numberOf(device)}`);
}
