import { describe, expect, test } from 'vitest';
import { refused } from '../../../test/refused.js';
import { VirtualKernel } from '../kernel.js';
import { Process } from '../process.js';
import { Facet } from './facet.js';
import { type FileTable, OpenFile } from './open-file.js';

const process = new Process(new VirtualKernel(), () => 1);
const COLOUR = new Facet<string>('colour');
const SIZE = new Facet<number>('size');

describe('an open file', () => {
  test('lives until its last reference is gone, and is released once', () => {
    let released = 0;
    const file = new OpenFile({}, { name: () => 'x', release: () => released++ });
    file.get();
    file.get();
    file.put();
    file.put();
    expect([released, file.references]).toEqual([0, 1]);
    file.put();
    expect(released).toBe(1);
    expect(() => file.put()).toThrow('released already');
  });

  test('without a call in its table answers as Linux does', () => {
    const file = new OpenFile({}, { name: () => 'x' });
    const bytes = new Uint8Array(1);
    expect([
      refused(() => file.ioctl(process, 0, 0n)),
      refused(() => file.read(process, bytes)),
      refused(() => file.write(process, bytes)),
      refused(() => file.pread(process, bytes, 0n)),
      refused(() => file.pwrite(process, bytes, 0n)),
      refused(() => file.mmap(process, { offset: 0n, size: 1n, shared: true, prot: 1 })),
    ]).toEqual(['ENOTTY', 'EINVAL', 'EINVAL', 'ESPIPE', 'ESPIPE', 'ENODEV']);
    expect([file.poll(), file.driven, file.immediate]).toEqual([{ readable: true, writable: true }, false, false]);
  });

  test('has the facets of its table, each a view of its object, and no other', () => {
    const table: FileTable<{ name: string }> = {
      name: ({ name }) => name,
      facets: [COLOUR.from(({ name }: { name: string }) => `${name} is green`)],
    };
    const file = new OpenFile({ name: 'it' }, table);
    expect([file.facet(COLOUR), file.facet(SIZE)]).toEqual(['it is green', undefined]);
  });

  test('has a number that no other has', () => {
    const table = { name: () => 'x' };
    expect(new OpenFile({}, table).id).not.toBe(new OpenFile({}, table).id);
  });
});

describe('descriptors of a process', () => {
  const setup = () => {
    const kernel = new VirtualKernel();
    const open: string[] = [];
    let n = 0;
    kernel.fs.addDevice('/dev/x', 1, 1, () => {
      const name = `file ${n++}`;
      open.push(name);
      return new OpenFile({}, { name: () => name, release: () => open.splice(open.indexOf(name), 1) });
    });
    let pid = 1;
    return { open, process: new Process(kernel, () => pid++) };
  };

  test('have the lowest free number from 3 on', () => {
    const { process } = setup();
    expect([process.open('/dev/x'), process.open('/dev/x')]).toEqual([3, 4]);
    process.close(3);
    expect([process.dup(4), refused(() => process.close(9))]).toEqual([3, 'EBADF']);
  });

  test('share one open file by dup, fork and hand-over: the last close releases it', () => {
    const { process, open } = setup();
    const fd = process.open('/dev/x');
    const child = process.fork();
    const received = child.send(fd, process);
    process.close(fd);
    process.close(received);
    expect(open).toEqual(['file 0']);
    child.exit();
    expect(open).toEqual([]);
  });

  test('with CLOEXEC are closed by exec, the others stay', () => {
    const { process, open } = setup();
    process.open('/dev/x', 0o2000002);
    process.open('/dev/x');
    process.exec();
    expect(open).toEqual(['file 1']);
  });

  test('end at 1024: EMFILE, and the file that was opened is released', () => {
    const { process, open } = setup();
    for (let i = 3; i < 1024; i++) process.open('/dev/x');
    expect([refused(() => process.open('/dev/x')), open.length]).toEqual(['EMFILE', 1021]);
  });
});
