/**
 * An open attribute of sysfs, as kernfs serves it (fs/kernfs/file.c, fs/sysfs/file.c): the text is made when a read
 * begins at offset 0 and kept for the reads behind it; each write is one store(), whatever its offset; a binary
 * attribute is read and written at offsets.
 */
import { Errno } from '../../abi/errno.js';
import { Facet } from '../file/facet.js';
import type { FileTable } from '../file/open-file.js';
import type { Attribute, BinaryAttribute } from './inode.js';

/** Most bytes that one read or write of a text attribute moves: a page. */
const PAGE = 4096;

// One character a byte: what attributes say is ASCII, and what is written to them passes unchanged.
const encode = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const decode = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

export class AttributeFile {
  readonly name: string;
  readonly #content: Attribute | BinaryAttribute;
  /** The opener had CAP_SYS_ADMIN. */
  readonly #privileged: boolean;
  #position = 0n;
  #text: Uint8Array | undefined;

  constructor(name: string, content: Attribute | BinaryAttribute, privileged: boolean) {
    this.name = name;
    this.#content = content;
    this.#privileged = privileged;
  }

  read(into: Uint8Array): number {
    const got = this.pread(into, this.#position);
    this.#position += BigInt(got);
    return got;
  }

  write(from: Uint8Array): number {
    const taken = this.pwrite(from, this.#position);
    this.#position += BigInt(taken);
    return taken;
  }

  /** All that reading it shows, of a binary attribute a page at most; undefined if reading fails. */
  text(): Uint8Array | undefined {
    const into = new Uint8Array(PAGE);
    try {
      return into.subarray(0, this.pread(into, 0n));
    } catch (error) {
      if (error instanceof Errno) return undefined;
      throw error;
    }
  }

  /** @throws EIO the attribute has nothing to show, and what show() throws */
  pread(into: Uint8Array, offset: bigint): number {
    const content = this.#content;
    if ('size' in content) return this.#preadBinary(content, into, offset);
    if (offset === 0n || !this.#text) this.#text = this.#show(content);
    const bytes = this.#text.subarray(Number(offset < PAGE ? offset : PAGE)).subarray(0, into.length);
    into.set(bytes);
    return bytes.length;
  }

  /** @throws EIO the attribute takes nothing; EFBIG behind the end of a binary one; and what store() throws */
  pwrite(from: Uint8Array, offset: bigint): number {
    const content = this.#content;
    if ('size' in content) return this.#pwriteBinary(content, from, offset);
    if (!content.store) throw new Errno('EIO', `${this.name} takes nothing`);
    if (from.length === 0) return 0;
    const bytes = from.subarray(0, PAGE);
    content.store(decode(bytes));
    return bytes.length;
  }

  #show(attribute: Attribute): Uint8Array {
    if (!attribute.show) throw new Errno('EIO', `${this.name} has nothing to show`);
    return encode(attribute.show()).subarray(0, PAGE);
  }

  #preadBinary(attribute: BinaryAttribute, into: Uint8Array, offset: bigint): number {
    if (!attribute.pread) throw new Errno('EIO', `${this.name} has nothing to show`);
    if (offset >= attribute.size) return 0;
    const at = Number(offset);
    return attribute.pread(into.subarray(0, attribute.size - at), at, this.#privileged);
  }

  #pwriteBinary(attribute: BinaryAttribute, from: Uint8Array, offset: bigint): number {
    if (!attribute.pwrite) throw new Errno('EIO', `${this.name} takes nothing`);
    if (offset >= attribute.size) throw new Errno('EFBIG', `${this.name} ends at ${attribute.size}`);
    const at = Number(offset);
    return attribute.pwrite(from.subarray(0, attribute.size - at), at);
  }
}

/** The attribute that an open file is. */
export const ATTRIBUTE = new Facet<AttributeFile>('an attribute');

export const ATTRIBUTE_TABLE: FileTable<AttributeFile> = {
  name: (file) => file.name,
  read: (file, _caller, into) => file.read(into),
  write: (file, _caller, from) => file.write(from),
  pread: (file, _caller, into, offset) => file.pread(into, offset),
  pwrite: (file, _caller, from, offset) => file.pwrite(from, offset),
  facets: [ATTRIBUTE.from((file: AttributeFile) => file)],
};
