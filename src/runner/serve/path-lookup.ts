/**
 * Path arguments: reads them from the caller, and finds out which are the virtual kernel's. Any other path is the host
 * kernel's business.
 */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { Errno } from '../../abi/errno.js';
import type { FileSystem } from '../../kernel/fs/file-system.js';
import type { DirectoryInode, Inode } from '../../kernel/fs/inode.js';
import { copyRemote } from '../host/memory/remote-memory.js';
import type { Notification } from '../host/notification.js';
import { link } from '../host/procfs.js';

const AT_FDCWD = -100;
const PATH_MAX = 4096;
const PAGE = 4096;

const path = new Uint8Array(new ArrayBuffer(PATH_MAX));
const pathBuffer = Buffer.from(path.buffer);

/** Reads a zero-terminated path of the caller; undefined if it cannot be read, or is too long. */
export function readPath(tid: number, address: number): string | undefined {
  let length = 0;
  while (length < PATH_MAX) {
    // Not over the end of a page: the next one may not be mapped.
    const room = Math.min(PATH_MAX - length, PAGE - ((address + length) % PAGE), 256);
    const got = copyRemote(tid, address + length, path.subarray(length), room, false);
    if (got <= 0) return undefined;
    const end = path.subarray(length, length + got).indexOf(0);
    if (end >= 0) return pathBuffer.toString('utf8', 0, length + end);
    length += got;
  }
  return undefined;
}

export interface FoundPath {
  /** Normalised and absolute. */
  readonly path: string;
  /** undefined: the virtual kernel owns the directory, and has no such name there. */
  readonly node: Inode | undefined;
  /** The path ended in a slash. */
  readonly slash: boolean;
}

/** Finds out which paths are the virtual kernel's. */
export class PathLookup {
  readonly #paths: FileSystem;
  /** Where the directories that programs can read are, on the host. */
  readonly #skeleton: string;
  readonly #names = new Set<string>();

  /** @param skeleton a directory of the host for copies of the virtual kernel's directories */
  constructor(paths: FileSystem, skeleton: string) {
    this.#paths = paths;
    this.#skeleton = skeleton;
    this.refresh();
  }

  /** Lays out the directories on the host, so that programs can list them: at the start, and when devices come and go. */
  refresh(): void {
    rmSync(this.#skeleton, { recursive: true, force: true });
    this.#copy(this.#paths.root, this.#skeleton);
  }

  #copy(directory: DirectoryInode, to: string): void {
    mkdirSync(to, { recursive: true });
    for (const [name, node] of directory.list()) {
      const copy = `${to}/${name}`;
      if (node.type === 'directory') this.#copy(node, copy);
      else if (node.type === 'link') symlinkSync(node.target, copy);
      else writeFileSync(copy, '');
      if (directory.hostNames === 'none') this.#names.add(name);
      else if (node.type !== 'directory' || node.hostNames === 'none') this.#names.add(name);
    }
  }

  /** The copy of a directory on the host. */
  hostDirectory(at: string): string {
    return this.#skeleton + at;
  }

  /**
   * Looks a path up as the caller means it.
   * @param directory descriptor that a relative path starts from, or AT_FDCWD
   * @returns undefined if it is the host kernel's business
   */
  find(tid: number, directory: number, text: string): FoundPath | undefined {
    const slash = text.endsWith('/');
    const absolute = text.startsWith('/');
    if (!absolute || !text.startsWith('/dev')) {
      // Cheap first: a path of ours ends in one of our names, unless it ends in a dot or a slash.
      const last = text.slice(text.lastIndexOf('/') + 1);
      if (!slash && last !== '.' && last !== '..' && !this.#names.has(last)) return undefined;
    }
    let base = '/';
    if (!absolute) {
      const at = link(directory === AT_FDCWD ? `/proc/${tid}/cwd` : `/proc/${tid}/fd/${directory}`);
      if (at === undefined) return undefined;
      base = at.startsWith(this.#skeleton) ? at.slice(this.#skeleton.length) : at;
    }
    const full = normalise(base, text);
    const node = this.#paths.get(full);
    if (node && !(node.type === 'directory' && node.hostNames === 'all')) return { path: full, node, slash };
    // A link to a directory may be on the way, and our directories hide the host's.
    const parent = full.slice(0, full.lastIndexOf('/'));
    const above = this.#paths.get(parent);
    if (!above || (above.type === 'directory' && above.hostNames === 'all')) return undefined;
    if (above.type === 'device') throw new Errno('ENOTDIR', `${parent} is a device`);
    return { path: full, node: undefined, slash };
  }
}

/** The node behind a found path, links followed if `follow`. @throws ENOENT, ENOTDIR, ELOOP */
export function nodeOf(paths: FileSystem, found: FoundPath, follow: boolean): { path: string; node: Inode } {
  const { path, inode } = paths.find(found.path + (found.slash ? '/' : ''), follow);
  return { path, node: inode };
}

/** Reads the path argument of a call and looks it up. */
export function lookup(
  calls: PathLookup,
  notification: Notification,
  directory: number,
  argument: number,
): FoundPath | undefined {
  const { tid } = notification;
  const text = readPath(tid, notification.address(argument));
  return text === undefined || text === '' ? undefined : calls.find(tid, directory, text);
}

/** Joins a directory and a path, and takes out `.`, `..` and doubled slashes, as text. */
function normalise(directory: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${directory}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
