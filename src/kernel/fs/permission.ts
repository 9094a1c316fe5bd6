/**
 * Who may do what to an inode: the permission check of path_resolution(7), and the rules of chmod(2) and chown(2), with
 * the capabilities that override them (capabilities(7)).
 */
import { Errno } from '../../abi/errno.js';
import type { Inode } from './inode.js';

/** Numbers of linux/capability.h. */
export const CAP = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  DAC_READ_SEARCH: 2,
  FOWNER: 3,
  FSETID: 4,
  IPC_LOCK: 14,
  SYS_RAWIO: 17,
  SYS_ADMIN: 21,
  SYS_RESOURCE: 24,
} as const;

/** Who makes a system call, as file systems see it. */
export interface Credentials {
  /** The file-system user id. */
  readonly uid: number;
  /** The file-system group id, then the supplementary groups. */
  readonly gids: readonly number[];
  /** The effective capabilities, one bit each. */
  readonly capabilities: bigint;
}

export const ROOT: Credentials = { uid: 0, gids: [0], capabilities: (1n << 41n) - 1n };

/** Permission bits of access(2). */
export const MAY = { EXEC: 1, WRITE: 2, READ: 4 } as const;

export function capable(who: Credentials, capability: number): boolean {
  return ((who.capabilities >> BigInt(capability)) & 1n) === 1n;
}

/**
 * The permission check: the first of owner, group and others that fits decides, then the capabilities.
 * @param want bits of MAY
 * @param path names the inode in the sentence
 * @throws EACCES
 */
export function permit(path: string, inode: Inode, who: Credentials, want: number): void {
  const shift = who.uid === inode.uid ? 6 : who.gids.includes(inode.gid) ? 3 : 0;
  if (((inode.mode >> shift) & want) === want) return;
  const directory = inode.type === 'directory';
  // Nobody executes what no one may execute; every directory can be searched.
  if (capable(who, CAP.DAC_OVERRIDE) && (directory || !(want & MAY.EXEC) || (inode.mode & 0o111) !== 0)) return;
  const searches = directory ? !(want & MAY.WRITE) : want === MAY.READ;
  if (searches && capable(who, CAP.DAC_READ_SEARCH)) return;
  throw new Errno(
    'EACCES',
    `${path} has mode 0${inode.mode.toString(8)}, owner ${inode.uid}:${inode.gid}; user ${who.uid} may not`,
  );
}

/** chmod(2): the owner, or who has CAP_FOWNER. @throws EPERM */
export function changeMode(path: string, inode: Inode, who: Credentials, mode: number): void {
  if (who.uid !== inode.uid && !capable(who, CAP.FOWNER)) {
    throw new Errno('EPERM', `user ${who.uid} does not own ${path}`);
  }
  // The set-group-ID bit is for members of the group.
  const keep = who.gids.includes(inode.gid) || capable(who, CAP.FSETID);
  inode.mode = mode & (keep ? 0o7777 : 0o5777);
}

/**
 * chown(2): who has CAP_CHOWN; and the owner may give the file to a group of his.
 * @param uid, gid -1: stays
 * @throws EPERM
 */
export function changeOwner(path: string, inode: Inode, who: Credentials, uid: number, gid: number): void {
  const owns = who.uid === inode.uid;
  const userStays = uid === -1 || (owns && uid === inode.uid);
  const groupAllowed = gid === -1 || (owns && (gid === inode.gid || who.gids.includes(gid)));
  if (!(userStays && groupAllowed) && !capable(who, CAP.CHOWN)) {
    throw new Errno('EPERM', `user ${who.uid} may not give ${path} to ${uid}:${gid}`);
  }
  if (uid !== -1) inode.uid = uid;
  if (gid !== -1) inode.gid = gid;
  // A change of owner takes the set-user-ID bit, and set-group-ID where the group may execute.
  if (inode.type !== 'directory') inode.mode &= inode.mode & 0o010 ? ~0o6000 : ~0o4000;
}
