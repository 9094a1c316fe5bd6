/**
 * A path argument, as bytes in a buffer that is used for every call: whether it may concern the virtual kernel is decided
 * without making a string of it, since nearly every path of a program does not. A string made of it has one character a
 * byte (latin1), so that names which are no UTF-8 pass unchanged.
 */
import { PATH_MAX } from '../../kernel/fs/inode.js';
import { addressOf } from '../host/libc.js';
import { copyRemoteAt } from '../memory/remote-memory.js';

const PAGE = 4096;
/** Most bytes of a path that one read takes: longer ones are rare. */
const PIECE = 256;
const SLASH = 0x2f;
const DOT = 0x2e;

export class PathText {
  readonly #bytes = new Uint8Array(new ArrayBuffer(PATH_MAX));
  readonly #address = addressOf(this.#bytes);
  readonly #buffer = Buffer.from(this.#bytes.buffer);
  readonly #tops: readonly Uint8Array[];
  #length = 0;

  /** @param tops the names in `/` below which the tree has anything */
  constructor(tops: readonly string[]) {
    this.#tops = tops.map((name) => new Uint8Array(Buffer.from(name, 'latin1')));
  }

  /** Bytes, without the zero. */
  get length(): number {
    return this.#length;
  }

  /** Reads a zero-terminated path of a thread. Returns false if it cannot be read, or is too long. */
  read(tid: number, address: number): boolean {
    let length = 0;
    while (length < PATH_MAX) {
      // Not over the end of a page: the next one may not be mapped.
      const room = Math.min(PATH_MAX - length, PAGE - ((address + length) % PAGE), PIECE);
      const got = copyRemoteAt(tid, address + length, this.#address + length, room, false);
      if (got <= 0) return false;
      for (const end = length + got; length < end; length++) {
        if (this.#bytes[length] !== 0) continue;
        this.#length = length;
        return true;
      }
    }
    return false;
  }

  get absolute(): boolean {
    return this.#length > 0 && this.#bytes[0] === SLASH;
  }

  /**
   * Can the path lead into the tree, or to a directory above it, by its names alone? Its first name is one of the tree's;
   * or it goes up somewhere, and has one of them or ends there; or it is the root.
   */
  get reaches(): boolean {
    const [bytes, length] = [this.#bytes, this.#length];
    let climbs = false;
    let named = false;
    let endsUp = false;
    let first = bytes[0] === SLASH;
    for (let at = 0; at < length; at++) {
      if (bytes[at] === SLASH) continue;
      const start = at;
      while (at < length && bytes[at] !== SLASH) at++;
      const size = at - start;
      if (size === 1 && bytes[start] === DOT) continue;
      endsUp = size === 2 && bytes[start] === DOT && bytes[start + 1] === DOT;
      climbs ||= endsUp;
      if (endsUp) continue;
      if (this.#isTop(start, size)) {
        if (first) return true;
        named = true;
      }
      first = false;
    }
    return first || (climbs && (named || endsUp));
  }

  #isTop(start: number, length: number): boolean {
    const bytes = this.#bytes;
    for (const top of this.#tops) {
      if (top.length !== length) continue;
      let i = 0;
      while (i < length && bytes[start + i] === top[i]) i++;
      if (i === length) return true;
    }
    return false;
  }

  toString(): string {
    return this.#buffer.toString('latin1', 0, this.#length);
  }
}
