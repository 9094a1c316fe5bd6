/** Paints the time axis: calls, the DMA volume of devices, rights and attachments, one lane below the other. */
import type { DeviceActivity } from '../../../src/inspect/source.js';
import type { Filtered } from '../calls/filter.js';
import type { EventStore } from '../source/event-store.js';
import type { Axis } from './axis.js';
import type { Lane, Span } from './lanes.js';
import { barsOf } from './volume.js';

export const GUTTER = 130;
export const AXIS = 24;
export const CALLS = 90;
export const LANE = 26;
export const VOLUME = 46;

export interface Paints {
  readonly card: string;
  readonly text: string;
  readonly soft: string;
  readonly line: string;
  readonly calls: string;
  readonly bad: string;
  readonly right: string;
  readonly attached: string;
  readonly read: string;
  readonly written: string;
}

export function paintsOf(element: Element): Paints {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(name);
  return {
    card: colour('--card'),
    text: colour('--text'),
    soft: colour('--soft'),
    line: colour('--line'),
    calls: colour('--accent'),
    bad: colour('--bad'),
    right: colour('--right-fill'),
    attached: colour('--map-1'),
    read: colour('--map-2'),
    written: colour('--map-3'),
  };
}

/** Calls a column, as a square root: one call is seen beside a thousand. */
export function paintCalls(
  context: CanvasRenderingContext2D,
  store: EventStore,
  refusals: Filtered,
  axis: Axis,
  width: number,
  paints: Paints,
): void {
  const columns = Math.max(1, Math.floor((width - GUTTER) / 3));
  const counts: number[] = [];
  const bad: number[] = [];
  let before = store.find(axis.from);
  for (let i = 1; i <= columns; i++) {
    const next = store.find(axis.from + ((axis.to - axis.from) * i) / columns);
    counts.push(next - before);
    bad.push(refusals.positionOf(next) - refusals.positionOf(before));
    before = next;
  }
  const most = Math.sqrt(Math.max(1, ...counts));
  const base = AXIS + CALLS - 6;
  counts.forEach((count, i) => {
    const height = (Math.sqrt(count) / most) * (CALLS - 14);
    context.fillStyle = paints.calls;
    context.fillRect(GUTTER + i * 3, base - height, 2, height);
    const refused = (Math.sqrt(bad[i] as number) / most) * (CALLS - 14);
    context.fillStyle = paints.bad;
    context.fillRect(GUTTER + i * 3, base - refused, 2, refused);
  });
}

export function paintLane(
  context: CanvasRenderingContext2D,
  lane: Lane,
  y: number,
  axis: Axis,
  width: number,
  paints: Paints,
  words: (span: Span) => string,
): void {
  const x = (time: number): number => GUTTER + ((time - axis.from) / (axis.to - axis.from)) * (width - GUTTER);
  context.fillStyle = paints.soft;
  context.textAlign = 'right';
  context.fillText(lane.name, GUTTER - 10, y + LANE / 2);
  context.textAlign = 'left';
  for (const span of lane.spans) {
    const { from, to } = span;
    const [a, b] = [Math.max(GUTTER, x(from)), Math.min(width, to === undefined ? width : x(to))];
    if (b < GUTTER || a > width) continue;
    context.fillStyle = lane.kind === 'right' ? paints.right : paints.attached;
    context.fillRect(a, y + 4, Math.max(2, b - a), LANE - 8);
    if (b - a > 80) {
      context.fillStyle = lane.kind === 'right' ? '#1a1c1f' : '#ffffff';
      context.save();
      context.beginPath();
      context.rect(a, y, b - a - 4, LANE);
      context.clip();
      context.fillText(words(span), a + 6, y + LANE / 2);
      context.restore();
    }
  }
}

/** Bytes over time: what the device read goes down from the middle of the lane, what it wrote goes up. */
export function paintVolume(
  context: CanvasRenderingContext2D,
  name: string,
  activity: DeviceActivity,
  y: number,
  axis: Axis,
  width: number,
  paints: Paints,
): void {
  context.fillStyle = paints.soft;
  context.textAlign = 'right';
  context.fillText(`${name} DMA`, GUTTER - 10, y + VOLUME / 2);
  const middle = y + VOLUME / 2;
  context.fillStyle = paints.line;
  context.fillRect(GUTTER, middle, width - GUTTER, 1);
  const bars = barsOf(activity, axis, width - GUTTER);
  const most = Math.sqrt(Math.max(1, ...bars.map(({ bytes }) => bytes)));
  for (const { x, width: wide, bytes, write } of bars) {
    const height = Math.max(1, (Math.sqrt(bytes) / most) * (VOLUME / 2 - 4));
    context.fillStyle = write ? paints.written : paints.read;
    context.fillRect(GUTTER + x, write ? middle - height : middle + 1, wide, height);
  }
}
