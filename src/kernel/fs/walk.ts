/**
 * Path resolution as path_resolution(7) tells it: component by component, over directories and the symbolic links among
 * them. The tree may lie over a host's file system; where a walk leaves the tree it goes on there by name, since a link
 * or a `..` of the host may lead back.
 */
import { Errno } from '../../abi/errno.js';
import { type DirectoryInode, type Inode, NAME_MAX, PATH_MAX } from './inode.js';
import { type Credentials, MAY, permit } from './permission.js';

/** Most symbolic links that one walk follows (include/linux/namei.h, MAXSYMLINKS). */
export const MAX_LINKS = 40;

/** Where a walk is: in a directory of the tree, or at an absolute path of the host. */
export type Place = DirectoryInode | string;

/** The file system that the tree lies over. */
export interface HostView {
  /** Target of the host's symbolic link at an absolute path; undefined if there is no link. */
  link(path: string): string | undefined;
}

export interface WalkOptions {
  /** Follow a link that the last component is. A trailing slash does so anyway. */
  readonly follow: boolean;
  /** Who walks; asked only where a directory does not let everybody pass. */
  readonly who: () => Credentials;
  /** What is below the tree; not given: nothing. */
  readonly host?: HostView | undefined;
  /** RESOLVE_NO_SYMLINKS of openat2(2): any link is ELOOP. */
  readonly noLinks?: boolean;
  /** RESOLVE_BENEATH: to leave the directory where the walk starts is EXDEV. RESOLVE_IN_ROOT: it is the root. */
  readonly within?: 'beneath' | 'root' | undefined;
}

/** Where a walk ended. */
export type Found =
  /** An inode of the tree. The path is canonical: no links, no dots. */
  | { readonly kind: 'inode'; readonly path: string; readonly inode: Inode; readonly moved: boolean }
  /** The last component is missing in a directory of the tree. */
  | { readonly kind: 'missing'; readonly path: string; readonly directory: DirectoryInode; readonly name: string }
  /**
   * The host's business, at this absolute path. `moved`: the way led through names that only the tree has, so that the
   * host does not find it by the text of the call.
   */
  | { readonly kind: 'host'; readonly path: string; readonly moved: boolean };

const join = (directory: string, name: string): string => `${directory === '/' ? '' : directory}/${name}`;

export function pathOf(place: Place): string {
  return typeof place === 'string' ? place : (place.path ?? '/ (deleted)');
}

/**
 * Walks a path.
 * @param start where a relative path begins
 * @throws ENOENT the path is empty, or a directory on the way is missing; ENOTDIR; EACCES; ELOOP; ENAMETOOLONG; EXDEV
 */
export function walk(root: DirectoryInode, start: Place, path: string, options: WalkOptions): Found {
  if (path === '') throw new Errno('ENOENT', 'the path is empty');
  if (path.length >= PATH_MAX)
    throw new Errno('ENAMETOOLONG', `a path of ${path.length} bytes is above ${PATH_MAX - 1}`);
  return new Walk(root, start, options).run(path);
}

class Walk {
  readonly #root: DirectoryInode;
  readonly #start: Place;
  readonly #options: WalkOptions;
  #at: Place;
  #links = 0;
  #moved: boolean;

  constructor(root: DirectoryInode, start: Place, options: WalkOptions) {
    this.#root = root;
    this.#start = start;
    this.#options = options;
    this.#at = start;
    // A directory that only the tree has: the host cannot begin there.
    this.#moved = typeof start !== 'string' && start.hostNames !== 'all';
  }

