/** A register of 32 bits that software cannot change: what a program stores into the mapped page is undone when it is seen. */
export class ReadOnlyRegister {
  readonly #view: DataView;
  readonly #offset: number;
  #value = 0;

  /** @param offset bytes */
  constructor(view: DataView, offset: number) {
    this.#view = view;
    this.#offset = offset;
  }

  get value(): number {
    return this.#value;
  }

  set(value: number): void {
    this.#value = value;
    this.#view.setUint32(this.#offset, value, true);
  }

  /** Puts back what it has to read as. */
  restore(): void {
    if (this.#view.getUint32(this.#offset, true) !== this.#value) this.set(this.#value);
  }
}
