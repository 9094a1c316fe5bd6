/** The machine as a picture: who holds what, down to the units, coloured by coherency and by who may flush the caches. */
import { useMemo, useState } from 'preact/hooks';
import type { ObjectView } from '../../../src/inspect/source.js';
import { type Key, useKeys } from '../shell/keys.js';
import { patch } from '../shell/route.js';
import { useSession } from '../source/session.js';
import { looks, subtitle } from './card.js';
import { CARD, type Layout, layoutOf, type Placed, searched, type Wire } from './layout.js';
import { ObjectDetail } from './object-detail.js';

/** One and several, of the kinds whose name is not the word for them. */
const KINDS: Readonly<Record<string, readonly [one: string, several: string]>> = {
  process: ['process', 'processes'],
  file: ['open file', 'open files'],
  ioasid: ['address space', 'address spaces'],
  iommu: ['IOMMU', 'IOMMUs'],
  vm: ['VM', 'VMs'],
};

function counted(kind: string, count: number): string {
  const [one, several] = KINDS[kind] ?? [kind, `${kind}s`];
  return `${count} ${count === 1 ? one : several}`;
}

function WirePath({ wire, layout, chosen }: { wire: Wire; layout: Layout; chosen: string }) {
  const from = layout.placed.get(wire.from) as Placed;
  const to = layout.placed.get(wire.to) as Placed;
  const half = CARD.height / 2;
  const mine = chosen === wire.from || chosen === wire.to;
  const attached = wire.as.startsWith('attached') && looks(from.object).includes('bypassing') ? ' bypassing' : '';
  const [x1, y1, y2] = [from.x + CARD.width, from.y + half, to.y + half];
  // In one column, or to the left: round the outside.
  const d =
    to.x > from.x
      ? `M${x1} ${y1} C${(x1 + to.x) / 2} ${y1} ${(x1 + to.x) / 2} ${y2} ${to.x} ${y2}`
      : `M${x1} ${y1} C${x1 + 40} ${y1} ${x1 + 40} ${y2} ${to.x + CARD.width} ${y2}`;
  return (
    <path class={`${mine ? 'mine' : chosen ? 'other' : ''}${attached}${wire.as === 'proof' ? ' proof' : ''}`} d={d} />
  );
}

function Card({ placed, chosen, recent }: { placed: Placed; chosen: string; recent: boolean }) {
  const { object, x, y } = placed;
  return (
    <button
      type="button"
      class={`object ${looks(object)}${recent ? ' recent' : ''}`}
      style={{ left: `${x}px`, top: `${y}px`, width: `${CARD.width}px`, height: `${CARD.height}px` }}
      aria-pressed={object.id === chosen}
      onClick={() => patch({ object: object.id === chosen ? '' : object.id })}
    >
      <b>{object.name}</b>
      <small>{subtitle(object)}</small>
      {recent && <span class="hidden">, changed by the last call</span>}
    </button>
  );
}

function Legend() {
  return (
    <p class="legend note">
      <span class="swatch lit" /> may flush all caches
      <span class="swatch bypassing" /> bypasses the caches (box 3)
      <span class="swatch snooped" /> asks the caches
      <span class="swatch recent" /> changed by the last call
    </p>
  );
}

const NONE: readonly ObjectView[] = [];

export function MachineView({ params }: { params: Readonly<Record<string, string>> }) {
  const { snapshot, history } = useSession();
  const { object: chosen = '', find = '' } = params;
  const [unfolded, setUnfolded] = useState<ReadonlySet<string>>(new Set());
  const objects = snapshot?.objects ?? NONE;
  const layout = useMemo(() => layoutOf(searched(objects, find), unfolded, chosen), [objects, find, unfolded, chosen]);
  const keys: Key[] = [
    { key: '/', what: 'Search for an object', run: () => document.getElementById('find-object')?.focus() },
    { key: 'Escape', what: 'Close the object', run: () => patch({ object: '' }) },
  ];
  useKeys(keys);
  if (!snapshot) return <p class="empty">A trace file has calls, and no machine: see Calls and Time.</p>;
  const open = objects.find(({ id }) => id === chosen);
  const toggle = (kind: string): void => {
    const next = new Set(unfolded);
    if (!next.delete(kind)) next.add(kind);
    setUnfolded(next);
  };
  return (
    <>
      <h1 class="hidden">Machine</h1>
      <div class="bar controls">
        <label>
          Search
          <input
            type="search"
            id="find-object"
            value={find}
            onInput={(event) => patch({ find: event.currentTarget.value }, true)}
          />
        </label>
        <span class="note">
          policy <b>{String(snapshot.facts.authority)}</b> · all caches flushed {String(snapshot.facts.flushes)} times
        </span>
        <span class="space" />
        <Legend />
      </div>
      <div class={`split${open ? ' open' : ''}`}>
        <section class="machine-scroll card" aria-label="Objects of the machine">
          <div class="machine-map" style={{ width: `${layout.width}px`, height: `${layout.height}px` }}>
            <svg width={layout.width} height={layout.height} aria-hidden="true">
              {layout.wires.map((wire) => (
                <WirePath key={`${wire.from} ${wire.to} ${wire.as}`} wire={wire} layout={layout} chosen={chosen} />
              ))}
            </svg>
            {layout.columns.map(({ kind, x, count, folded }) => (
              <div key={kind} class="column-head" style={{ left: `${x}px`, width: `${CARD.width}px` }}>
                <h2>{counted(kind, count)}</h2>
                {(folded > 0 || unfolded.has(kind)) && (
                  <button type="button" class="quiet" onClick={() => toggle(kind)}>
                    {folded > 0 ? `${folded} more` : 'fold'}
                  </button>
                )}
              </div>
            ))}
            {[...layout.placed.values()].map((placed) => (
              <Card
                key={placed.object.id}
                placed={placed}
                chosen={chosen}
                recent={history.recent.has(placed.object.id)}
              />
            ))}
          </div>
        </section>
        {open && <ObjectDetail object={open} snapshot={snapshot} changes={history.of(open.id)} />}
      </div>
    </>
  );
}
