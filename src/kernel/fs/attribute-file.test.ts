import { describe, expect, test } from 'vitest';
import { ATTRIBUTE, type AttributeFile } from './attribute-file.js';
import { FileSystem } from './file-system.js';
import { type Attribute, AttributeInode, type BinaryAttribute } from './inode.js';
import { ROOT } from './permission.js';

const RDONLY = 0;
const WRONLY = 1;
const RDWR = 2;
const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const text = (of: Uint8Array) => String.fromCharCode(...of);

function attribute(content: Attribute | BinaryAttribute, mode: number): FileSystem {
  const fs = new FileSystem();
  fs.directory('/sys');
  fs.add('/sys/it', new AttributeInode(content, { mode }));
  return fs;
}
const open = (fs: FileSystem, flags: number): AttributeFile => {
  const file = fs.open(fs.find('/sys/it'), flags, ROOT).facet(ATTRIBUTE);
  if (!file) throw new Error('no attribute');
  return file;
};
const read = (file: AttributeFile, size: number): string => {
  const into = new Uint8Array(size);
  return text(into.subarray(0, file.read(into)));
};

describe('a text attribute', () => {
  test('is made when a read begins at 0, and kept for the reads behind it', () => {
    let value = 1;
    const file = open(attribute({ show: () => `value ${value++}\n` }, 0o444), RDONLY);
    expect(read(file, 4)).toBe('valu');
    expect(read(file, 100)).toBe('e 1\n');
    expect(read(file, 100)).toBe('');
    const again = new Uint8Array(100);
    expect(text(again.subarray(0, file.pread(again, 0n)))).toBe('value 2\n');
    expect(file.pread(again, 6n)).toBe(2);
    expect(file.pread(again, 1n << 60n)).toBe(0);
  });

  test('each write is one store, whatever its offset; an empty one is none, and a page is the most', () => {
    const stored: string[] = [];
    const file = open(attribute({ store: (it) => stored.push(it) }, 0o200), WRONLY);
    expect(file.write(bytes('1\n'))).toBe(2);
    expect(file.write(bytes('2'))).toBe(1);
    expect(file.write(bytes(''))).toBe(0);
    expect(file.write(new Uint8Array(5000))).toBe(4096);
    expect(stored.map((it) => it.length)).toEqual([2, 1, 4096]);
  });

  test('says that it has a page', () => {
    expect(new AttributeInode({ show: () => 'x\n' }, { mode: 0o444 }).size).toBe(4096);
  });

  test('cannot be opened for what it has no permission bit or no method for, not even by root', () => {
    expect(() => open(attribute({ store: () => {} }, 0o200), RDONLY)).toThrow('cannot be read');
    expect(() => open(attribute({ store: () => {} }, 0o600), RDWR)).toThrow('cannot be read');
    expect(() => open(attribute({ show: () => '' }, 0o444), WRONLY)).toThrow('cannot be written');
    expect(() => open(attribute({ show: () => '', store: () => {} }, 0o444), RDWR)).toThrow('cannot be written');
  });
});

describe('a binary attribute', () => {
  const memory = bytes('0123456789');
  const content: BinaryAttribute = {
    size: memory.length,
    pread: (into, offset) => {
      into.set(memory.subarray(offset, offset + into.length));
      return into.length;
    },
    pwrite: (from, offset) => {
      memory.set(from, offset);
      return from.length;
    },
  };
  test('is read and written at offsets, up to its end; behind it a write is EFBIG', () => {
    const file = open(attribute(content, 0o644), RDWR);
    const into = new Uint8Array(100);
    expect(file.pread(into, 7n)).toBe(3);
    expect(file.pread(into, 10n)).toBe(0);
    expect(read(file, 2)).toBe('01');
    expect(file.write(bytes('ab'))).toBe(2);
    expect(file.pwrite(bytes('xyz'), 8n)).toBe(2);
    expect(text(memory)).toBe('01ab4567xy');
    expect(() => file.pwrite(bytes('x'), 10n)).toThrow('ends at 10');
  });
});
