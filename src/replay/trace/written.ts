/** What a step left in memories: each byte as it was at the end of the step, however often and in what order it was written. */
import { hex, larger, smaller } from '../../abi/address.js';
import { sumOf, toBase64 } from './bytes.js';
import type { Wrote } from './format.js';

/** Longest run of bytes that is kept as it is; of a longer one the sum is. */
const LONGEST = 512;

interface Segment {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

export class Written {
  readonly #targets = new Map<string, Segment[]>();

  /** Bytes were written; they may be changed afterwards. */
  add(target: string, address: bigint, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const segments = this.#targets.get(target) ?? [];
    this.#targets.set(target, segments);
    const last = segments.at(-1);
    const one = { address, bytes: bytes.slice() };
    // Most writes follow each other.
    if (!last || endOf(last) <= address) segments.push(one);
    else this.#targets.set(target, overlay(segments, one));
  }

  /** In the order of targets and addresses; neighbours are one. */
  all(): Wrote[] {
    const wrote: Wrote[] = [];
    for (const target of [...this.#targets.keys()].sort())
      for (const { address, bytes } of joined(this.#targets.get(target) ?? []))
        wrote.push([target, hex(address), bytes.length, textOf(bytes)]);
    return wrote;
  }
}

const endOf = ({ address, bytes }: Segment): bigint => address + BigInt(bytes.length);

const textOf = (bytes: Uint8Array): string => (bytes.length > LONGEST ? `#${sumOf(bytes)}` : toBase64(bytes));

/** Puts a segment over others, which are in order and do not overlap. */
function overlay(segments: readonly Segment[], one: Segment): Segment[] {
  const [start, end] = [one.address, endOf(one)];
  const before: Segment[] = [];
  const after: Segment[] = [];
  for (const each of segments) {
    if (each.address < start)
      before.push({
        address: each.address,
        bytes: each.bytes.subarray(0, Number(smaller(start, endOf(each)) - each.address)),
      });
    if (endOf(each) > end) {
      const from = larger(each.address, end);
      after.push({ address: from, bytes: each.bytes.subarray(Number(from - each.address)) });
    }
  }
  return [...before, one, ...after];
}

function* joined(segments: readonly Segment[]): Iterable<Segment> {
  for (let i = 0; i < segments.length; ) {
    const first = segments[i] as Segment;
    const parts = [first.bytes];
    let end = endOf(first);
    for (i++; segments[i]?.address === end; i++) {
      const { bytes } = segments[i] as Segment;
      parts.push(bytes);
      end += BigInt(bytes.length);
    }
    const bytes = new Uint8Array(Number(end - first.address));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    yield { address: first.address, bytes };
  }
}
