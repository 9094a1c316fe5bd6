/**
 * Directories of the tree, as descriptors of a program. A directory that lies over one of the host's is the host's own;
 * another is a copy in the run's directory, made when it is first opened, so that fchdir, dup, fork and close are the
 * host's work. What a listing says comes from the tree: names, inode numbers and types (getdents64(2)).
 */
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { Errno } from '../../abi/errno.js';
import type { FileSystem } from '../../kernel/fs/file-system.js';
import type { DirectoryInode } from '../../kernel/fs/inode.js';
import { threadGroup } from '../host/procfs.js';
import { DescriptorTexts } from './descriptor-text.js';
import { type DirectoryEntry, hostEntries, hostLink, isHostDirectory } from './host-calls.js';

/** DT_* of getdents64(2). */
const DT = { device: 2, directory: 4, attribute: 8, link: 10 } as const;
/** Bytes of struct linux_dirent64 before the name. */
const HEADER = 19;
/** Most listings that are kept; the oldest goes, and begins again. */
const MAX_LISTINGS = 1024;

/** Where a program is in a directory that it reads. */
interface Listing {
  /** The directory's link under /proc: a number may come to mean another file. */
  readonly link: string;
  entries: readonly DirectoryEntry[] | undefined;
  position: number;
}

export class Directories {
  readonly texts: DescriptorTexts;
  readonly #fs: FileSystem;
  readonly #copies: string;
  /** By process and descriptor number. */
  readonly #listings = new Map<string, Listing>();

  /** @param copies a directory of this run for the copies; it need not exist */
  constructor(fs: FileSystem, copies: string) {
    this.#fs = fs;
    this.#copies = copies;
    this.texts = new DescriptorTexts(copies);
  }

  /** The host's directory that stands for a directory of the tree. */
  onHost(path: string, directory: DirectoryInode): string {
    return directory.listsHost && isHostDirectory(path) ? path : this.copy(path, directory);
  }

  /** The copy of a directory, brought up to date: a program may read it by a descriptor that is not ours to serve. */
  copy(path: string, directory: DirectoryInode): string {
    const at = this.#copies + (path === '/' ? '' : path);
    mkdirSync(at, { recursive: true, mode: 0o700 });
    const old = new Set(readdirSync(at));
    for (const [name, inode] of directory.list()) {
      if (old.delete(name)) continue;
      const copy = `${at}/${name}`;
      if (inode.type === 'directory') mkdirSync(copy, { mode: 0o700 });
      else if (inode.type === 'link') symlinkSync(inode.target, copy);
      else writeFileSync(copy, '', { mode: 0o600 });
    }
    for (const name of old) rmSync(`${at}/${name}`, { recursive: true, force: true });
    return at;
  }

  /** The directory behind a descriptor; undefined if it is none of the tree's. */
  find(tid: number, fd: number): { path: string; directory: DirectoryInode } | undefined {
    const link = hostLink(`/proc/${tid}/fd/${fd}`);
    if (link === undefined) return undefined;
    const path = this.texts.directory(link) ?? link;
    if (!path.startsWith('/')) return undefined;
    const inode = this.#fs.get(path);
    return inode?.type === 'directory' ? { path, directory: inode } : undefined;
  }

  /** A program got a new descriptor of a directory: its listing begins at the start. */
  opened(tid: number, fd: number): void {
    this.#listings.delete(`${threadGroup(tid)}:${fd}`);
  }

  /** lseek(2) of a directory. @throws EINVAL */
  seek(tid: number, fd: number, offset: number, whence: number): number | undefined {
    const found = this.find(tid, fd);
    if (!found) return undefined;
    const listing = this.#listing(tid, fd);
    const position = whence === 0 ? offset : whence === 1 ? listing.position + offset : -1;
    if (position < 0) throw new Errno('EINVAL', `${found.path} is a directory: no offset ${offset} from ${whence}`);
    listing.position = position;
    if (position === 0) listing.entries = undefined;
    return position;
  }

  /**
   * getdents64(2).
   * @param size of the caller's buffer, bytes
   * @returns what to give the caller; undefined if the descriptor is no directory of the tree
   * @throws EINVAL the buffer is too small for one entry; ENOENT the directory was removed
   */
  read(tid: number, fd: number, size: number): Uint8Array | undefined {
    const found = this.find(tid, fd);
    if (!found) return undefined;
    const listing = this.#listing(tid, fd);
    listing.entries ??= this.#entries(found.path, found.directory);
    const { entries } = listing;
    let end = 0;
    let next = listing.position;
    const fits = (entry: DirectoryEntry): boolean => end + recordSize(entry) <= size;
    while (next < entries.length && fits(entries[next] as DirectoryEntry)) {
      end += recordSize(entries[next] as DirectoryEntry);
      next++;
    }
    if (end === 0 && next < entries.length) throw new Errno('EINVAL', `${size} bytes have no room for an entry`);
    const view = new DataView(new ArrayBuffer(end));
    let at = 0;
    for (let i = listing.position; i < next; i++) at = pack(view, at, entries[i] as DirectoryEntry, i + 1);
    listing.position = next;
    return new Uint8Array(view.buffer);
  }

  #listing(tid: number, fd: number): Listing {
    const key = `${threadGroup(tid)}:${fd}`;
    const link = hostLink(`/proc/${tid}/fd/${fd}`) ?? '';
    const known = this.#listings.get(key);
    if (known?.link === link) return known;
    const [oldest] = this.#listings.keys();
    if (this.#listings.size >= MAX_LISTINGS && oldest !== undefined) this.#listings.delete(oldest);
    const listing: Listing = { link, entries: undefined, position: 0 };
    this.#listings.set(key, listing);
    return listing;
  }

  #entries(path: string, directory: DirectoryInode): DirectoryEntry[] {
    const dots = [
      { name: '.', ino: BigInt(directory.ino), type: DT.directory },
      { name: '..', ino: BigInt((directory.parent ?? directory).ino), type: DT.directory },
    ];
    const own = [...directory.list()].map(([name, inode]) => ({ name, ino: BigInt(inode.ino), type: DT[inode.type] }));
    if (!directory.listsHost) return [...dots, ...own];
    const host = hostEntries(path);
    const names = new Set(host.map(({ name }) => name));
    const through = (name: string): boolean => {
      const inode = directory.lookup(name);
      return inode?.type === 'directory' && inode.listsHost;
    };
    return [
      ...dots,
      ...host.filter(({ name }) => directory.leavesToHost(name) || through(name)),
      ...own.filter(({ name }) => !(names.has(name) && through(name))),
    ];
  }
}

/** A record is a multiple of 8 bytes, with the name's zero in it. */
const recordSize = ({ name }: DirectoryEntry): number => (HEADER + name.length + 1 + 7) & ~7;

/** struct linux_dirent64: d_ino, d_off of the next, d_reclen, d_type, d_name. */
function pack(view: DataView, at: number, entry: DirectoryEntry, next: number): number {
  const size = recordSize(entry);
  view.setBigUint64(at, entry.ino, true);
  view.setBigInt64(at + 8, BigInt(next), true);
  view.setUint16(at + 16, size, true);
  view.setUint8(at + 18, entry.type);
  for (let i = 0; i < entry.name.length; i++) view.setUint8(at + HEADER + i, entry.name.charCodeAt(i));
  return at + size;
}
