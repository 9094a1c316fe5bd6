/** Decides, call by call, what the rules do. Deterministic: the same calls with the same rules fail the same way. */
import { Errno } from '../abi/errno.js';
import type { Rule } from './rule.js';

/** A served call, before it is carried out. */
export interface InjectedCall {
  /** Name of the system call. */
  readonly call: string;
  /** Name of the ioctl. */
  readonly name?: string | undefined;
  /** Name of the open file, or the path. */
  readonly file: string;
}

/** What becomes of an interrupt: undefined: nothing special; Infinity: it is lost; else ms by which it is late. */
export type Lateness = number | undefined;

/** A generator of 32 bits that is the same everywhere (xorshift32, Marsaglia 2003). */
function generator(seed: number): () => number {
  let x = (seed * 0x9e3779b9 + 1) >>> 0 || 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    x >>>= 0;
    return x / 2 ** 32;
  };
}

class Armed {
  readonly rule: Rule;
  readonly #random: () => number;
  #seen = 0;
  fired = 0;

  constructor(rule: Rule) {
    this.rule = rule;
    this.#random = generator(rule.seed ?? 0);
  }

  /** Counts a call that matches. Returns true if this is one of those that the rule means. */
  strikes(): boolean {
    const { nth, probability } = this.rule;
    this.#seen++;
    const hit = nth !== undefined ? this.#seen === nth : probability === undefined || this.#random() < probability;
    if (hit) this.fired++;
    return hit;
  }
}

/** Most calls that a log keeps. */
const MAX_LOG = 1 << 20;

export class Injector {
  readonly #rules: Armed[];
  readonly #unplug: (device: string) => void;
  /** The calls that could have been refused, in order; kept only when somebody wants them. */
  readonly log: { readonly name: string; readonly file: string }[] = [];
  readonly #logs: boolean;

  /** @param unplug takes a device out of the machine; nothing happens if it is out already; @param logs keep the calls */
  constructor(rules: readonly Rule[], unplug: (device: string) => void, logs = false) {
    this.#rules = rules.map((rule) => new Armed(rule));
    this.#unplug = unplug;
    this.#logs = logs;
  }

  /** How often a rule struck, in the order of the rules. */
  get fired(): number[] {
    return this.#rules.map(({ fired }) => fired);
  }

  /**
   * Before a call is carried out.
   * @throws Errno of the first rule that refuses it
   */
  enter({ call, name, file }: InjectedCall): void {
    if (this.#logs && this.log.length < MAX_LOG) this.log.push({ name: name ?? call, file });
    let refused: Errno | undefined;
    for (const armed of this.#rules) {
      const { rule } = armed;
      if (rule.call === 'interrupt' || (rule.call !== '*' && rule.call !== call && rule.call !== name)) continue;
      if ((rule.file !== undefined && rule.file !== file) || !armed.strikes()) continue;
      if (rule.unplug !== undefined) this.#unplug(rule.unplug);
      if (rule.errno !== undefined) refused ??= new Errno(rule.errno, `injected: ${name ?? call} on ${file}`);
    }
    if (refused) throw refused;
  }

  /** Before a device's DMA transfer is carried out. Returns true if it is to be aborted. */
  dma(device: string): boolean {
    let aborted = false;
    for (const armed of this.#rules) {
      const { call, file } = armed.rule;
      if (call === 'dma' && (file === undefined || file === device) && armed.strikes()) aborted = true;
    }
    return aborted;
  }

  /** Before an interrupt of a device is delivered. */
  interrupt(device: string): Lateness {
    let late: Lateness;
    for (const armed of this.#rules) {
      const { rule } = armed;
      if (rule.call !== 'interrupt' || (rule.file !== undefined && rule.file !== device) || !armed.strikes()) continue;
      late ??= rule.lose ? Number.POSITIVE_INFINITY : rule.delay;
    }
    return late;
  }
}
