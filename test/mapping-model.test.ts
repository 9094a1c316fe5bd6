/** Map, unmap, nesting, dirty tracking and accounting against a naive model, page by page and byte by byte. */
import { expect, test } from 'vitest';
import { bootMachine, constants, Errno, ioctls } from '../src/index.js';
import { random, seed } from './random.js';

const { IOASID_IOCTLS, VFIO_IOCTLS } = ioctls;
const PAGE = 4096;
const PAGES = 48;
const OPERATIONS = 100_000;

interface Run {
  start: number;
  pages: number;
  target: number;
  flags: number;
}

/** A list of runs, searched from one end to the other. */
class Model {
  runs: Run[] = [];
  overlaps(start: number, pages: number): Run[] {
    return this.runs.filter((r) => r.start < start + pages && start < r.start + r.pages);
  }
  map(start: number, pages: number, target: number, flags: number): string {
    if (flags === 0 || pages === 0) return 'EINVAL';
    if (this.overlaps(start, pages).length > 0) return 'EEXIST';
    this.runs.push({ start, pages, target, flags });
    return 'ok';
  }
  unmap(start: number, pages: number): string {
    if (pages === 0) return 'EINVAL';
    const hit = this.overlaps(start, pages);
    if (hit.length === 0) return 'ENOENT';
    if (hit.some((r) => r.start < start || r.start + r.pages > start + pages)) return 'EINVAL';
    this.runs = this.runs.filter((r) => !hit.includes(r));
    return `ok ${hit.reduce((sum, r) => sum + r.pages, 0)}`;
  }
  /** Page and flags behind a page. */
  at(page: number): { page: number; flags: number } | undefined {
    const run = this.runs.find((r) => r.start <= page && page < r.start + r.pages);
    return run && { page: run.target + page - run.start, flags: run.flags };
  }
}

