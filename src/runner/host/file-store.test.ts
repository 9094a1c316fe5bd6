import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { FileStore } from './file-store.js';

const directory = mkdtempSync(join(tmpdir(), 'ioasid-store-'));
afterAll(() => rmSync(directory, { recursive: true }));
const path = (name: string) => join(directory, name);
const flushed = (store: FileStore) => new Promise<Error | undefined>((done) => store.flush(done));

describe('a disk in a file', () => {
  test('is made sparse, and keeps what is written', async () => {
    const store = new FileStore(path('new'), 1 << 20);
    expect([store.size, statSync(path('new')).blocks]).toEqual([1 << 20, 0]);
    store.write(4096, new Uint8Array([1, 2, 3]));
    expect(await flushed(store)).toBeUndefined();
    expect([...readFileSync(path('new')).subarray(4096, 4099)]).toEqual([1, 2, 3]);
    const back = new Uint8Array(3);
    store.read(4096, back);
    expect([...back]).toEqual([1, 2, 3]);
  });

  test('zeroed blocks read as zero, whole ones are given back', () => {
    const store = new FileStore(path('holes'), 1 << 20);
    store.write(0, new Uint8Array(1 << 16).fill(7));
    store.zero(512, (1 << 16) - 512);
    const bytes = new Uint8Array(1 << 16);
    store.read(0, bytes);
    expect(bytes.every((byte, i) => byte === (i < 512 ? 7 : 0))).toBe(true);
    expect(statSync(path('holes')).blocks).toBeLessThan(128);
  });

  test('an existing file keeps its size; another size, none, or no file is refused', () => {
    writeFileSync(path('old'), new Uint8Array(10_000));
    expect(new FileStore(path('old'), undefined).size).toBe(8192);
    writeFileSync(path('sized'), new Uint8Array(8192));
    expect(() => new FileStore(path('sized'), 4096)).toThrow('has 8192 bytes');
    writeFileSync(path('small'), 'x');
    expect(() => new FileStore(path('small'), undefined)).toThrow('smaller than one block');
    expect(() => new FileStore(path('none'), undefined)).toThrow('ENOENT');
  });

  test('two machines do not share it', () => {
    const store = new FileStore(path('mine'), 4096);
    expect(() => new FileStore(path('mine'), 4096)).toThrow('used by another run');
    expect(store.size).toBe(4096);
  });

  test('a file that became shorter is an error of the medium', () => {
    const store = new FileStore(path('cut'), 8192);
    truncateSync(path('cut'), 4096);
    expect(() => store.read(4096, new Uint8Array(512))).toThrow('became shorter');
  });
});
