/** The memory areas of another process (proc(5): /proc/PID/maps), one at a time. */
import { readFileSync } from 'node:fs';
import { addressOf, errno, libc } from '../host/libc.js';

/** _IOWR('f', 17, struct procmap_query) of linux/fs.h, since Linux 6.11. */
const PROCMAP_QUERY = 0xc0686611;
const SIZE = 104;
/** Offsets of struct procmap_query. */
const AT = { address: 16, start: 24, end: 32, flags: 40, pageSize: 48, offset: 56, inode: 64, major: 72, minor: 76 };
const READABLE = 1n;
const WRITABLE = 2n;
const SHARED = 8n;
const ENOENT = 2;

const query = new DataView(new ArrayBuffer(SIZE));
const bytes = new Uint8Array(query.buffer);
const queryAddress = addressOf(query);

export interface Area {
  readonly start: bigint;
  readonly end: bigint;
  readonly readable: boolean;
  readonly writable: boolean;
  /** MAP_SHARED: the pages are those of a file. */
  readonly shared: boolean;
  /** Size of the area's pages as a power of two. */
  readonly pageShift: number;
  /** The file: device and inode as text, and the offset of `start` in it, bytes. */
  readonly file: string;
  readonly offset: bigint;
}

/**
 * The area that holds an address.
 * @param maps an open /proc/PID/maps: it means one program image; undefined: none could be opened
 */
export function areaAt(pid: number, maps: number | undefined, address: bigint): Area | undefined {
  if (maps !== undefined) {
    bytes.fill(0);
    query.setBigUint64(0, BigInt(SIZE), true);
    query.setBigUint64(AT.address, address, true);
    if (libc.ioctl(maps, PROCMAP_QUERY, queryAddress) === 0) return answered();
    if (errno() === ENOENT) return undefined;
  }
  return parseMaps(pid).find((area) => area.start <= address && address < area.end);
}

function answered(): Area {
  const flags = query.getBigUint64(AT.flags, true);
  return {
    start: query.getBigUint64(AT.start, true),
    end: query.getBigUint64(AT.end, true),
    readable: (flags & READABLE) !== 0n,
    writable: (flags & WRITABLE) !== 0n,
    shared: (flags & SHARED) !== 0n,
    pageShift: 63 - Math.clz32(Number(query.getBigUint64(AT.pageSize, true))) - 32,
    file: fileName(
      query.getUint32(AT.major, true),
      query.getUint32(AT.minor, true),
      query.getBigUint64(AT.inode, true),
    ),
    offset: query.getBigUint64(AT.offset, true),
  };
}

/** Names a file as areas do. */
export function fileName(major: number, minor: number, inode: bigint): string {
  return `${major}:${minor}:${inode}`;
}

/** The areas of a process, from the text of maps: for kernels without PROCMAP_QUERY. */
function parseMaps(pid: number): Area[] {
  let text = '';
  try {
    text = readFileSync(`/proc/${pid}/maps`, 'latin1');
  } catch {
    return [];
  }
  const line = /^([0-9a-f]+)-([0-9a-f]+) (.)(.).(.) ([0-9a-f]+) ([0-9a-f]+):([0-9a-f]+) (\d+)(.*)$/gm;
  return [...text.matchAll(line)].map((match) => {
    const [, start, end, r, w, s, offset, major, minor, inode = '0', name = ''] = match;
    return {
      start: BigInt(`0x${start}`),
      end: BigInt(`0x${end}`),
      readable: r === 'r',
      writable: w === 'w',
      shared: s === 's',
      // The text does not tell the page size; the usual huge page is a guess for memory that says it is huge.
      pageShift: name.includes('/anon_hugepage') ? 21 : 12,
      file: fileName(Number.parseInt(major ?? '0', 16), Number.parseInt(minor ?? '0', 16), BigInt(inode)),
      offset: BigInt(`0x${offset}`),
    };
  });
}