test(`${OPERATIONS} operations agree with the model (IOASID_SEED=${seed})`, { timeout: 120_000 }, () => {
  const pick = random(seed);
  const machine = bootMachine();
  const process = machine.spawn({ memlock: BigInt(40 * PAGE) });
  const fd = process.open('/dev/ioasid');
  const device = process.open('/dev/vfio/devices/vfio1');
  const memory = process.memory.mmap(PAGES * PAGE);
  const word = process.memory.mmap(PAGE);
  process.call(device, VFIO_IOCTLS.BIND_IOASID_FD, { ioasid_fd: fd, cookie: 1n });
  const root = process.ioctl(fd, IOASID_IOCTLS.ALLOC.request);
  process.call(device, VFIO_IOCTLS.ATTACH_IOASID, { ioasid: root });
  const child = process.ioctl(fd, IOASID_IOCTLS.CREATE_NESTING.request, root);
  const START = constants.DIRTY.IOASID_DIRTY_TRACKING_START;
  process.call(fd, IOASID_IOCTLS.DIRTY_TRACKING, { ioasid: root, flags: START });

  const rootModel = new Model();
  const childModel = new Model();
  const bytes = new Uint8Array(PAGES);
  const dirty = new Set<number>();
  let inChild = false;

  const attempt = (act: () => string): string => {
    try {
      return act();
    } catch (error) {
      if (error instanceof Errno) return error.code;
      throw error;
    }
  };
  const address = (page: number): bigint => BigInt(page * PAGE);
  const set = (register: number, value: bigint, size: number): void => {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, value, true);
    process.memory.write(word, new Uint8Array(view.buffer));
    process.pwrite(device, word, size, BigInt(register));
  };
  const get = (register: number): number => {
    const view = new DataView(new ArrayBuffer(4));
    process.pread(device, word, 4, BigInt(register));
    process.memory.read(word, new Uint8Array(view.buffer));
    return view.getUint32(0, true);
  };

  /** What the model says of one byte at a page: the reason of an error, or the page of memory. */
  const translate = (page: number, flag: number): number | { page: number; iova: number } => {
    let at = page;
    if (inChild) {
      const hit = childModel.at(at);
      if (!hit) return 1;
      if (!(hit.flags & flag)) return 2;
      at = hit.page;
    }
    const hit = rootModel.at(at);
    if (!hit) return 1;
    return hit.flags & flag ? { page: hit.page, iova: at } : 2;
  };

  const operations: (() => [string, string])[] = [
    () => {
      const [start, pages, target, flags] = [pick(PAGES), pick(6), pick(PAGES - 6), pick(4)];
      const charged = rootModel.runs.reduce((sum, r) => sum + r.pages, 0);
      let expected = rootModel.map(start, pages, target, flags);
      if (expected === 'ok' && charged + pages > 40) {
        rootModel.runs.pop();
        expected = 'ENOMEM';
      }
      const fields = {
        ioasid: root,
        flags,
        vaddr: memory + address(target),
        iova: address(start),
        size: address(pages),
      };
      return [expected, attempt(() => (process.call(fd, IOASID_IOCTLS.MAP_DMA, fields).result === 0 ? 'ok' : 'not 0'))];
    },
    () => {
      const [start, pages] = [pick(PAGES), pick(10)];
      const before = rootModel.runs;
      const expected = rootModel.unmap(start, pages);
      for (const run of before) {
        if (rootModel.runs.includes(run)) continue;
        for (let page = run.start; page < run.start + run.pages; page++) dirty.delete(page);
      }
      const fields = { ioasid: root, iova: address(start), size: address(pages) };
      return [expected, attempt(() => `ok ${Number(process.call(fd, IOASID_IOCTLS.UNMAP_DMA, fields).size) / PAGE}`)];
    },
    () => {
      const [start, pages, target, flags] = [pick(PAGES), pick(4), pick(PAGES), pick(4)];
      let expected: string;
      if (!inChild) expected = 'ENODEV';
      else if (flags === 0 || pages === 0) expected = 'EINVAL';
      else if (childModel.overlaps(start, pages).length > 0) expected = 'EEXIST';
      else if (
        Array.from({ length: pages }, (_, i) => rootModel.at(target + i)).some(
          (hit) => !hit || (hit.flags & flags) !== flags,
        )
      )
        expected = 'EFAULT';
      else expected = childModel.map(start, pages, target, flags);
      const fields = { ioasid: child, flags, vaddr: address(target), iova: address(start), size: address(pages) };
      return [expected, attempt(() => (process.call(fd, IOASID_IOCTLS.MAP_DMA, fields).result === 0 ? 'ok' : 'not 0'))];
    },
    () => {
      const [start, pages] = [pick(PAGES), pick(10)];
      const expected = inChild ? childModel.unmap(start, pages) : 'ENODEV';
      const fields = { ioasid: child, iova: address(start), size: address(pages) };
      return [expected, attempt(() => `ok ${Number(process.call(fd, IOASID_IOCTLS.UNMAP_DMA, fields).size) / PAGE}`)];
    },
    () => {
      // The device writes one byte, over the end of a page into the next one.
      const [page, value] = [pick(PAGES), pick(256)];
      const hit = translate(page, 2);
      if (typeof hit !== 'number') {
        bytes[hit.page] = value;
        dirty.add(hit.iova);
      }
      set(0x38, BigInt(value), 8);
      set(0x0c, 1n, 4);
      set(0x18, address(page), 8);
      set(0x20, 1n, 4);
      set(0x08, 1n, 4);
      return [typeof hit === 'number' ? `error ${hit}` : 'ok', get(0x04) === 2 ? 'ok' : `error ${get(0x2c)}`];
    },
    () => {
      const page = pick(PAGES);
      const hit = translate(page, 1);
      set(0x0c, 2n, 4);
      set(0x10, address(page), 8);
      set(0x20, 1n, 4);
      set(0x08, 1n, 4);
      const expected = typeof hit === 'number' ? `error ${hit}` : `sum ${bytes[hit.page]}`;
      return [expected, get(0x04) === 2 ? `sum ${get(0x2c)}` : `error ${get(0x2c)}`];
    },
    () => {
      const unit = 1 << pick(3);
      const start = pick(PAGES / unit) * unit;
      const pages = (1 + pick(PAGES / unit)) * unit;
      const keep = pick(2);
      const data = process.memory.mmap(PAGE, { at: word });
      const fields = {
        ioasid: root,
        flags: keep,
        iova: address(start),
        size: address(pages),
        page_size: address(unit),
        data,
      };
      process.call(fd, IOASID_IOCTLS.GET_DIRTY_BITMAP, fields);
      const words = new Uint8Array(16);
      process.memory.read(data, words);
      const seen: number[] = [];
      for (let bit = 0; bit < pages / unit; bit++) if ((words[bit >> 3] ?? 0) & (1 << (bit & 7))) seen.push(bit);
      const inside = [...dirty].filter((page) => page >= start && page < start + pages);
      const expected = [...new Set(inside.map((page) => Math.floor((page - start) / unit)))].sort((a, b) => a - b);
      if (!keep) for (const page of inside) dirty.delete(page);
      return [expected.join(), seen.join()];
    },
    () => {
      if (pick(20) > 0) return ['', ''];
      process.call(device, inChild ? VFIO_IOCTLS.DETACH_IOASID : VFIO_IOCTLS.ATTACH_IOASID, { ioasid: child });
      inChild = !inChild;
      return ['', ''];
    },
  ];
  for (let i = 0; i < OPERATIONS; i++) {
    const number = pick(operations.length);
    const [expected, seen] = operations[number]?.() ?? ['', ''];
    if (expected !== seen)
      expect.fail(`IOASID_SEED=${seed}, operation ${i} (kind ${number}): expected '${expected}', got '${seen}'`);
    const charged = rootModel.runs.reduce((sum, r) => sum + r.pages, 0);
    if (process.mm.lockedPages !== charged)
      expect.fail(`IOASID_SEED=${seed}, operation ${i}: ${process.mm.lockedPages} pages charged, not ${charged}`);
  }
});
