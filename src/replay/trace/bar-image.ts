/**
 * The memory behind a BAR as the kernel has it, apart from what programs map: what they stored comes in before a step, and
 * what the device stores is in both at once. So a step sees one state, and it is known who stored what.
 */
import { ArrayMemory } from '../../pci/memory.js';

const WORD = 4;

export class BarImage extends ArrayMemory {
  /** Its name in a trace. */
  readonly key: string;
  /** The bytes as both sides knew them last. */
  readonly #known: Uint8Array<ArrayBuffer>;
  readonly #mapped: Uint8Array | undefined;

  /** @param size bytes, a multiple of the page size; @param mapped what programs map; not given: nobody does */
  constructor(device: string, bar: number, size: number, mapped?: Uint8Array) {
    super(size, mapped && ((bytes) => new ThroughView(bytes, mapped)));
    this.key = `${device} BAR${bar}`;
    this.#known = new Uint8Array(size);
    this.#mapped = mapped;
  }

  override write(offset: number, from: Uint8Array): void {
    super.write(offset, from);
    this.#mapped?.set(from, offset);
  }

  /** A program stored bytes. */
  put(offset: number, bytes: Uint8Array): void {
    this.bytes.set(bytes, offset);
    this.#known.set(bytes, offset);
  }

  /** Takes in what is different in the memory that programs map, and tells it. */
  takeIn(told: (offset: number, bytes: Uint8Array) => void): void {
    for (const { offset, bytes } of differences(this.#mapped ?? this.#known, this.#known)) {
      this.put(offset, bytes);
      told(offset, bytes);
    }
  }

  /** Tells what the device stored since the last time. */
  stored(told: (offset: number, bytes: Uint8Array) => void): void {
    for (const { offset, bytes } of differences(this.bytes, this.#known)) {
      this.#known.set(bytes, offset);
      told(offset, bytes);
    }
  }
}

/** A view of bytes whose stores go to a second array, too. */
class ThroughView extends DataView<ArrayBuffer> {
  readonly #bytes: Uint8Array;
  readonly #other: Uint8Array;

  constructor(bytes: Uint8Array<ArrayBuffer>, other: Uint8Array) {
    super(bytes.buffer);
    this.#bytes = bytes;
    this.#other = other;
  }

  override setInt8(offset: number, value: number): void {
    super.setInt8(offset, value);
    this.#through(offset, 1);
  }

  override setUint8(offset: number, value: number): void {
    super.setUint8(offset, value);
    this.#through(offset, 1);
  }

  override setInt16(offset: number, value: number, little?: boolean): void {
    super.setInt16(offset, value, little);
    this.#through(offset, 2);
  }

  override setUint16(offset: number, value: number, little?: boolean): void {
    super.setUint16(offset, value, little);
    this.#through(offset, 2);
  }

  override setInt32(offset: number, value: number, little?: boolean): void {
    super.setInt32(offset, value, little);
    this.#through(offset, 4);
  }

  override setUint32(offset: number, value: number, little?: boolean): void {
    super.setUint32(offset, value, little);
    this.#through(offset, 4);
  }

  override setFloat32(offset: number, value: number, little?: boolean): void {
    super.setFloat32(offset, value, little);
    this.#through(offset, 4);
  }

  override setFloat64(offset: number, value: number, little?: boolean): void {
    super.setFloat64(offset, value, little);
    this.#through(offset, 8);
  }

  override setBigInt64(offset: number, value: bigint, little?: boolean): void {
    super.setBigInt64(offset, value, little);
    this.#through(offset, 8);
  }

  override setBigUint64(offset: number, value: bigint, little?: boolean): void {
    super.setBigUint64(offset, value, little);
    this.#through(offset, 8);
  }

  #through(offset: number, size: number): void {
    this.#other.set(this.#bytes.subarray(offset, offset + size), offset);
  }
}

/**
 * Where memory is different, in runs of bytes, with a copy of them. A byte that is the same is in no run: somebody else may
 * be about to store it.
 */
function differences(now: Uint8Array, before: Uint8Array): { offset: number; bytes: Uint8Array }[] {
  const words = now.length / WORD;
  const a = new Uint32Array(now.buffer, now.byteOffset, words);
  const b = new Uint32Array(before.buffer, before.byteOffset, words);
  const runs: { start: number; end: number }[] = [];
  for (let word = 0; word < words; word++) {
    if (a[word] === b[word]) continue;
    for (let at = word * WORD; at < (word + 1) * WORD; at++) {
      if (now[at] === before[at]) continue;
      const run = runs.at(-1);
      if (run?.end === at) run.end++;
      else runs.push({ start: at, end: at + 1 });
    }
  }
  return runs.map(({ start, end }) => ({ offset: start, bytes: now.slice(start, end) }));
}
