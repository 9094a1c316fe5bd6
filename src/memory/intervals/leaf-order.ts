/**
 * The order of the leaves of a stretch, and a directory that finds the leaf of an offset without a search: a trie of the
 * offset's bits (as a page table is), in which an entry may stand for its whole range at any level (as a large page
 * does). An entry names the leaf that its first offset belongs to; at most MOST leaves begin inside an entry, or it
 * becomes a node of its own. The root covers no more than where leaves begin, so few leaves need few levels.
 *
 * Vocabulary: an *offset* is a page within the stretch, 0 to 2^31-1. The *separator* of a leaf is the first offset that
 * belongs to it; it need not be the start of a run. The first leaf's is 0.
 */

export const NOWHERE = -1;
export const LAST_OFFSET = 0x7fff_ffff;

const BITS = 5;
const FAN = 1 << BITS;
const MASK = FAN - 1;
/** An entry of a lowest node is for two offsets; 31 bits are six levels above that. */
const LOWEST = 1;
/** Most leaves that may begin inside one entry, behind its first offset. */
const MOST = 2;

export class LeafOrder {
  /** By number of a leaf. */
  #separators = new Int32Array(1);
  #nexts = new Int32Array(1);
  #befores = new Int32Array(1);
  /** Leaves that had a number. */
  #leaves = 1;
  #first = NOWHERE;
  #last = NOWHERE;
  /** Entries of all nodes: a leaf, or ~node. Free nodes are chained by their first entry. */
  #entries = new Int32Array(FAN);
  #nodes = 1;
  #free = NOWHERE;
  /** The root, the power of two of its entries' size, and its first offset. */
  #root = 0;
  #shift = LOWEST;
  #base = 0;

