import { describe, expect, test } from 'vitest';
import { OpenFile } from '../file/open-file.js';
import { FileSystem } from './file-system.js';
import { DirectoryInode, LinkInode } from './inode.js';
import { type Credentials, ROOT } from './permission.js';
import { type HostView, type Place, pathOf } from './walk.js';

const USER: Credentials = { uid: 1000, gids: [1000, 4], capabilities: 0n };

/** /dev with a device, links and directories, as a kernel lays it out. */
function tree(): FileSystem {
  const fs = new FileSystem();
  const open = () => new OpenFile('x', { name: (name) => name });
  fs.addDevice('/dev/vfio/devices/vfio0', 511, 0, open);
  fs.addDevice('/dev/ioasid', 10, 60, open);
  fs.addLink('/dev/vfio/devices/by-bdf/0000:01:00.0', '../vfio0');
  fs.addLink('/dev/vfio/here', '.');
  fs.addLink('/dev/vfio/round', 'round');
  fs.addLink('/dev/vfio/all', '/dev/vfio/devices/');
  fs.addLink('/dev/vfio/dangling', 'devices/vfio9');
  return fs;
}

interface Options {
  follow?: boolean;
  who?: Credentials;
  start?: Place;
  links?: Record<string, string>;
  noLinks?: boolean;
  within?: 'beneath' | 'root';
}

