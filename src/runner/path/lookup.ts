/**
 * Finds out what a path of a program means: an inode of the tree, or the host's business. Most paths are the host's and
 * are told by their bytes alone; the others are walked.
 *
 * What must be known for that, beside the path: can any process be in a directory of the tree or above it, can a low
 * descriptor be one, and which symbolic links did programs make that lead into the tree. A link that was made before the
 * run is not known, unless the way to it is walked anyway.
 */
import { readdirSync } from 'node:fs';
import { Errno } from '../../abi/errno.js';
import type { FileSystem } from '../../kernel/fs/file-system.js';
import { type Found, type Place, pathOf, type WalkOptions } from '../../kernel/fs/walk.js';
import { credentials } from '../host/procfs.js';
import type { Call } from '../seccomp/call.js';
import type { Directories } from './directories.js';
import { hostLink, isHostDirectory } from './host-calls.js';
import { CallerView } from './host-view.js';
import { PathText } from './text.js';

export const AT_FDCWD = -100;
/** Most links that are remembered by name; with more every path is walked. */
const MAX_LINKS = 1024;

/** How a walk is to be made; who walks is the caller. */
export type LookupOptions = Omit<WalkOptions, 'who' | 'host'> & {
  /** RESOLVE_NO_MAGICLINKS: a link like /proc/PID/fd/N is ELOOP. */
  readonly noMagic?: boolean;
  /** RESOLVE_NO_XDEV: another mount than that of the start is EXDEV. */
  readonly noMounts?: boolean;
};

export class PathLookup {
  readonly fs: FileSystem;
  readonly firstDriven: number;
  readonly directories: Directories;
  readonly view: CallerView;
  readonly #text: PathText;
  readonly #tops: readonly string[];
  /** Names of links that programs made, and that lead into the tree. */
  readonly #links = new Set<string>();
  #everything = false;
  /** Some process may be in a directory of the tree, or above it. */
  cwdMatters: boolean;
  /** A descriptor below the driven ones may be such a directory. */
  lowMatters: boolean;

  /** @param firstDriven directories of the tree have descriptors from this number on */
  constructor(fs: FileSystem, directories: Directories, firstDriven: number) {
    this.firstDriven = firstDriven;
    this.fs = fs;
    this.directories = directories;
    this.#tops = [...new Set([...fs.root.list()].map(([name]) => name)), 'proc'];
    this.#text = new PathText(this.#tops);
    this.view = new CallerView(directories.texts, (path) => this.#owned(path));
    // The program begins with the runner's own directory and descriptors.
    this.cwdMatters = this.#above(hostLink('/proc/self/cwd') ?? '/');
    this.lowMatters = readdirSync('/proc/self/fd').some((fd) => {
      const link = hostLink(`/proc/self/fd/${fd}`);
      return link !== undefined && this.#above(link) && isHostDirectory(link);
    });
  }

  /** A path argument as text; undefined if it cannot be read. */
  read(n: Call, argument: number): string | undefined {
    return this.#text.read(n.tid, n.address(argument)) ? this.#text.toString() : undefined;
  }

  /** The directory that the last name of a path is in, as a path of the host; undefined if it cannot be told. */
  parent(n: Call, directory: number, path: string): string | undefined {
    const cut = path.replace(/\/+$/, '').lastIndexOf('/');
    const above = cut < 0 ? '.' : path.slice(0, cut + 1);
    const found = this.walk(n, directory, above, { follow: true });
    return found?.path;
  }

  /**
   * Looks up a path argument of a call.
   * @param directory descriptor that a relative path starts from, or AT_FDCWD
   * @param argument number of the argument
   * @returns undefined: the host's, as it stands; or it cannot be read
   * @throws what walk() throws
   */
  find(n: Call, directory: number, argument: number, options: LookupOptions): Found | undefined {
    const text = this.#text;
    if (!text.read(n.tid, n.address(argument)) || text.length === 0) return undefined;
    if (!this.#everything && !options.within && !this.#concerns(directory)) return undefined;
    return this.walk(n, directory, text.toString(), options);
  }

  /** Walks a path of a caller, whatever its bytes. */
  walk(n: Call, directory: number, path: string, options: LookupOptions): Found | undefined {
    const base = path.startsWith('/') && options.within !== 'root' ? this.#root : this.base(n.tid, directory);
    if (!base) return undefined;
    this.view.begin(n.tid);
    const found = this.fs.walk(base.place, path, { ...options, who: () => credentials(n.tid), host: this.view });
    if (options.noMagic && this.view.magic) throw new Errno('ELOOP', `${path} has a magic link`);
    if (options.noMounts && mountOf(found.path) !== mountOf(pathOf(base.place))) {
      throw new Errno('EXDEV', `${found.path} is on another mount than ${pathOf(base.place)}`);
    }
    return found.kind === 'host' && base.moved ? { ...found, moved: true } : found;
  }

  /**
   * Where a relative path begins.
   * @returns `moved`: the host begins elsewhere, in a copy; undefined: nothing that has a path
   */
  base(tid: number, directory: number): { place: Place; moved: boolean } | undefined {
    const link = hostLink(directory === AT_FDCWD ? `/proc/${tid}/cwd` : `/proc/${tid}/fd/${directory}`);
    if (!link?.startsWith('/')) return undefined;
    const copy = this.directories.texts.directory(link);
    const inode = this.fs.get(copy ?? link);
    if (inode?.type === 'directory') return { place: inode, moved: copy !== undefined };
    return copy === undefined ? { place: link, moved: false } : undefined;
  }

  /** A process goes to a directory: from there relative paths may matter. */
  enters(path: string): void {
    this.cwdMatters ||= this.#above(path);
  }

  /** A program makes a symbolic link, or gives one another name: does it lead into the tree? */
  remember(path: string): void {
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (this.#links.size >= MAX_LINKS) this.#everything = true;
    else this.#links.add(name);
  }

  /** Is it the name of a link that leads into the tree? */
  remembers(path: string): boolean {
    return this.#everything || this.#links.has(path.slice(path.lastIndexOf('/') + 1));
  }

  /** The link's target, from the directory where the link is: the tree, or what is above it? */
  leadsIn(n: Call, from: string, target: string): boolean {
    this.view.begin(n.tid);
    const inode = this.fs.get(from);
    const place = inode?.type === 'directory' ? inode : from;
    try {
      const found = this.fs.walk(place, target, { follow: true, who: () => credentials(n.tid), host: this.view });
      return found.kind !== 'host' || this.#above(found.path);
    } catch {
      // Whatever stands in the way now may be gone when the link is followed.
      return true;
    }
  }

  get #root(): { place: Place; moved: boolean } {
    return { place: this.fs.root, moved: false };
  }

  #concerns(directory: number): boolean {
    const text = this.#text;
    if (text.reaches) return true;
    if (
      this.#links.size > 0 &&
      text
        .toString()
        .split('/')
        .some((name) => this.#links.has(name))
    )
      return true;
    if (text.absolute) return false;
    return directory === AT_FDCWD ? this.cwdMatters : directory >= this.firstDriven || this.lowMatters;
  }

  #owned(path: string): boolean {
    return this.#tops.some((top) => path === `/${top}` || path.startsWith(`/${top}/`));
  }

  /** In the tree, above it, or in a copy. */
  #above(path: string): boolean {
    return path === '/' || this.#owned(path) || this.directories.texts.directory(path) !== undefined;
  }
}

/** The mount that a path is on, of those that the tree lies over. */
const mountOf = (path: string): string => /^\/(dev|proc|sys)(?=\/|$)/.exec(path)?.[0] ?? '/';