  get bytes(): number {
    const leaves = written(this.#leaves, this.#separators.length);
    return 12 * leaves + written(this.#nodes, this.#entries.length >>> BITS) * FAN * 4;
  }

  /** The first leaf, and the last. */
  get first(): number {
    return this.#first;
  }
  get last(): number {
    return this.#last;
  }

  next(leaf: number): number {
    return this.#nexts[leaf] as number;
  }
  before(leaf: number): number {
    return this.#befores[leaf] as number;
  }
  separator(leaf: number): number {
    return this.#separators[leaf] as number;
  }

  /** The leaf that an offset belongs to, or one that few leaves lie between. */
  near(offset: number): number {
    const at = offset - this.#base;
    let shift = this.#shift;
    if (at >>> (shift + BITS) !== 0) return at < 0 ? this.#first : this.#last;
    const entries = this.#entries;
    let entry = entries[(this.#root << BITS) + (at >>> shift)] as number;
    while (entry < 0) {
      shift -= BITS;
      entry = entries[(~entry << BITS) + ((at >>> shift) & MASK)] as number;
    }
    return entry;
  }

  /** Puts a leaf behind another. @param before NOWHERE: it is the only one */
  insert(before: number, leaf: number, separator: number): void {
    if (before === NOWHERE) {
      this.#first = leaf;
      this.#last = leaf;
      this.#separators[leaf] = 0;
      this.#nexts[leaf] = NOWHERE;
      this.#befores[leaf] = NOWHERE;
      this.#entries.fill(leaf, this.#root << BITS, (this.#root + 1) << BITS);
      return;
    }
    if (leaf >= this.#separators.length) {
      const room = more(leaf);
      this.#separators = grown(this.#separators, new Int32Array(room));
      this.#nexts = grown(this.#nexts, new Int32Array(room));
      this.#befores = grown(this.#befores, new Int32Array(room));
    }
    this.#leaves = Math.max(this.#leaves, leaf + 1);
    if (this.#first === this.#last) this.#base = start(separator, this.#shift + BITS);
    this.#cover(separator);
    const next = this.#nexts[before] as number;
    this.#nexts[before] = leaf;
    this.#nexts[leaf] = next;
    this.#befores[leaf] = before;
    if (next === NOWHERE) this.#last = leaf;
    else this.#befores[next] = leaf;
    this.#separators[leaf] = separator;
    this.#assign(separator, this.#end(leaf), leaf);
    this.#refine(separator);
  }

  /** Moves the border between a leaf and the one before it. */
  move(leaf: number, separator: number): void {
    this.#cover(separator);
    const was = this.#separators[leaf] as number;
    this.#separators[leaf] = separator;
    if (separator < was) this.#assign(separator, was - 1, leaf);
    else this.#assign(was, separator - 1, this.#befores[leaf] as number);
    this.#refine(separator);
  }

  /** Takes a leaf out: its offsets belong to the one before it, those of the first to the second. */
  remove(leaf: number): void {
    const next = this.#nexts[leaf] as number;
    const before = this.#befores[leaf] as number;
    const heir = before === NOWHERE ? next : before;
    if (heir !== NOWHERE) this.#assign(this.#separators[leaf] as number, this.#end(leaf), heir);
    if (next === NOWHERE) this.#last = before;
    else this.#befores[next] = before;
    if (before !== NOWHERE) {
      this.#nexts[before] = next;
      return;
    }
    this.#first = next;
    if (next !== NOWHERE) this.#separators[next] = 0;
  }

  /** The last offset that belongs to a leaf. */
  #end(leaf: number): number {
    const next = this.#nexts[leaf] as number;
    return next === NOWHERE ? LAST_OFFSET : (this.#separators[next] as number) - 1;
  }

  /** Puts roots above the root until an offset is below it. */
  #cover(offset: number): void {
    while ((offset - this.#base) >>> (this.#shift + BITS) !== 0) {
      const root = this.#newNode();
      const shift = this.#shift + BITS;
      const base = start(this.#base, shift + BITS);
      const old = (root << BITS) + ((this.#base - base) >>> shift);
      // Leaves begin below the old root only, but for the first.
      this.#entries.fill(this.#first, root << BITS, old);
      this.#entries[old] = ~this.#root;
      this.#entries.fill(this.#last, old + 1, (root + 1) << BITS);
      this.#root = root;
      this.#shift = shift;
      this.#base = base;
    }
  }

  /** Names a leaf in all entries whose first offset is in [first, last]. */
  #assign(first: number, last: number, leaf: number): void {
    this.#assignIn(this.#root, this.#shift, this.#base, first, last, leaf);
  }

  #assignIn(node: number, shift: number, base: number, first: number, last: number, leaf: number): void {
    const entries = this.#entries;
    const end = Math.min(MASK, (last - base) >> shift);
    for (let i = Math.max(0, (first - base) >> shift); i <= end; i++) {
      const at = (node << BITS) + i;
      const entry = entries[at] as number;
      const from = base + (i << shift);
      if (entry >= 0 || (from >= first && from + ((1 << shift) - 1) <= last)) {
        if (from < first) continue;
        entries[at] = leaf;
        if (entry < 0) this.#freeNode(~entry);
      } else {
        this.#assignIn(~entry, shift - BITS, from, first, last, leaf);
        const only = this.#only(~entry);
        if (only === NOWHERE) continue;
        entries[at] = only;
        this.#freeNode(~entry);
      }
    }
  }

  /** The leaf that a node names in all entries, if it is one. */
  #only(node: number): number {
    const first = this.#entries[node << BITS] as number;
    if (first < 0) return NOWHERE;
    for (let i = FAN - 1; i > 0; i--) if (this.#entries[(node << BITS) + i] !== first) return NOWHERE;
    return first;
  }

  /** A leaf begins at an offset: the entry there becomes a node if too many begin in it. */
  #refine(offset: number): void {
    let shift = this.#shift;
    let from = this.#base;
    for (let node = this.#root; ; ) {
      const index = (offset - from) >>> shift;
      const at = (node << BITS) + index;
      from += index << shift;
      const entry = this.#entries[at] as number;
      if (entry >= 0 && (shift === LOWEST || this.#begin(entry, from + ((1 << shift) - 1)) <= MOST)) return;
      shift -= BITS;
      node = entry < 0 ? ~entry : this.#expand(entry, from, shift);
      this.#entries[at] = ~node;
    }
  }

  /** How many leaves behind one begin up to an offset, counted to MOST + 1. */
  #begin(leaf: number, last: number): number {
    let count = 0;
    for (
      let next = this.#nexts[leaf] as number;
      next !== NOWHERE && count <= MOST;
      next = this.#nexts[next] as number
    ) {
      if ((this.#separators[next] as number) > last) break;
      count++;
    }
    return count;
  }

  /** Makes a node for an entry that names a leaf. @param from its first offset; @param shift of the node's entries */
  #expand(leaf: number, from: number, shift: number): number {
    const node = this.#newNode();
    for (let i = 0, at = leaf; i < FAN; i++) {
      for (let next = this.#nexts[at] as number; next !== NOWHERE; next = this.#nexts[at] as number) {
        if ((this.#separators[next] as number) > from + (i << shift)) break;
        at = next;
      }
      this.#entries[(node << BITS) + i] = at;
    }
    return node;
  }

  #newNode(): number {
    const node = this.#free;
    if (node !== NOWHERE) {
      this.#free = this.#entries[node << BITS] as number;
      return node;
    }
    const size = this.#entries.length;
    if (this.#nodes << BITS === size) this.#entries = grown(this.#entries, new Int32Array(more(this.#nodes) << BITS));
    return this.#nodes++;
  }

  /** Frees a node and those below it. */
  #freeNode(node: number): void {
    for (let at = node << BITS; at < (node + 1) << BITS; at++) {
      const entry = this.#entries[at] as number;
      if (entry < 0) this.#freeNode(~entry);
    }
    this.#entries[node << BITS] = this.#free;
    this.#free = node;
  }
}

/** Where the block of 2^shift offsets begins that an offset is in. */
function start(offset: number, shift: number): number {
  return (offset >>> shift) << shift;
}

/** From so many on, arrays are so large that the host gives their pages when they are first written. */
const PAGED = 4096;

/** How many to have room for when there was room for `count`: little is held for nothing, or little is copied. */
export function more(count: number): number {
  if (count < 64) return count * 2;
  return count + (count < PAGED ? count >>> 3 : count >>> 1);
}

/** Of how many the memory is held. */
export function written(used: number, room: number): number {
  return room <= PAGED ? room : used;
}

/** A copy with more room. */
export function grown<T extends Int32Array | Uint32Array | Uint8Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
