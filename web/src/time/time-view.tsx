/** Rights, attachments and calls on one axis: when could who flush, from which call on, until which event. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Filtered, NO_FILTER } from '../calls/filter.js';
import { type Key, useKeys } from '../shell/keys.js';
import { go } from '../shell/route.js';
import type { EventStore } from '../source/event-store.js';
import { useSession } from '../source/session.js';
import { type Axis, panAxis, ticks, timeText, zoomAxis } from './axis.js';
import { type Lane, Lanes, type Span } from './lanes.js';

const GUTTER = 130;
const AXIS = 24;
const CALLS = 90;
const LANE = 26;

interface Paints {
  readonly card: string;
  readonly text: string;
  readonly soft: string;
  readonly line: string;
  readonly calls: string;
  readonly bad: string;
  readonly right: string;
  readonly attached: string;
}

function paintsOf(element: Element): Paints {
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
  };
}

/** Calls a column, as a square root: one call is seen beside a thousand. */
function paintCalls(
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

function paintLane(
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

function Spans({ all, lanes }: { all: readonly Lane[]; lanes: Lanes }) {
  const rows = all.flatMap(({ name, kind, spans }) => spans.map((span) => ({ name, kind, ...span })));
  return (
    <table class="fields mappings">
      <caption>Rights and attachments</caption>
      <thead>
        <tr>
          <th scope="col">who</th>
          <th scope="col">what</th>
          <th scope="col">from</th>
          <th scope="col">by</th>
          <th scope="col">until</th>
          <th scope="col">ended by</th>
        </tr>
      </thead>
      <tbody>
        {rows.slice(-200).map(({ name, kind, from, to, by, endedBy }) => (
          <tr key={`${name} ${from}`}>
            <th scope="row">{name}</th>
            <td>{kind === 'right' ? 'may flush' : 'attached'}</td>
            <td>{timeText(from)}</td>
            <td>{lanes.words(by)}</td>
            <td>{to === undefined ? 'now' : timeText(to)}</td>
            <td>{lanes.words(endedBy)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function TimeView() {
  const { store } = useSession();
  const lanes = useMemo(() => new Lanes(store), [store]);
  const refusals = useMemo(() => new Filtered(store, { ...NO_FILTER, errno: 'any' }), [store]);
  lanes.update();
  refusals.update();
  const [chosen, setAxis] = useState<Axis>();
  const [width, setWidth] = useState(900);
  const canvas = useRef<HTMLCanvasElement>(null);
  const empty = store.end === store.first;
  const begin = empty ? 0 : store.timeOf(store.first);
  const end = empty ? 1 : store.timeOf(store.end - 1);
  const whole: Axis = { from: begin, to: end + Math.max(1, (end - begin) * 0.02) };
  const axis = chosen ?? whole;
  const all = [...lanes.all].sort((a, b) => b.kind.localeCompare(a.kind));
  const height = AXIS + CALLS + all.length * LANE + 8;
  const move = (next: Axis): void => setAxis(next);
  const keys: Key[] = [
    { key: '+', what: 'Look closer', run: () => move(zoomAxis(axis, 0.5, 0.5)) },
    { key: '-', what: 'Look from farther away', run: () => move(zoomAxis(axis, 2, 0.5)) },
    { key: 'ArrowLeft', what: 'Earlier', run: () => move(panAxis(axis, -0.1)) },
    { key: 'ArrowRight', what: 'Later', run: () => move(panAxis(axis, 0.1)) },
    { key: '0', what: 'The whole run', run: () => setAxis(undefined) },
  ];
  useKeys(keys);
  useLayoutEffect(() => {
    const parent = canvas.current?.parentElement;
    if (!parent) return undefined;
    const observer = new ResizeObserver(() => setWidth(parent.clientWidth));
    observer.observe(parent);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context) return;
    const paints = paintsOf(element);
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = '12px system-ui, "DejaVu Sans", sans-serif';
    context.textBaseline = 'middle';
    context.textAlign = 'center';
    for (const time of ticks(axis, (width - GUTTER) / 110)) {
      const x = GUTTER + ((time - axis.from) / (axis.to - axis.from)) * (width - GUTTER);
      context.fillStyle = paints.line;
      context.fillRect(x, AXIS - 4, 1, height);
      context.fillStyle = paints.soft;
      context.fillText(timeText(time), Math.min(Math.max(x, GUTTER + 24), width - 30), AXIS / 2);
    }
    context.textAlign = 'right';
    context.fillStyle = paints.soft;
    context.fillText('calls', GUTTER - 10, AXIS + CALLS / 2);
    if (!empty) paintCalls(context, store, refusals, axis, width, paints);
    for (const [i, lane] of all.entries())
      paintLane(context, lane, AXIS + CALLS + i * LANE, axis, width, paints, (span) => lanes.words(span.by));
  });
  useEffect(() => {
    const element = canvas.current;
    if (!element) return undefined;
    const wheel = (event: WheelEvent): void => {
      event.preventDefault();
      const place = Math.max(0, (event.offsetX - GUTTER) / (width - GUTTER));
      if (event.shiftKey || event.deltaX !== 0) move(panAxis(axis, (event.deltaX + event.deltaY) / 1000));
      else move(zoomAxis(axis, event.deltaY > 0 ? 1.25 : 0.8, place));
    };
    element.addEventListener('wheel', wheel, { passive: false });
    return () => element.removeEventListener('wheel', wheel);
  });
  const open = (event: MouseEvent): void => {
    if (event.offsetX < GUTTER || empty) return;
    const time = axis.from + ((event.offsetX - GUTTER) / (width - GUTTER)) * (axis.to - axis.from);
    const near = Math.min(store.find(time), store.end - 1);
    go('calls', { event: String(near) });
  };
  return (
    <>
      <h1 class="hidden">Time</h1>
      <div class="bar controls">
        <button type="button" onClick={() => move(zoomAxis(axis, 0.5, 0.5))} aria-label="Look closer">
          +
        </button>
        <button type="button" onClick={() => move(zoomAxis(axis, 2, 0.5))} aria-label="Look from farther away">
          −
        </button>
        <button type="button" onClick={() => setAxis(undefined)}>
          The whole run
        </button>
        <span class="note">
          {timeText(axis.from)} – {timeText(axis.to)}; a click opens the call
        </span>
        <span class="space" />
        <span class="legend note">
          <span class="swatch calls-mark" /> calls <span class="swatch refused-mark" /> refused{' '}
          <span class="swatch lit" /> may flush
          <span class="swatch map" /> attached
        </span>
      </div>
      <div class="card canvas-card">
        <div>
          <canvas
            ref={canvas}
            width={width * devicePixelRatio}
            height={height * devicePixelRatio}
            style={{ width: `${width}px`, height: `${height}px` }}
            onClick={open}
            onPointerMove={(event) =>
              event.buttons === 1 && event.movementX !== 0 && move(panAxis(axis, -event.movementX / (width - GUTTER)))
            }
            role="img"
            aria-label={`Calls, rights and attachments from ${timeText(axis.from)} to ${timeText(axis.to)}; the table below has the same`}
          />
        </div>
      </div>
      <Spans all={all} lanes={lanes} />
    </>
  );
}
