/** The clock of a run: it stands still while a call is held, so that nothing times out because somebody looks. */
export class Clock {
  #standing = 0;
  #since: number | undefined;

  /** Milliseconds since the runner started, without the time that it stood still. */
  readonly now = (): number => (this.#since ?? performance.now()) - this.#standing;

  get stands(): boolean {
    return this.#since !== undefined;
  }

  /** Stops, or goes on. */
  hold(stands: boolean): void {
    if (stands === this.stands) return;
    const now = performance.now();
    if (this.#since !== undefined) this.#standing += now - this.#since;
    this.#since = stands ? now : undefined;
  }
}
