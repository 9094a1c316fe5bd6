/**
 * The paths that the virtual kernel has: character devices, the directories over them, and symbolic links, with
 * owner and mode. Nodes can be added and taken away (hot-plug).
 */
import { Errno } from '../abi/errno.js';
import type { OpenFile } from './open-file.js';

export interface Credentials {
  readonly uid: number;
  readonly gids: readonly number[];
  /** CAP_DAC_OVERRIDE: modes do not bind. */
  readonly override: boolean;
}

interface Attributes {
  readonly ino: number;
  /** Permission bits. */
  mode: number;
  uid: number;
  gid: number;
}

export interface DeviceNode extends Attributes {
  readonly type: 'device';
  readonly major: number;
  readonly minor: number;
  /** Makes a new open file. @throws Errno */
  open(): OpenFile;
}
export interface LinkNode extends Attributes {
  readonly type: 'link';
  readonly target: string;
}
export interface DirectoryNode extends Attributes {
  readonly type: 'directory';
}
export type PathNode = DeviceNode | LinkNode | DirectoryNode;

export class PathTable {
  readonly #nodes = new Map<string, PathNode>();
  #nextIno = 2;
  #uid: number;
  #gid: number;

  /** @param uid, gid the owner of new nodes */
  constructor(uid = 0, gid = 0) {
    this.#uid = uid;
    this.#gid = gid;
  }

  #attributes(mode: number): Attributes {
    return { ino: this.#nextIno++, mode, uid: this.#uid, gid: this.#gid };
  }

  addDevice(path: string, major: number, minor: number, open: () => OpenFile): void {
    this.#addParents(path);
    this.#nodes.set(path, { type: 'device', major, minor, open, ...this.#attributes(0o660) });
  }

  addLink(path: string, target: string): void {
    this.#addParents(path);
    this.#nodes.set(path, { type: 'link', target, ...this.#attributes(0o777) });
  }

  remove(path: string): void {
    this.#nodes.delete(path);
  }

  #addParents(path: string): void {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const parent = path.slice(0, at);
      if (parent !== '/dev' && !this.#nodes.has(parent)) {
        this.#nodes.set(parent, { type: 'directory', ...this.#attributes(0o755) });
      }
    }
  }

  /** All nodes by path, in the order they were added. */
  entries(): IterableIterator<[string, PathNode]> {
    return this.#nodes.entries();
  }

  /** The node at a normalised absolute path, links not followed; undefined if the virtual kernel has none there. */
  get(path: string): PathNode | undefined {
    return this.#nodes.get(path);
  }

  /** Follows links. Returns the last path and its node. */
  resolve(path: string): { path: string; node: PathNode | undefined } {
    let at = path;
    let node = this.#nodes.get(at);
    for (let i = 0; node?.type === 'link'; i++) {
      if (i === 40) throw new Errno('ELOOP', `too many symbolic links at ${path}`);
      at = normalise(at.slice(0, at.lastIndexOf('/')), node.target);
      node = this.#nodes.get(at);
    }
    return { path: at, node };
  }
}

/** Joins a directory and a path, and takes out `.`, `..` and doubled slashes, as text. */
export function normalise(directory: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${directory}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/**
 * The permission check of open() and access() (path_resolution(7)).
 * @param want 4 read, 2 write, 1 execute
 * @throws EACCES
 */
export function permit(path: string, node: PathNode, who: Credentials, want: number): void {
  if (who.override) return;
  const shift = who.uid === node.uid ? 6 : who.gids.includes(node.gid) ? 3 : 0;
  if (((node.mode >> shift) & want) !== want) {
    throw new Errno(
      'EACCES',
      `${path} has mode 0${node.mode.toString(8)}, owner ${node.uid}:${node.gid}; user ${who.uid} may not`,
    );
  }
}
