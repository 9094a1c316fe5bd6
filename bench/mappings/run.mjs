// Mappings: a million of them, churn, and walks of user tables; beside C structures doing the same in the same run.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { DMA_FAULT } from '../../dist/iommu/domain.js';
import { UserTable } from '../../dist/iommu/first-level/user-table.js';
import { PagingDomain } from '../../dist/iommu/paging/paging-domain.js';
import { aim, compileC, figure, median, row, title } from '../common.mjs';
import { areas } from './areas.mjs';

const LARGE = 1_000_000;
const SMALL = 10_000;
const ASKED = 1_000_000;
/** Pages of the set that walks are measured in; an IOTLB holds 4096. */
const WORKING_SET = 100_000;
const ROUNDS = 3;

/** The generator of trees.c, so that all do the same work. */
function generator() {
  let state = 88172645463325252n;
  const mask = (1n << 64n) - 1n;
  return (n) => {
    state = (state ^ (state << 13n)) & mask;
    state ^= state >> 7n;
    state = (state ^ (state << 17n)) & mask;
    return Number((state >> 11n) % BigInt(n));
  };
}

function ns(count, act) {
  const start = process.hrtime.bigint();
  act();
  return Number(process.hrtime.bigint() - start) / count;
}

/** map, random lookup, hot lookup, churn, unmap, bytes: of the kernel's own domain, owners and permissions included. */
function ours(n, [low, high]) {
  const rnd = generator();
  const [starts, pages, order] = [new Float64Array(n), new Float64Array(n), new Uint32Array(n)];
  let next = 1;
  for (let i = 0; i < n; i++) {
    pages[i] = 2 ** (low + rnd(high - low + 1));
    starts[i] = next;
    next += pages[i] + rnd(2);
    order[i] = i;
  }
  for (let i = n - 1; i > 0; i--) {
    const j = rnd(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  const owner = { alive: true, memory: { read: () => 0, write: () => 0 } };
  const domain = new PagingDomain();
  const hit = { target: undefined, page: 0, pages: 0, dirty: undefined, dirtyPage: 0 };
  const map = (k) => {
    if (domain.map.overlaps(starts[k], starts[k] + pages[k] - 1)) throw new Error('overlap');
    domain.insert(starts[k], pages[k], owner, starts[k] + 7, 3);
  };
  const mapTime = ns(n, () => {
    for (let i = 0; i < n; i++) map(order[i]);
  });
  const bytes = domain.map.bytes / n;
  const asked = new Float64Array(ASKED);
  const lookups = () =>
    ns(ASKED, () => {
      for (let i = 0; i < ASKED; i++)
        if (domain.translate(asked[i], false, hit, undefined) !== DMA_FAULT.NONE) throw new Error('lost');
    });
  for (let i = 0; i < ASKED; i++) asked[i] = starts[rnd(n)];
  const random = lookups();
  for (let i = 0; i < ASKED; i++) asked[i] = starts[order[rnd(Math.min(n, 1000))]];
  const hot = lookups();
  for (let i = 0; i < ASKED / 2; i++) asked[i] = rnd(n);
  const churn = ns(ASKED, () => {
    for (let i = 0; i < ASKED / 2; i++) {
      domain.map.seek(starts[asked[i]]);
      domain.remove();
      map(asked[i]);
    }
  });
  const unmap = ns(n, () => {
    for (let i = 0; i < n; i++) {
      domain.map.seek(starts[order[i]]);
      domain.remove();
    }
  });
  return [mapTime, random, hot, churn, unmap, bytes];
}

const COLUMNS = ['map', 'random', 'hot', 'churn', 'unmap', 'bytes'];
/** Walks: after an invalidation, again, at random in WORKING_SET pages side by side, and with four pages a table. */
const WALKS = ['cold', 'warm', 'set', 'sparse set'];
/** Lengths of the mappings, as powers of two of pages. */
const LENGTHS = { '4 KiB to 2 MiB': [0, 9], '4 KiB': [0, 0], '2 MiB to 128 MiB': [9, 15] };
const STRUCTURES = {
  gtree: 'GLib GTree (QEMU iova-tree)',
  rbtree: 'red-black interval tree',
  radix: '4-level page map',
};

function middle(results) {
  return results[0].map((_, i) => median(results.map((r) => r[i])));
}

/** A 4-level table in memory behind a parent, of pages that are so far apart. */
function userTable(count, stride) {
  const memory = new Uint8Array(Math.ceil((count * stride) / 512 + 64) * 4096);
  const view = new DataView(memory.buffer);
  const target = {
    alive: true,
    memory: {
      read: (address, into) => {
        into.set(memory.subarray(Number(address), Number(address) + into.length));
        return into.length;
      },
      write: (address, from) => {
        memory.set(from, Number(address));
        return from.length;
      },
    },
  };
  const parent = new PagingDomain();
  parent.insert(0, Math.max(memory.length / 4096, count), target, 0, 3);
  let used = 2;
  for (let i = 0; i < count; i++) {
    const page = i * stride;
    let at = 1;
    for (let level = 3; level > 0; level--) {
      const e = at * 4096 + (Math.floor(page / 2 ** (9 * level)) % 512) * 8;
      if (view.getBigUint64(e, true) === 0n) view.setBigUint64(e, (BigInt(used++) << 12n) | 7n, true);
      at = Number(view.getBigUint64(e, true) >> 12n);
    }
    view.setBigUint64(at * 4096 + (page % 512) * 8, (BigInt(i) << 12n) | 7n, true);
  }
  return new UserTable(parent, { address: 4096n, levels: 4, addressWidth: 48, pasidBits: undefined });
}

/** Translations through a 4-level table: after an invalidation, warm, and at random in sets that no IOTLB holds. */
function walks() {
  const who = {};
  const hit = { target: undefined, page: 0, pages: 0, dirty: undefined, dirtyPage: 0 };
  const PAGES = 4096;
  const STRIDE = 131;
  const table = userTable(PAGES, STRIDE);
  let cold = 0;
  for (let round = 0; round < 20; round++) {
    table.invalidate(undefined, undefined);
    cold = ns(PAGES, () => {
      for (let i = 0; i < PAGES; i++)
        if (table.translate(i * STRIDE, false, hit, who, 0) !== DMA_FAULT.NONE) throw new Error('lost');
    });
  }
  const warm = ns(ASKED, () => {
    for (let i = 0; i < ASKED; i++) table.translate((i & 1023) * STRIDE, false, hit, who, 0);
  });
  const rnd = generator();
  const asked = Uint32Array.from({ length: ASKED }, () => rnd(WORKING_SET));
  const random = (stride) => {
    const large = userTable(WORKING_SET, stride);
    let time = 0;
    // The first round marks the entries as accessed.
    for (let round = 0; round < 2; round++) {
      time = ns(ASKED, () => {
        for (let i = 0; i < ASKED; i++)
          if (large.translate(asked[i] * stride, false, hit, who, 0) !== DMA_FAULT.NONE) throw new Error('lost');
      });
    }
    return time;
  };
  return [cold, warm, random(1), random(STRIDE)];
}

/** One table: mappings of these lengths, ours beside the C structures. */
function compared(n, name, trees, gtree) {
  const lengths = LENGTHS[name];
  title(`${n} mappings of ${name}, ns a step (median of ${ROUNDS}; of ours minimum, median, maximum)`);
  row('', ...COLUMNS);
  // Few are mapped before the code is compiled: that round does not count.
  if (n < LARGE) ours(n, lengths);
  const own = Array.from({ length: ROUNDS }, () => ours(n, lengths));
  row('ioasid', ...middle(own).map((v) => v.toFixed(0)));
  for (const [i, column] of COLUMNS.entries())
    figure(
      `  ${column}`,
      own.map((each) => each[i]),
    );
  aim(`${n} mappings of ${name}, bytes for each`, middle(own)[5], { most: 30, digits: 0 });
  // The page map has an entry a page: it is for few pages only.
  const runs = { gtree, rbtree: true, radix: n * 2 ** lengths[1] <= LARGE * 8 };
  for (const structure of Object.keys(STRUCTURES).filter((each) => runs[each])) {
    const results = Array.from({ length: ROUNDS }, () =>
      spawnSync(trees, [structure, String(n), ...lengths.map(String)], { encoding: 'utf8' })
        .stdout.trim()
        .split(' ')
        .slice(0, COLUMNS.length)
        .map(Number),
    );
    row(STRUCTURES[structure], ...middle(results).map((v) => v.toFixed(0)));
    if (structure !== 'rbtree') continue;
    for (const i of [0, 1, 2, 3, 4]) {
      aim(`${n} mappings of ${name}, ${COLUMNS[i]}, times the red-black tree`, middle(own)[i] / middle(results)[i], {
        most: 1,
      });
    }
  }
}

export function mappings() {
  const here = import.meta.dirname;
  const flags = spawnSync('pkg-config', ['--cflags', '--libs', 'glib-2.0'], { encoding: 'utf8' });
  const gtree = flags.status === 0;
  const trees = compileC(join(here, 'trees.c'), gtree ? ['-DGTREE', ...flags.stdout.trim().split(/\s+/)] : []);
  if (!gtree) console.log('  GLib is not compared: it needs libglib2.0-dev and pkg-config');
  for (const n of [LARGE, SMALL]) for (const name of Object.keys(LENGTHS)) compared(n, name, trees, gtree);
  title('Areas of an IOAS, one page each: whole calls on the virtual kernel, us');
  row('', 'map', 'choose', 'copy', 'unmap', 'close', 'bytes');
  for (const n of [SMALL, LARGE]) row(`${n} areas`, ...areas(n).map((v) => v.toFixed(v < 100 ? 1 : 0)));
  title('Translations through a 4-level table of the user, ns');
  row('', ...WALKS);
  const walked = Array.from({ length: ROUNDS }, walks);
  row('ioasid: walk through the parent, IOTLB', ...middle(walked).map((v) => v.toFixed(0)));
  for (const [i, name] of WALKS.entries())
    figure(
      `  ${name}`,
      walked.map((each) => each[i]),
    );
  aim(`walk of two stages at random in ${WORKING_SET} pages side by side, ns`, middle(walked)[2], {
    most: 300,
    digits: 0,
  });
  aim('walk of two stages after an invalidation, 4 pages a table, ns', middle(walked)[0], { most: 300, digits: 0 });
  const c = spawnSync(compileC(join(here, 'walk.c')), { encoding: 'utf8' })
    .stdout.trim()
    .split(' ');
  row('C: the table alone, no parent, no permissions of a parent', c[0] ?? '', c[1] ?? '');
}