  run(path: string): Found {
    const rest = components(path);
    if (path.startsWith('/')) this.#toRoot(path);
    let slash = path.endsWith('/');
    let found: Found | undefined;
    for (;;) {
      const name = rest.pop();
      if (name === undefined) return found ?? this.#here();
      const last = rest.length === 0;
      found = undefined;
      if (name === '.' || name === '..') {
        if (typeof this.#at !== 'string') this.#search(this.#at);
        if (name === '..') this.#up();
        slash ||= last;
        continue;
      }
      if (name.length > NAME_MAX)
        throw new Errno('ENAMETOOLONG', `a name of ${name.length} bytes is above ${NAME_MAX}`);
      if (typeof this.#at === 'string') {
        this.#hostStep(name, rest, last && !slash);
        continue;
      }
      const directory = this.#at;
      this.#search(directory);
      const inode = directory.lookup(name);
      if (!inode) {
        if (directory.leavesToHost(name)) {
          this.#hostStep(name, rest, last && !slash);
          continue;
        }
        const missing = join(pathOf(directory), name);
        if (!last) throw new Errno('ENOENT', `${missing} does not exist on this machine`);
        return { kind: 'missing', path: missing, directory, name };
      }
      if (inode.type === 'link') {
        if (!last || this.#options.follow || slash) {
          this.#moved = true;
          slash = this.#follow(inode.target, rest, pathOf(directory)) || slash;
          continue;
        }
      } else if (inode.type === 'directory') {
        this.#moved ||= inode.hostNames !== 'all';
        this.#at = inode;
        continue;
      }
      const at = join(pathOf(directory), name);
      if (!last || slash) throw new Errno('ENOTDIR', `${at} is no directory`);
      found = { kind: 'inode', path: at, inode, moved: this.#moved };
    }
  }

  #here(): Found {
    const [at, moved] = [this.#at, this.#moved];
    if (typeof at === 'string') return { kind: 'host', path: at, moved };
    return { kind: 'inode', path: pathOf(at), inode: at, moved };
  }

  /** A directory is passed through: who walks must be allowed to search it. */
  #search(directory: DirectoryInode): void {
    if ((directory.mode & 0o111) === 0o111) return;
    permit(pathOf(directory), directory, this.#options.who(), MAY.EXEC);
  }

  #up(): void {
    const { within } = this.#options;
    if (within && pathOf(this.#at) === pathOf(this.#start)) {
      if (within === 'beneath') throw new Errno('EXDEV', `.. leads out of ${pathOf(this.#start)}`);
      return;
    }
    if (typeof this.#at !== 'string') {
      if (!this.#at.path) throw new Errno('ENOENT', 'the directory was removed');
      this.#at = this.#at.parent ?? this.#at;
      return;
    }
    const parent = this.#at.slice(0, Math.max(1, this.#at.lastIndexOf('/')));
    this.#at = this.#placeOf(parent);
  }

  /** An absolute path of directories without links: the tree's directory there, or the host's. */
  #placeOf(path: string): Place {
    let directory = this.#root;
    for (const name of components(path).reverse()) {
      const inode = directory.lookup(name);
      if (inode?.type !== 'directory') return path;
      directory = inode;
    }
    return directory;
  }

  #toRoot(target: string): void {
    const { within } = this.#options;
    if (within === 'beneath') throw new Errno('EXDEV', `${target} is absolute`);
    this.#at = within === 'root' ? this.#start : this.#root;
  }

  /** Goes on behind a link. Returns true if its target must be a directory. */
  #follow(target: string, rest: string[], from: string): boolean {
    if (this.#options.noLinks) throw new Errno('ELOOP', `${from} has a symbolic link to ${target}`);
    if (++this.#links > MAX_LINKS) throw new Errno('ELOOP', `more than ${MAX_LINKS} symbolic links, at ${from}`);
    if (target.startsWith('/')) this.#toRoot(target);
    const more = components(target);
    const slash = rest.length === 0 && target.endsWith('/');
    rest.push(...more);
    return slash;
  }

  /** One name of the host: it may be a link, and lead back into the tree. */
  #hostStep(name: string, rest: string[], final: boolean): void {
    const from = pathOf(this.#at);
    const path = join(from, name);
    const { host, follow } = this.#options;
    const target = host && (!final || follow) ? host.link(path) : undefined;
    if (target === undefined) {
      this.#at = path;
      return;
    }
    this.#at = this.#placeOf(from);
    this.#follow(target, rest, path);
  }
}

/** The names of a path, last first. */
function components(path: string): string[] {
  return path
    .split('/')
    .filter((name) => name !== '')
    .reverse();
}
