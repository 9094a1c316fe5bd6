/** Bounds by name, each with what the largest of the built-in policies needs. */
import type { CheckOptions } from './check.js';

interface Preset {
  readonly summary: string;
  /** What differs from the default bounds. */
  readonly options: Partial<CheckOptions>;
  /** Most bytes that a policy's states take, as powers of ten say it. */
  readonly bytes: number;
}

const MB = 1e6;

export const PRESETS = {
  small: {
    summary: 'one descriptor of a file in a process: to 10^5 states',
    options: { descriptors: 1 },
    bytes: 20 * MB,
  },
  default: { summary: 'to 10^6 states', options: {}, bytes: 100 * MB },
  large: { summary: 'three devices: to 10^7 states', options: { devices: 3 }, bytes: 600 * MB },
  huge: { summary: 'four devices, two of them in a group: to 10^8 states', options: { devices: 4 }, bytes: 6000 * MB },
} satisfies Record<string, Preset>;

export const isPreset = (name: string): name is keyof typeof PRESETS => Object.hasOwn(PRESETS, name);
