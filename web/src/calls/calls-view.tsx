/** The trace: every served call, live, filtered; a refusal with its sentence, a struct field by field. */
import { useMemo, useRef, useState } from 'preact/hooks';
import type { TraceEvent } from '../../../src/trace/json.js';
import { type Key, useKeys } from '../shell/keys.js';
import { patch } from '../shell/route.js';
import type { EventStore } from '../source/event-store.js';
import { useSession } from '../source/session.js';
import { CallDetail } from './call-detail.js';
import { type Filter, Filtered, NO_FILTER } from './filter.js';
import { VirtualList } from './virtual-list.js';

const ROW = 26;
/** Events that one export holds. */
const MAX_EXPORT = 100_000;
/** Characters that a line has room for: more would be laid out and cut off. */
const MAX_ARGUMENTS = 200;
/** Fields that say nothing in a line. */
const OMIT = new Set(['argsz', 'resv', 'pad']);

function argumentsOf(event: TraceEvent): string {
  const fields = Object.entries(event.args ?? {}).filter(
    ([name, value]) => !OMIT.has(name) && value !== 0 && value !== '0x0',
  );
  const text = fields.map(([name, value]) => (name === 'value' ? String(value) : `${name}=${value}`)).join(' ');
  return text.slice(0, MAX_ARGUMENTS);
}

function Line({
  event,
  chosen,
  entry,
  choose,
  lost,
}: {
  event: TraceEvent;
  chosen: boolean;
  entry: boolean;
  choose: () => void;
  lost: number;
}) {
  const note = event.call === 'note';
  return (
    <button
      type="button"
      tabIndex={entry || chosen ? 0 : -1}
      aria-pressed={chosen}
      class={`call${event.errno ? ' refused' : ''}${note ? ' note-row' : ''}`}
      onClick={choose}
    >
      <span class="time">{event.time.toFixed(3)}</span>
      <span class="pid">{event.pid ?? ''}</span>
      <span class="name">{note ? event.subject : (event.ioctl ?? event.call)}</span>
      <span class="file">{event.file ? `${event.fd ?? ''} ${event.file}` : ''}</span>
      <span class="args">
        {lost > 0 && <b class="bad">{lost} events are missing before this one. </b>}
        {note ? event.text : argumentsOf(event)}
      </span>
      <span class="result">{event.errno ? `${event.errno} ${event.reason ?? ''}` : (event.result ?? '')}</span>
    </button>
  );
}

function Filters({ filter, errnos }: { filter: Filter; errnos: readonly string[] }) {
  const field = (name: 'pid' | 'file' | 'call', label: string, width: string) => (
    <label>
      {label}
      <input
        type="search"
        id={`filter-${name}`}
        style={{ width }}
        value={filter[name]}
        onInput={(event) => patch({ [name]: event.currentTarget.value, event: '' }, true)}
      />
    </label>
  );
  return (
    <>
      {field('call', 'Call', '11rem')}
      {field('file', 'File', '11rem')}
      {field('pid', 'Process', '5rem')}
      <label>
        Answer
        <select value={filter.errno} onChange={(event) => patch({ errno: event.currentTarget.value, event: '' }, true)}>
          <option value="">all</option>
          <option value="any">every refusal</option>
          {errnos.map((errno) => (
            <option key={errno}>{errno}</option>
          ))}
        </select>
      </label>
    </>
  );
}

/** Hands the shown events over as JSON Lines, as --trace writes them. */
function save(store: EventStore, filtered: Filtered): void {
  const lines: string[] = [];
  const from = Math.max(0, filtered.length - MAX_EXPORT);
  for (let i = from; i < filtered.length; i++) lines.push(JSON.stringify(store.at(filtered.at(i))));
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([`${lines.join('\n')}\n`], { type: 'application/jsonl' }));
  link.download = 'ioasid-trace.jsonl';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function CallsView({ params }: { params: Readonly<Record<string, string>> }) {
  const { store, snapshot } = useSession();
  const { pid = '', file = '', call = '', errno = '' } = params;
  const filtered = useMemo(
    () => new Filtered(store, { ...NO_FILTER, pid, file, call, errno }),
    [store, pid, file, call, errno],
  );
  filtered.update();
  const [follow, setFollow] = useState(params.event === undefined);
  const errnos = useRef(new Set<string>());
  for (const name of store.names) if (/^E[A-Z0-9]+$/.test(name)) errnos.current.add(name);
  const chosen = params.event === undefined ? -1 : Number(params.event);
  const found = chosen >= store.first && chosen < store.end;
  const position = found ? filtered.positionOf(chosen) : -1;
  const gaps = new Map(store.gaps.map(({ before, lost }) => [before, lost]));
  const select = (at: number): void => {
    if (at < 0 || at >= filtered.length) return;
    setFollow(false);
    patch({ event: String(filtered.at(at)) }, true);
  };
  const keys: Key[] = [
    { key: 'j', what: 'Next call', run: () => select(position + 1) },
    { key: 'k', what: 'Call before', run: () => select(position < 0 ? filtered.length - 1 : position - 1) },
    { key: 'f', what: 'Follow the newest call', run: () => setFollow((old) => !old) },
    { key: '/', what: 'Filter by call', run: () => document.getElementById('filter-call')?.focus() },
    { key: 'e', what: 'Every refusal', run: () => patch({ errno: errno === 'any' ? '' : 'any', event: '' }, true) },
  ];
  useKeys(keys);
  const open = found ? store.at(chosen) : undefined;
  return (
    <>
      <h1 class="hidden">Calls</h1>
      <div class="bar controls">
        <Filters filter={{ pid, file, call, errno }} errnos={[...errnos.current].sort()} />
        <span class="space" />
        <span class="note" role="status">
          {filtered.length.toLocaleString('en')} of {(store.end - store.first).toLocaleString('en')} events
        </span>
        <button type="button" aria-pressed={follow} onClick={() => setFollow(!follow)}>
          Follow
        </button>
        <button type="button" onClick={() => save(store, filtered)} disabled={filtered.length === 0}>
          Export
        </button>
      </div>
      <div class={`split${open ? ' open' : ''}`}>
        <div class="card list">
          <div class="call head" aria-hidden="true">
            <span class="time">ms</span>
            <span class="pid">pid</span>
            <span class="name">call</span>
            <span class="file">file</span>
            <span class="args">arguments</span>
            <span class="result">answer</span>
          </div>
          <VirtualList
            label="Calls"
            length={filtered.length}
            rowHeight={ROW}
            follow={follow}
            onScrolled={setFollow}
            reveal={position}
            row={(at, firstInSight) => {
              const number = filtered.at(at);
              return (
                <Line
                  event={store.at(number)}
                  chosen={number === chosen}
                  entry={firstInSight}
                  choose={() => select(at)}
                  lost={gaps.get(number) ?? 0}
                />
              );
            }}
          />
        </div>
        {open && <CallDetail event={open} snapshot={snapshot} />}
      </div>
    </>
  );
}
