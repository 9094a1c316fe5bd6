/** The leaves of the interval map: runs in typed arrays, and the search in a rising array. */

/** Most runs in a leaf. */
export const LEAF = 32;
/** Leaves in a segment; the first segment grows up to it, so that a small space stays small. */
export const SEGMENT_SHIFT = 6;
export const SEGMENT = 1 << SEGMENT_SHIFT;

export class Segment {
  readonly starts: Float64Array;
  /** Two doubles a run: the target, then the words of `words`. */
  readonly rest: Float64Array;
  /** The same bytes: word 4i+2 is the low length, 4i+3 the high length << 16 | tag. */
  readonly words: Uint32Array;

  constructor(leaves: number) {
    this.starts = new Float64Array(leaves * LEAF);
    this.rest = new Float64Array(leaves * LEAF * 2);
    this.words = new Uint32Array(this.rest.buffer);
  }

  /** Makes room for a run at `i`: the runs up to `end` move up by one. Few move, so a loop beats copyWithin(). */
  open(i: number, end: number): void {
    const { starts, rest, words } = this;
    for (let k = end; k > i; k--) {
      starts[k] = starts[k - 1] as number;
      rest[2 * k] = rest[2 * k - 2] as number;
      // As words: what they hold is no double, and a double could lose bits.
      words[4 * k + 2] = words[4 * k - 2] as number;
      words[4 * k + 3] = words[4 * k - 1] as number;
    }
  }

  /** Takes the run at `i` away: the runs behind it, up to `end`, move down by one. */
  close(i: number, end: number): void {
    const { starts, rest, words } = this;
    for (let k = i; k < end; k++) {
      starts[k] = starts[k + 1] as number;
      rest[2 * k] = rest[2 * k + 2] as number;
      words[4 * k + 2] = words[4 * k + 6] as number;
      words[4 * k + 3] = words[4 * k + 7] as number;
    }
  }
}

/**
 * The first position of a rising array, from `low` to `high`, whose value is above `page`. It starts where the page
 * would be if values were evenly spread, and doubles its steps from there: neighbours are found in two or three
 * comparisons, and the worst case is twice a bisection.
 */
export function upper(values: Float64Array, low: number, high: number, page: number): number {
  if (low === high) return low;
  const first = values[low] as number;
  if (page < first) return low;
  const last = values[high - 1] as number;
  if (page >= last) return high;
  // values[low] <= page < values[high - 1] from here on.
  let at = low + ((((page - first) / (last - first)) * (high - 1 - low)) | 0);
  let step = 1;
  if ((values[at] as number) <= page) {
    for (low = at + 1, at += step; at < high && (values[at] as number) <= page; at += step) {
      low = at + 1;
      step += step;
    }
    if (at < high) high = at;
  } else {
    for (high = at, at -= step; at > low && (values[at] as number) > page; at -= step) {
      high = at;
      step += step;
    }
    if (at > low) low = at + 1;
  }
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] as number) <= page) low = middle + 1;
    else high = middle;
  }
  return low;
}
