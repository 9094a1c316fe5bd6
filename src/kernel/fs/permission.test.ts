import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DirectoryInode, type Inode, LinkInode } from './inode.js';
import { CAP, type Credentials, changeMode, changeOwner, MAY, permit, ROOT } from './permission.js';

const user = (uid: number, gids: number[], ...capabilities: number[]): Credentials => ({
  uid,
  gids,
  capabilities: capabilities.reduce((all, it) => all | (1n << BigInt(it)), 0n),
});
const file = (mode: number, uid = 10, gid = 20): Inode => new LinkInode('x', { mode, uid, gid });
const may = (inode: Inode, who: Credentials, want: number): boolean => {
  try {
    permit('f', inode, who, want);
    return true;
  } catch {
    return false;
  }
};

describe('the permission check', () => {
  test('the first class that fits decides, even if a later one would allow more', () => {
    expect(may(file(0o077), user(10, [20]), MAY.READ)).toBe(false);
    expect(may(file(0o707), user(11, [20]), MAY.READ)).toBe(false);
    expect(may(file(0o704), user(11, [21, 20]), MAY.READ)).toBe(false);
    expect(may(file(0o704), user(11, [21]), MAY.READ)).toBe(true);
  });

  test('without capabilities it is the three bits of one class', () => {
    fc.assert(
      fc.property(
        fc.nat(0o777),
        fc.nat(7),
        fc.constantFrom(10, 11),
        fc.constantFrom(20, 21),
        (mode, want, uid, gid) => {
          const shift = uid === 10 ? 6 : gid === 20 ? 3 : 0;
          expect(may(file(mode), user(uid, [gid]), want)).toBe(((mode >> shift) & want) === want);
        },
      ),
    );
  });

  test('CAP_DAC_OVERRIDE reads, writes and searches; it executes only what somebody may execute', () => {
    const who = user(1, [1], CAP.DAC_OVERRIDE);
    expect(may(file(0), who, MAY.READ | MAY.WRITE)).toBe(true);
    expect(may(file(0), who, MAY.EXEC)).toBe(false);
    expect(may(file(0o010), who, MAY.EXEC)).toBe(true);
    expect(may(new DirectoryInode({ mode: 0 }), who, MAY.EXEC)).toBe(true);
  });

  test('CAP_DAC_READ_SEARCH reads files, reads and searches directories, and writes nothing', () => {
    const who = user(1, [1], CAP.DAC_READ_SEARCH);
    expect(may(file(0), who, MAY.READ)).toBe(true);
    expect(may(file(0), who, MAY.WRITE)).toBe(false);
    expect(may(new DirectoryInode({ mode: 0 }), who, MAY.READ | MAY.EXEC)).toBe(true);
    expect(may(new DirectoryInode({ mode: 0 }), who, MAY.WRITE)).toBe(false);
  });
});

describe('chmod(2)', () => {
  test('is for the owner and for CAP_FOWNER', () => {
    const inode = file(0o600);
    expect(() => changeMode('f', inode, user(11, [20]), 0o644)).toThrow('user 11 does not own f');
    expect(inode.mode).toBe(0o600);
    changeMode('f', inode, user(10, []), 0o640);
    expect(inode.mode).toBe(0o640);
    changeMode('f', inode, user(11, [], CAP.FOWNER), 0o100604);
    expect(inode.mode).toBe(0o604);
  });

  test('takes the set-group-ID bit from who is not in the group', () => {
    const inode = file(0o600);
    changeMode('f', inode, user(10, [21]), 0o2755);
    expect(inode.mode).toBe(0o755);
    changeMode('f', inode, user(10, [20]), 0o2755);
    expect(inode.mode).toBe(0o2755);
  });
});

describe('chown(2)', () => {
  const refused = (who: Credentials, uid: number, gid: number): boolean => {
    const inode = file(0o600);
    try {
      changeOwner('f', inode, who, uid, gid);
      return false;
    } catch (error) {
      expect(error).toMatchObject({ code: 'EPERM' });
      expect([inode.uid, inode.gid]).toEqual([10, 20]);
      return true;
    }
  };
  test('the owner may give the file to a group of his, and to nobody else', () => {
    expect(refused(user(10, [20, 30]), -1, 30)).toBe(false);
    expect(refused(user(10, [20, 30]), 10, 20)).toBe(false);
    expect(refused(user(10, [20, 30]), -1, 31)).toBe(true);
    expect(refused(user(10, [20, 30]), 11, -1)).toBe(true);
    expect(refused(user(11, [20]), -1, 20)).toBe(true);
    expect(refused(user(11, []), -1, -1)).toBe(false);
    expect(refused(user(11, [], CAP.CHOWN), 12, 13)).toBe(false);
  });

  test('takes the set-user-ID bit, and set-group-ID where the group may execute', () => {
    const inode = file(0o6755);
    changeOwner('f', inode, ROOT, 1, 1);
    expect(inode.mode).toBe(0o755);
    const lock = file(0o6745);
    changeOwner('f', lock, ROOT, 1, 1);
    expect(lock.mode).toBe(0o2745);
  });
});