/** Where a path ends: an inode's path, `- path` where a name is missing, `host path`, or the error's name. */
function go(path: string, { follow = true, who = ROOT, start, links = {}, ...rest }: Options = {}): string {
  const fs = tree();
  const host: HostView = { link: (at) => links[at] };
  try {
    const place = typeof start === 'string' ? (fs.get(start) ?? start) : (start ?? fs.root);
    if (typeof place === 'object' && place.type !== 'directory') throw new Error('the start is no directory');
    const found = fs.walk(place, path, { follow, who: () => who, host, ...rest });
    if (found.kind === 'host') return `${found.moved ? 'moved ' : ''}host ${found.path}`;
    return found.kind === 'missing' ? `- ${found.path}` : found.path;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

describe('path_resolution(7)', () => {
  test.each([
    ['a path is walked component by component', '/dev/vfio/devices/vfio0', '/dev/vfio/devices/vfio0'],
    ['doubled slashes and dots are nothing', '//dev/./vfio//devices/./vfio0', '/dev/vfio/devices/vfio0'],
    ['.. leads to the directory above', '/dev/vfio/devices/../../ioasid', '/dev/ioasid'],
    ['the .. of the root is the root', '/../../dev/ioasid', '/dev/ioasid'],
    ['a link is followed where it stands', '/dev/vfio/devices/by-bdf/0000:01:00.0', '/dev/vfio/devices/vfio0'],
    ['a link in the middle is followed', '/dev/vfio/here/here/devices/vfio0', '/dev/vfio/devices/vfio0'],
    ['.. behind a link is above its target', '/dev/vfio/all/../here', '/dev/vfio'],
    ['an absolute link begins at the root', '/dev/vfio/all/vfio0', '/dev/vfio/devices/vfio0'],
    ['a missing last component is told with its directory', '/dev/vfio/nothing', '- /dev/vfio/nothing'],
    ['a link to nothing is a missing name', '/dev/vfio/dangling', '- /dev/vfio/devices/vfio9'],
    ['a missing directory on the way is ENOENT', '/dev/vfio/nothing/x', 'ENOENT'],
    ['an empty path is ENOENT', '', 'ENOENT'],
    ['a component that is no directory is ENOTDIR', '/dev/ioasid/x', 'ENOTDIR'],
    ['.. of what is no directory is ENOTDIR', '/dev/ioasid/../ioasid', 'ENOTDIR'],
    ['a trailing slash is for directories', '/dev/vfio/', '/dev/vfio'],
    ['a trailing slash behind a device is ENOTDIR', '/dev/ioasid/', 'ENOTDIR'],
    ['a trailing dot behind a device is ENOTDIR', '/dev/ioasid/.', 'ENOTDIR'],
    ['a link that leads to itself is ELOOP', '/dev/vfio/round', 'ELOOP'],
    ['a name of 255 bytes can be asked for', `/dev/vfio/${'n'.repeat(255)}`, `- /dev/vfio/${'n'.repeat(255)}`],
    ['a longer one is ENAMETOOLONG', `/dev/vfio/${'n'.repeat(256)}`, 'ENAMETOOLONG'],
    ['a path of 4096 bytes is ENAMETOOLONG', `/dev${'/'.repeat(4092)}`, 'ENAMETOOLONG'],
    ['a path of 4095 bytes is walked', `/dev${'/'.repeat(4085)}ioasid`, '/dev/ioasid'],
  ])('%s', (_rule, path, expected) => {
    expect(go(path)).toBe(expected);
  });

  test('40 links are followed, 41 are ELOOP', () => {
    expect(go(`/dev/vfio/${'here/'.repeat(40)}devices`)).toBe('/dev/vfio/devices');
    expect(go(`/dev/vfio/${'here/'.repeat(41)}devices`)).toBe('ELOOP');
  });

  test('the last link is not followed on request, unless a slash is behind it', () => {
    expect(go('/dev/vfio/all', { follow: false })).toBe('/dev/vfio/all');
    expect(go('/dev/vfio/all/', { follow: false })).toBe('/dev/vfio/devices');
    expect(go('/dev/vfio/round', { follow: false })).toBe('/dev/vfio/round');
  });

  test('a relative path begins at the directory that is given', () => {
    expect(go('devices/vfio0', { start: '/dev/vfio' })).toBe('/dev/vfio/devices/vfio0');
    expect(go('../ioasid', { start: '/dev/vfio' })).toBe('/dev/ioasid');
    expect(go('.', { start: '/dev/vfio' })).toBe('/dev/vfio');
    expect(go('../../dev/ioasid', { start: '/home/user' })).toBe('/dev/ioasid');
  });

  test('every directory on the way must let the walker search it; root may always', () => {
    const fs = tree();
    const at = fs.directory('/dev/vfio');
    at.mode = 0o750;
    at.gid = 4;
    const walk = (who: Credentials) => () => fs.find('/dev/vfio/devices', true, who).path;
    expect(walk(USER)()).toBe('/dev/vfio/devices');
    expect(walk({ ...USER, gids: [1000] })).toThrow('/dev/vfio has mode 0750, owner 0:4; user 1000 may not');
    at.mode = 0o700;
    expect(walk(USER)).toThrow('may not');
    expect(walk(ROOT)()).toBe('/dev/vfio/devices');
    // The directory itself can be found: only what is in it cannot.
    expect(fs.find('/dev/vfio', true, USER).path).toBe('/dev/vfio');
  });
});

describe('over a host', () => {
  test('what the tree does not have is the host’s, where a directory lies over one of the host’s', () => {
    expect(go('/dev/null')).toBe('host /dev/null');
    expect(go('/usr/lib/x')).toBe('host /usr/lib/x');
    expect(go('/dev/vfio/vfio99')).toBe('- /dev/vfio/vfio99');
  });

  test('a link of the host may lead into the tree', () => {
    const links = { '/tmp/mine': '../dev/vfio', '/run/dev': '/dev/ioasid', '/a': 'b', '/b': 'a' };
    expect(go('/tmp/mine/devices/vfio0', { links })).toBe('/dev/vfio/devices/vfio0');
    expect(go('/run/dev', { links })).toBe('/dev/ioasid');
    expect(go('/run/dev', { links, follow: false })).toBe('host /run/dev');
    expect(go('dev', { links, start: '/run' })).toBe('/dev/ioasid');
    expect(go('/a', { links })).toBe('ELOOP');
  });

  test('a way that only the tree knows is told: the host cannot go it by its text', () => {
    expect(go('/dev/vfio/../null')).toBe('moved host /dev/null');
    expect(go('/dev/../usr/bin')).toBe('host /usr/bin');
    expect(go('../null', { start: '/dev/vfio' })).toBe('moved host /dev/null');
  });

  test('names of the host can show through one by one', () => {
    const fs = tree();
    const directory = new DirectoryInode({ mode: 0o755 }, (name) => name.startsWith('virtio'));
    directory.add('driver', new LinkInode('../x', { mode: 0o777 }, () => false));
    fs.directory('/sys', 'all').add('device', directory);
    const kind = (path: string) => fs.walk(fs.root, path, { follow: true, who: () => ROOT }).kind;
    expect(kind('/sys/device/virtio0')).toBe('host');
    expect(kind('/sys/device/other')).toBe('missing');
    // The tree has this name, though it is not present now: the host's is hidden.
    expect(kind('/sys/device/driver')).toBe('missing');
  });
});

describe('openat2(2)', () => {
  test('RESOLVE_NO_SYMLINKS: a link anywhere is ELOOP', () => {
    expect(go('/dev/vfio/here/devices', { noLinks: true })).toBe('ELOOP');
    expect(go('/dev/vfio/devices/vfio0', { noLinks: true })).toBe('/dev/vfio/devices/vfio0');
  });
  test('RESOLVE_BENEATH: to leave the directory is EXDEV', () => {
    const beneath = { start: '/dev/vfio', within: 'beneath' } as const;
    expect(go('devices/../devices/vfio0', beneath)).toBe('/dev/vfio/devices/vfio0');
    expect(go('../ioasid', beneath)).toBe('EXDEV');
    expect(go('/dev/vfio', beneath)).toBe('EXDEV');
    expect(go('all', beneath)).toBe('EXDEV');
  });
  test('RESOLVE_IN_ROOT: the directory is the root', () => {
    const root = { start: '/dev/vfio', within: 'root' } as const;
    expect(go('/devices/vfio0', root)).toBe('/dev/vfio/devices/vfio0');
    expect(go('../../devices', root)).toBe('/dev/vfio/devices');
    expect(go('all', root)).toBe('ENOENT');
  });
});

test('a directory that was taken out has no path, and what was in it is gone', () => {
  const fs = tree();
  const directory = fs.directory('/dev/vfio/devices');
  fs.remove('/dev/vfio');
  expect(directory.path).toBeUndefined();
  expect(pathOf(directory)).toContain('(deleted)');
  expect(() => fs.find('/dev/vfio/devices/vfio0')).toThrow('does not exist');
  expect(() => fs.walk(directory, '..', { follow: true, who: () => ROOT })).toThrow('was removed');
});
