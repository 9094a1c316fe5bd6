/** Where to stop, what to fail, and interrupts by hand: for a program that is looked at closely. */
import { useEffect, useState } from 'preact/hooks';
import { ERRNO } from '../../../src/abi/errno.js';
import type { Command, Stop } from '../../../src/inspect/source.js';
import type { Session } from '../source/session.js';

/** A stop in words. */
function told({ call, file, errno, offset }: Stop): string {
  const where = [file && `on ${file}`, offset !== undefined && `at offset 0x${offset.toString(16)}`];
  return [call ?? 'any call', ...where.filter(Boolean), errno && `when it answers ${errno}`].filter(Boolean).join(' ');
}

interface Draft {
  readonly call: string;
  readonly file: string;
  readonly errno: string;
  readonly offset: string;
}

const EMPTY: Draft = { call: '', file: '', errno: '', offset: '' };

/** What was typed, without what was not. @throws RangeError the offset is no number */
function stopOf({ call, file, errno, offset }: Draft): Stop {
  const at = offset === '' ? undefined : Number(offset);
  if (at !== undefined && (!Number.isInteger(at) || at < 0)) throw new RangeError(`'${offset}' is no offset: as 0x8`);
  return {
    ...(call && { call: call.trim() }),
    ...(file && { file: file.trim() }),
    ...(errno && { errno }),
    ...(at !== undefined && { offset: at }),
  };
}

function Form({
  run,
  stops,
  setStops,
}: {
  run: (command: Command) => void;
  stops: readonly Stop[];
  setStops: (stops: readonly Stop[]) => void;
}) {
  const [draft, setDraft] = useState<Draft>(EMPTY);
  const [failure, setFailure] = useState('');
  const field = (name: 'call' | 'file' | 'offset', label: string, example: string) => (
    <label>
      {label}
      <input
        value={draft[name]}
        placeholder={example}
        size={example.length + 2}
        onInput={(event) => setDraft({ ...draft, [name]: event.currentTarget.value })}
      />
    </label>
  );
  const act = (what: (stop: Stop) => void) => () => {
    try {
      what(stopOf(draft));
      setFailure('');
    } catch (error) {
      setFailure((error as Error).message);
    }
  };
  return (
    <div class="bar">
      {field('call', 'Call', 'IOASID_MAP_DMA')}
      {field('file', 'File', 'vfio0')}
      {field('offset', 'Doorbell at', '0x8')}
      <label>
        Answer
        <select value={draft.errno} onChange={(event) => setDraft({ ...draft, errno: event.currentTarget.value })}>
          <option value="">any, stop before it</option>
          {Object.keys(ERRNO).map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <button type="button" onClick={act((stop) => setStops([...stops, stop]))}>
        Stop there
      </button>
      <button
        type="button"
        disabled={draft.errno === ''}
        title="The next call that matches fails with the chosen answer, and has no effect"
        onClick={act(({ errno = '', ...stop }) => run({ command: 'fail', stop, errno }))}
      >
        Fail the next one
      </button>
      {failure && (
        <span class="bad" role="alert">
          {failure}
        </span>
      )}
    </div>
  );
}

/** What a device does by hand: an interrupt, or a read where nothing may be mapped. */
function Provoke({ session, run }: { session: Session; run: (command: Command) => void }) {
  const [vector, setVector] = useState('0');
  const [iova, setIova] = useState('0xdead000');
  const devices = (session.snapshot?.objects ?? []).filter(({ kind, facts }) => kind === 'device' && facts.pluggedIn);
  const [chosen, choose] = useState('');
  const device = devices.find(({ name }) => name === chosen) ?? devices[0];
  if (!device) return null;
  const { name } = device;
  return (
    <div class="bar">
      <label>
        By hand, of
        <select value={name} onChange={(event) => choose(event.currentTarget.value)}>
          {devices.map((each) => (
            <option key={each.name}>{each.name}</option>
          ))}
        </select>
      </label>
      <label>
        vector
        <input
          type="number"
          min="0"
          max="2047"
          value={vector}
          onInput={(event) => setVector(event.currentTarget.value)}
        />
      </label>
      <button type="button" onClick={() => run({ command: 'interrupt', name, vector: Number(vector) })}>
        Interrupt
      </button>
      <label>
        IOVA
        <input value={iova} size={14} onInput={(event) => setIova(event.currentTarget.value)} />
      </label>
      <button
        type="button"
        title="The device reads a byte there: a fault where nothing is mapped"
        onClick={() => run({ command: 'fault', name, iova: iova.trim() })}
      >
        Fault
      </button>
    </div>
  );
}

export function StopsPanel({ session, run }: { session: Session; run: (command: Command) => void }) {
  const [stops, setAll] = useState<readonly Stop[]>([]);
  // Another source has none of them.
  useEffect(() => setAll([]), [session]);
  const setStops = (next: readonly Stop[]): void => {
    setAll(next);
    run({ command: 'break', stops: next });
  };
  return (
    <details class="stops">
      <summary>Stops{stops.length > 0 ? ` (${stops.length})` : ''}</summary>
      <Form run={run} stops={stops} setStops={setStops} />
      <ul class="objects">
        {stops.map((stop, i) => (
          <li key={told(stop)}>
            {told(stop)}{' '}
            <button
              type="button"
              class="quiet"
              aria-label={`Do not stop at ${told(stop)}`}
              onClick={() => setStops(stops.filter((_, at) => at !== i))}
            >
              ×
            </button>
          </li>
        ))}
      </ul>
      <Provoke session={session} run={run} />
    </details>
  );
}
