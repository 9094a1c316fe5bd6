/** Rights, attachments and calls on one axis: when could who flush, from which call on, until which event. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { DeviceActivity } from '../../../src/inspect/source.js';
import { Filtered, NO_FILTER } from '../calls/filter.js';
import { deviceName } from '../machine/card.js';
import { type Key, useKeys } from '../shell/keys.js';
import { go } from '../shell/route.js';
import { useSession } from '../source/session.js';
import { sizeText } from '../space/viewport.js';
import { type Axis, panAxis, ticks, timeText, zoomAxis } from './axis.js';
import { type Lane, Lanes } from './lanes.js';
import { AXIS, CALLS, GUTTER, LANE, paintCalls, paintLane, paintsOf, paintVolume, VOLUME } from './paint.js';
import { totals } from './volume.js';

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

/** What each device moved. */
function Volumes({ devices }: { devices: readonly (DeviceActivity & { readonly name: string })[] }) {
  if (devices.length === 0) return null;
  return (
    <table class="fields mappings">
      <caption>DMA</caption>
      <thead>
        <tr>
          <th scope="col">device</th>
          <th scope="col">read</th>
          <th scope="col">written</th>
          <th scope="col">stopped lately</th>
        </tr>
      </thead>
      <tbody>
        {devices.map((device) => {
          const { read, written } = totals(device);
          return (
            <tr key={device.device}>
              <th scope="row">{device.name}</th>
              <td>{sizeText(BigInt(read))}</td>
              <td>{sizeText(BigInt(written))}</td>
              <td>{device.faults.length}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

export function TimeView() {
  const { store, activity, snapshot } = useSession();
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
  const objects = snapshot?.objects ?? [];
  const volumes = activity.map((each) => ({ ...each, name: deviceName(objects, each.device) }));
  const lanesAt = AXIS + CALLS + volumes.length * VOLUME;
  const height = lanesAt + all.length * LANE + 8;
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
    for (const [i, each] of volumes.entries())
      paintVolume(context, each.name, each, AXIS + CALLS + i * VOLUME, axis, width, paints);
    for (const [i, lane] of all.entries())
      paintLane(context, lane, lanesAt + i * LANE, axis, width, paints, (span) => lanes.words(span.by));
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
          <span class="swatch map" /> attached <span class="swatch written" /> DMA written <span class="swatch read" />{' '}
          read
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
            aria-label={`Calls, DMA, rights and attachments from ${timeText(axis.from)} to ${timeText(axis.to)}; the tables below have the same`}
          />
        </div>
      </div>
      <Spans all={all} lanes={lanes} />
      <Volumes devices={volumes} />
    </>
  );
}
