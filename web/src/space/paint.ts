/** Paints a piece of an address space on a canvas: rows from left to right, as a text is read. */
import { hex } from '../../../src/abi/address.js';
import type { Range, SpaceWindow } from '../../../src/inspect/source.js';
import type { Mark } from './marks.js';
import { addressAt, placeOf, type Viewport } from './viewport.js';

export interface Look {
  readonly width: number;
  readonly height: number;
  readonly rows: number;
  /** Device pixels in a pixel. */
  readonly scale: number;
}

/** Left of the rows: the address of each. */
export const GUTTER = 142;
const GAP = 6;

/** The colours of the page, as the canvas needs them. */
export interface Paints {
  readonly ground: string;
  readonly hole: string;
  readonly closed: string;
  readonly text: string;
  readonly owners: readonly string[];
  readonly readOnly: string;
  readonly dirty: string;
  readonly bad: string;
  readonly dma: string;
}

export function paintsOf(element: Element): Paints {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(name);
  return {
    ground: colour('--card'),
    hole: colour('--sunk'),
    closed: colour('--line'),
    text: colour('--soft'),
    owners: ['--map-1', '--map-2', '--map-3', '--map-4'].map(colour),
    readOnly: colour('--map-ro'),
    dirty: colour('--right-fill'),
    bad: colour('--bad'),
    dma: colour('--accent'),
  };
}

export const rowHeight = ({ height, rows }: Look): number => height / rows;

/** The place under a point of the canvas, pixels. */
export function placeAt(look: Look, x: number, y: number): number {
  const row = Math.max(0, Math.min(look.rows - 1, Math.floor(y / rowHeight(look))));
  const within = Math.max(0, Math.min(1, (x - GUTTER) / (look.width - GUTTER)));
  return (row + within) / look.rows;
}

/** A part of the line, from place to place, as rectangles: one a row that it touches. */
function rectangles(look: Look, from: number, to: number, paint: (x: number, y: number, width: number) => void): void {
  const length = look.width - GUTTER;
  const [a, b] = [Math.max(0, from) * look.rows, Math.min(1, to) * look.rows];
  for (let row = Math.floor(a); row < b && row < look.rows; row++) {
    const x = Math.max(0, a - row) * length;
    const end = Math.min(1, b - row) * length;
    paint(GUTTER + x, row * rowHeight(look) + GAP / 2, Math.max(end - x, 1 / look.scale));
  }
}

function paintRanges(
  context: CanvasRenderingContext2D,
  look: Look,
  view: Viewport,
  ranges: readonly Range[],
  top: number,
  height: number,
): void {
  for (const { first, last } of ranges) {
    const [a, b] = [BigInt(first), BigInt(last)];
    if (b < view.first || a > view.last) continue;
    rectangles(look, placeOf(view, a), placeOf(view, b + 1n), (x, y, width) =>
      context.fillRect(x, y + top, width, height),
    );
  }
}

/** What a device touched is a line along the top of its pages, and a tick where it began; faults lie above. */
function paintMarks(
  context: CanvasRenderingContext2D,
  look: Look,
  view: Viewport,
  marks: readonly Mark[],
  paints: Paints,
): void {
  for (const kind of ['dma', 'fault'] as const) {
    context.fillStyle = kind === 'fault' ? paints.bad : paints.dma;
    for (const { first, last, kind: its } of marks) {
      if (its !== kind || last < view.first || first > view.last) continue;
      const from = placeOf(view, first);
      rectangles(look, from, placeOf(view, last + 1n), (x, y, width) => context.fillRect(x, y, width, 2));
      if (from < 0) continue;
      const row = Math.min(look.rows - 1, Math.floor(from * look.rows));
      const x = GUTTER + (from * look.rows - row) * (look.width - GUTTER);
      const y = row * rowHeight(look);
      context.beginPath();
      context.moveTo(x - 5, y);
      context.lineTo(x + 5, y);
      context.lineTo(x, y + 8);
      context.fill();
    }
  }
}

export function paint(
  context: CanvasRenderingContext2D,
  look: Look,
  view: Viewport,
  shown: SpaceWindow,
  marks: readonly Mark[],
  paints: Paints,
): void {
  const height = rowHeight(look) - GAP;
  context.setTransform(look.scale, 0, 0, look.scale, 0, 0);
  context.fillStyle = paints.ground;
  context.fillRect(0, 0, look.width, look.height);
  context.fillStyle = paints.closed;
  rectangles(look, 0, 1, (x, y, width) => context.fillRect(x, y, width, height));
  context.fillStyle = paints.hole;
  paintRanges(context, look, view, shown.permitted, 0, height);
  if (shown.columns) {
    const { columns } = shown;
    const [some, all] = [paints.readOnly, paints.owners[0] as string];
    for (let i = 0; i < columns.length; ) {
      const value = columns[i] as number;
      let end = i + 1;
      while (columns[end] === value) end++;
      if (value > 0) {
        context.fillStyle = value === 2 ? all : some;
        rectangles(look, i / columns.length, end / columns.length, (x, y, width) =>
          context.fillRect(x, y, width, height),
        );
      }
      i = end;
    }
  }
  for (const { first, last, access, owner } of shown.runs ?? []) {
    context.fillStyle = access.includes('w')
      ? (paints.owners[owner % paints.owners.length] as string)
      : paints.readOnly;
    const [a, b] = [placeOf(view, BigInt(first)), placeOf(view, BigInt(last) + 1n)];
    // A hair between mappings that touch, where there is room for it.
    const hair = (b - a) * look.rows * (look.width - GUTTER) > 4 ? 1 : 0;
    rectangles(look, a, b, (x, y, width) => context.fillRect(x, y, width - hair, height));
  }
  context.fillStyle = paints.dirty;
  paintRanges(context, look, view, shown.dirty, height - 4, 4);
  paintMarks(context, look, view, marks, paints);
  context.fillStyle = paints.text;
  context.font = '12px ui-monospace, "DejaVu Sans Mono", monospace';
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  for (let row = 0; row < look.rows; row++) {
    context.fillText(hex(addressAt(view, row / look.rows)), GUTTER - 8, (row + 0.5) * rowHeight(look));
  }
}
