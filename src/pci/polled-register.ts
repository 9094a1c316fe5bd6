/**
 * A register in memory that programs map. A store of the program is found by looking: the value is another than the one that
 * was seen, or put there, last. So a store of the same value again cannot be seen, and of several stores between two looks
 * the last one counts.
 */
export class PolledRegister {
  readonly #view: DataView;
  readonly #offset: number;
  readonly #width: 1 | 2 | 4;
  readonly #found: (value: number) => void;
  #seen: number;

  /** @param offset bytes; @param found told of each new value */
  constructor(view: DataView, offset: number, width: 1 | 2 | 4, found: (value: number) => void) {
    this.#view = view;
    this.#offset = offset;
    this.#width = width;
    this.#found = found;
    this.#seen = this.#load();
  }

  /** What was seen, or put there, last. */
  get value(): number {
    return this.#seen;
  }

  /** Stores a value as the device does. */
  set(value: number): void {
    this.#seen = value;
    if (this.#width === 4) this.#view.setUint32(this.#offset, value, true);
    else if (this.#width === 2) this.#view.setUint16(this.#offset, value, true);
    else this.#view.setUint8(this.#offset, value);
  }

  /** Returns true if the program stored another value since. */
  look(): boolean {
    const value = this.#load();
    if (value === this.#seen) return false;
    this.#seen = value;
    this.#found(value);
    return true;
  }

  #load(): number {
    if (this.#width === 4) return this.#view.getUint32(this.#offset, true);
    return this.#width === 2 ? this.#view.getUint16(this.#offset, true) : this.#view.getUint8(this.#offset);
  }
}
