/**
 * A state as two 32-bit words, and of all its renamings the smallest. Packing and unpacking are functions made for the
 * layout: every field and every renaming is written out in them, so that nothing is looked up and nothing is called.
 */
import { type Renaming, sourcesOf } from '../symmetry.js';
import type { Bounds, Layout } from '../world.js';

interface Place {
  readonly word: number;
  readonly shift: number;
  readonly width: number;
}

/** Where each field is: its word, its shift and its width in bits. @throws RangeError the bounds need more than 64 bits */
function placesOf(radix: Uint8Array): Place[] {
  let word = 0;
  let used = 0;
  return [...radix].map((values) => {
    const width = 32 - Math.clz32(values - 1);
    if (used + width > 32) {
      word++;
      used = 0;
    }
    if (word > 1) throw new RangeError('the bounds make states of more than 64 bits');
    const shift = used;
    used += width;
    return { word, shift, width };
  });
}

type Pack = (state: Uint8Array, packing: Packing) => void;
type Choose = (state: Uint8Array, packing: Packing, to: Uint8Array) => void;
type Unpack = (low: number, high: number, state: Uint8Array) => void;

/**
 * The words of a renamed state, as expressions of the fields of the state: s0, s1, ...
 * @param n of the renaming, whose files are in the table b0, b1, ...; undefined: it changes nothing
 */
function wordsUnder(
  layout: Layout,
  bounds: Bounds,
  places: readonly Place[],
  renaming: Renaming,
  n: number | undefined,
): string[] {
  const sources = sourcesOf(layout, bounds, renaming);
  const last = layout.boundTo + bounds.devices.length;
  return [0, 1].map((word) => {
    const terms = places.flatMap(({ word: of, shift, width }, i) => {
      if (of !== word || width === 0) return [];
      const value = `s${sources[i]}`;
      return [`(${n !== undefined && i >= layout.boundTo && i < last ? `b${n}[${value}]` : value} << ${shift})`];
    });
    return terms.join(' | ') || '0';
  });
}

function packer(layout: Layout, bounds: Bounds, natural: Renaming): Pack {
  const places = placesOf(layout.radix);
  const fields = places.flatMap(({ width }, i) => (width > 0 ? [`s${i} = s[${i}]`] : []));
  const [low, high] = wordsUnder(layout, bounds, places, natural, undefined);
  const lines = `const ${fields.join(', ')}; packing.low = ${low}; packing.high = ${high};`;
  return new Function('s', 'packing', lines) as Pack;
}

function chooser(layout: Layout, bounds: Bounds, renamings: readonly Renaming[]): Choose {
  const places = placesOf(layout.radix);
  // What a device is bound to is a file's number plus one.
  const files = renamings.map(({ files }, n) => `const b${n} = [${[0, ...files.map((file) => file + 1)].join(',')}];`);
  const fields = places.flatMap(({ width }, i) => (width > 0 ? [`s${i} = s[${i}]`] : []));
  const [first, ...others] = renamings.map((renaming, n) => wordsUnder(layout, bounds, places, renaming, n));
  const compared = others.map(
    ([low, high], i) => `h = ${high};
      if (h <= high) {
        l = ${low};
        if (h < high || l < low) { high = h; low = l; ties = 1; to[0] = ${i + 1}; }
        else if (l === low) to[ties++] = ${i + 1};
      }`,
  );
  const source = `${files.join('')}
    return (s, packing, to) => {
      const ${fields.join(', ')};
      let low = ${first?.[0]}, high = ${first?.[1]}, ties = 1, h = 0, l = 0;
      to[0] = 0;
      ${compared.join('\n')}
      packing.low = low;
      packing.high = high;
      packing.ties = ties;
    };`;
  return new Function(source)() as Choose;
}

function unpacker(layout: Layout): Unpack {
  const lines = placesOf(layout.radix).map(
    ({ word, shift, width }, i) => `s[${i}] = (${word ? 'high' : 'low'} >>> ${shift}) & ${2 ** width - 1};`,
  );
  return new Function('low', 'high', 's', lines.join('\n')) as Unpack;
}

export class Packing {
  readonly #pack: Pack;
  readonly #choose: Choose;
  /** Puts the fields of packed words into a state. */
  readonly unpack: Unpack;
  /** The words, signed, of the state that was packed last, or of the smallest renaming of the one chosen for last. */
  low = 0;
  high = 0;
  /** The renamings that lead to it, by index: the first `ties` of these. */
  readonly to: Uint8Array;
  ties = 1;

  /** @throws RangeError the bounds make states of more than 64 bits */
  constructor(layout: Layout, bounds: Bounds, renamings: readonly Renaming[]) {
    this.#pack = packer(layout, bounds, renamings[0] as Renaming);
    this.#choose = chooser(layout, bounds, renamings);
    this.unpack = unpacker(layout);
    this.to = new Uint8Array(renamings.length);
  }

  /** How many states the one that was chosen last stands for. */
  get orbit(): number {
    return this.to.length / this.ties;
  }

  pack(state: Uint8Array): void {
    this.#pack(state, this);
  }

  choose(state: Uint8Array): void {
    this.#choose(state, this, this.to);
  }
}
