/** The axis of time: which milliseconds are in sight, and where its marks stand. */

export interface Axis {
  readonly from: number;
  readonly to: number;
}

/** Shortest piece of time that is shown, ms. */
const SHORTEST = 0.01;

export function zoomAxis({ from, to }: Axis, factor: number, place: number): Axis {
  const length = Math.max((to - from) * factor, SHORTEST);
  const start = from + (to - from - length) * place;
  return { from: start, to: start + length };
}

export function panAxis({ from, to }: Axis, part: number): Axis {
  const by = (to - from) * part;
  return { from: from + by, to: to + by };
}

/** Round times between the ends, at most `most` of them. */
export function ticks({ from, to }: Axis, most: number): number[] {
  const rough = (to - from) / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((each) => each * power >= rough) ?? 10);
  const found: number[] = [];
  for (let i = Math.ceil(from / step); i * step <= to; i++) found.push(i * step);
  return found;
}

/** A time in words. */
export function timeText(ms: number): string {
  if (Math.abs(ms) >= 10_000) return `${Number((ms / 1000).toPrecision(6))} s`;
  return `${Number(ms.toFixed(3))} ms`;
}
