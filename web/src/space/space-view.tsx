/** One I/O address space, from 2^64 to one page. */
import { useMemo, useRef, useState } from 'preact/hooks';
import { hex } from '../../../src/abi/address.js';
import type { MappedRun, ObjectView, SpaceWindow } from '../../../src/inspect/source.js';
import { deviceName } from '../machine/card.js';
import { type Key, useKeys } from '../shell/keys.js';
import { patch } from '../shell/route.js';
import { useSession } from '../source/session.js';
import { timeText } from '../time/axis.js';
import { type Mark, marksOf } from './marks.js';
import { SpaceCanvas } from './space-canvas.js';
import { addressAt, around, EVERYTHING, pan, sizeOf, sizeText, type Viewport, zoom } from './viewport.js';

/** Mappings that the table below the picture shows. */
const TABLE = 24;

function addressOf(text: string | undefined): bigint | undefined {
  try {
    return text ? BigInt(text) : undefined;
  } catch {
    return undefined;
  }
}

/** What lies at an address. */
function told(shown: SpaceWindow, address: bigint): string {
  const run = shown.runs?.find(({ first, last }) => BigInt(first) <= address && address <= BigInt(last));
  if (run)
    return `mapped ${run.access} to ${hex(BigInt(run.target) + address - BigInt(run.first))}, ${sizeText(BigInt(run.last) - BigInt(run.first) + 1n)} from ${run.first}`;
  if (shown.columns) return 'look closer to see single mappings';
  const open = shown.permitted.some(({ first, last }) => BigInt(first) <= address && address <= BigInt(last));
  return open ? 'a hole' : 'not permitted here';
}

