/** How much a device moved, as bars on the time axis. */
import type { DeviceActivity } from '../../../src/inspect/source.js';
import type { Axis } from './axis.js';

export interface Bar {
  /** Pixels from the beginning of the axis. */
  readonly x: number;
  readonly width: number;
  readonly bytes: number;
  readonly write: boolean;
}

/** The bars in sight. @param length of the axis, pixels */
export function barsOf({ width, read, written }: DeviceActivity, axis: Axis, length: number): Bar[] {
  const scale = length / (axis.to - axis.from);
  const [first, end] = [Math.max(0, Math.floor(axis.from / width)), Math.ceil(axis.to / width)];
  const bars: Bar[] = [];
  for (const [volume, write] of [
    [read, false],
    [written, true],
  ] as const) {
    for (let i = first; i < Math.min(end, volume.length); i++) {
      const bytes = volume[i] as number;
      if (bytes === 0) continue;
      const from = Math.max(0, (i * width - axis.from) * scale);
      const to = Math.min(length, ((i + 1) * width - axis.from) * scale);
      bars.push({ x: from, width: Math.max(2, to - from), bytes, write });
    }
  }
  return bars;
}

/** Bytes that a device read and wrote altogether. */
export function totals({ read, written }: DeviceActivity): { readonly read: number; readonly written: number } {
  const sum = (volume: readonly number[]): number => volume.reduce((all, bytes) => all + bytes, 0);
  return { read: sum(read), written: sum(written) };
}