function Mappings({ runs, show }: { runs: readonly MappedRun[]; show: (run: MappedRun) => void }) {
  return (
    <table class="fields mappings">
      <caption>
        {runs.length === 0
          ? 'Nothing is mapped in sight'
          : `Mappings in sight${runs.length > TABLE ? `, the first ${TABLE} of ${runs.length}` : ''}`}
      </caption>
      <thead>
        <tr>
          <th scope="col">IOVA</th>
          <th scope="col">size</th>
          <th scope="col">leads to</th>
          <th scope="col">access</th>
          <th scope="col">memory</th>
        </tr>
      </thead>
      <tbody>
        {runs.slice(0, TABLE).map((run) => (
          <tr key={run.first}>
            <td>
              <button type="button" class="quiet mono" onClick={() => show(run)}>
                {run.first}
              </button>
            </td>
            <td>{sizeText(BigInt(run.last) - BigInt(run.first) + 1n)}</td>
            <td class="mono">{run.target}</td>
            <td>{run.access}</td>
            <td>{run.owner + 1}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Where devices were lately, and where they were stopped: the newest first. */
function Touches({ marks, show }: { marks: readonly Mark[]; show: (mark: Mark) => void }) {
  if (marks.length === 0) return null;
  return (
    <table class="fields mappings">
      <caption>What devices did here lately</caption>
      <thead>
        <tr>
          <th scope="col">IOVA</th>
          <th scope="col">size</th>
          <th scope="col">device</th>
          <th scope="col">what</th>
          <th scope="col">at</th>
        </tr>
      </thead>
      <tbody>
        {marks.slice(0, TABLE).map((mark) => (
          <tr key={`${mark.device} ${mark.time} ${mark.first} ${mark.kind}`}>
            <td>
              <button type="button" class="quiet mono" onClick={() => show(mark)}>
                {hex(mark.first)}
              </button>
            </td>
            <td>{mark.kind === 'fault' ? '' : sizeText(mark.last - mark.first + 1n)}</td>
            <td>
              {mark.device}
              {mark.pasid !== undefined && ` PASID ${mark.pasid}`}
            </td>
            <td class={mark.kind === 'fault' ? 'bad' : ''}>{mark.what}</td>
            <td>{timeText(mark.time)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const hasSpace = ({ facts }: ObjectView): boolean => typeof facts.mappings === 'number';

export function SpaceView({ params }: { params: Readonly<Record<string, string>> }) {
  const { snapshot, source, activity } = useSession();
  const [shown, setShown] = useState<SpaceWindow>();
  const [point, setPoint] = useState<bigint>();
  const [failure, setFailure] = useState('');
  /** Looking closer by itself, until what is mapped fills the sight. */
  const fitting = useRef(params.from === undefined);
  const spaces = (snapshot?.objects ?? []).filter(hasSpace);
  const space = spaces.find(({ id }) => id === params.space) ?? spaces[0];
  const [first, last] = [addressOf(params.from), addressOf(params.to)];
  const view: Viewport =
    first !== undefined && last !== undefined && first <= last && last < 1n << 64n ? { first, last } : EVERYTHING;
  const show = (next: Viewport): void => patch({ from: hex(next.first), to: hex(next.last) }, true);
  const move = (next: Viewport): void => {
    fitting.current = false;
    show(next);
  };
  const fit = (): void => {
    fitting.current = true;
    show(EVERYTHING);
  };
  const windowed = (window: SpaceWindow): void => {
    setShown(window);
    setFailure('');
    if (!fitting.current) return;
    const ends = extent(window, view);
    if (ends && sizeOf(ends) < sizeOf(view) / 2n) show(ends);
    else fitting.current = ends === undefined;
  };
  const marks = useMemo(
    () => marksOf(activity, shown?.reachedBy ?? [], (device) => deviceName(snapshot?.objects ?? [], device)),
    [activity, shown, snapshot],
  );
  const keys: Key[] = [
    { key: '+', what: 'Look closer', run: () => move(zoom(view, 0.5, 0.5)) },
    { key: '-', what: 'Look from farther away', run: () => move(zoom(view, 2, 0.5)) },
    { key: 'ArrowLeft', what: 'Lower addresses', run: () => move(pan(view, -0.1)) },
    { key: 'ArrowRight', what: 'Higher addresses', run: () => move(pan(view, 0.1)) },
    { key: '0', what: 'All addresses', run: () => move(EVERYTHING) },
    { key: 'm', what: 'Fit to what is mapped', run: fit },
  ];
  useKeys(keys);
  if (!space || !source) return <p class="empty">There is no I/O address space yet.</p>;
  return (
    <>
      <h1 class="hidden">Address space</h1>
      <div class="bar controls">
        <label>
          Address space
          <select
            value={space.id}
            onChange={(event) => {
              fitting.current = true;
              patch({ space: event.currentTarget.value, from: '', to: '' });
            }}
          >
            {spaces.map(({ id, name, facts }) => (
              <option key={id} value={id}>
                {name} · {id} · {Number(facts.mappings).toLocaleString('en')} mappings
              </option>
            ))}
          </select>
        </label>
        <button type="button" onClick={() => move(zoom(view, 0.5, 0.5))} aria-label="Look closer">
          +
        </button>
        <button type="button" onClick={() => move(zoom(view, 2, 0.5))} aria-label="Look from farther away">
          −
        </button>
        <button type="button" onClick={fit}>
          Fit
        </button>
        <button type="button" onClick={() => move(EVERYTHING)}>
          All of 2⁶⁴
        </button>
        <span class="space" />
        <span class="legend note">
          <span class="swatch map" /> mapped <span class="swatch ro" /> read only, or partly{' '}
          <span class="swatch hole" /> hole
          <span class="swatch closed" /> not permitted <span class="swatch dirty" /> dirty{' '}
          <span class="mark touched">▾</span> touched lately <span class="mark faulted">▾</span> fault
        </span>
      </div>
      <p class="mono readout">
        {hex(view.first)} – {hex(view.last)} · {sizeText(sizeOf(view))} in sight
        {point !== undefined && shown && ` · ${hex(point)}: ${told(shown, point)}`}
      </p>
      {failure && (
        <p class="bad" role="alert">
          {failure}
        </p>
      )}
      <div class="card canvas-card">
        <div>
          <SpaceCanvas
            source={source}
            space={space.id}
            view={view}
            moment={snapshot}
            marks={marks}
            move={move}
            onWindow={windowed}
            onPoint={setPoint}
            onFailure={setFailure}
          />
        </div>
      </div>
      {shown?.runs ? (
        <Mappings runs={shown.runs} show={(run) => move(around(BigInt(run.first), BigInt(run.last)))} />
      ) : (
        <p class="note">{(shown?.mappings ?? 0).toLocaleString('en')} mappings: look closer to see them one by one.</p>
      )}
      <Touches marks={marks} show={(mark) => move(around(mark.first, mark.last))} />
    </>
  );
}

/** The piece of the sight that has mappings. */
function extent(window: SpaceWindow, view: Viewport): Viewport | undefined {
  const { runs, columns } = window;
  if (runs) {
    const [a, b] = [runs[0], runs.at(-1)];
    return a && b && around(BigInt(a.first), BigInt(b.last));
  }
  const used = (columns ?? []).flatMap((value, i) => (value > 0 ? [i] : []));
  const [from, to] = [used[0], used.at(-1)];
  if (!columns || from === undefined || to === undefined) return undefined;
  return { first: addressAt(view, from / columns.length), last: addressAt(view, (to + 1) / columns.length) };
}
