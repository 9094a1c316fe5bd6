/** One call: its struct field by field, why it was refused, and the objects that it touched. */
import type { ObjectView, Snapshot } from '../../../src/inspect/source.js';
import type { TraceEvent } from '../../../src/trace/json.js';

type Fields = Readonly<Record<string, number | string>>;

function hexadecimal(value: number | string): string {
  return typeof value === 'number' ? `0x${value.toString(16)}` : value;
}

function decimal(value: number | string): string {
  return typeof value === 'number' ? String(value) : BigInt(value).toString();
}

function StructTable({ args, out }: { args: Fields; out: Fields | undefined }) {
  return (
    <table class="fields">
      <thead>
        <tr>
          <th scope="col">field</th>
          <th scope="col">in</th>
          <th scope="col">decimal</th>
          <th scope="col">written back</th>
        </tr>
      </thead>
      <tbody>
        {Object.entries(args).map(([name, value]) => {
          const back = out?.[name];
          return (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{hexadecimal(value)}</td>
              <td>{/^(0x|\d|-)/.test(String(value)) ? decimal(value) : ''}</td>
              <td>
                {back !== undefined && back !== value ? <b>{hexadecimal(back)}</b> : back === undefined ? '' : 'same'}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** The objects that an event names: by file, by id in a field, by process. */
export function touched(event: TraceEvent, snapshot: Snapshot | undefined): ObjectView[] {
  if (!snapshot) return [];
  const ids = new Set<string>();
  const named = (object: ObjectView): boolean =>
    object.facts.path === event.file || object.name === event.file || object.name === event.subject;
  for (const object of snapshot.objects) {
    if (event.pid !== undefined && object.facts.pid === event.pid) {
      ids.add(object.id);
      for (const { to, as } of object.links) if (as === `fd ${event.fd}`) ids.add(to);
    }
    if (named(object)) ids.add(object.id);
  }
  const file = [...ids].find((id) => id.startsWith('file:'));
  if (file && event.args?.ioasid !== undefined) ids.add(`ioasid:${file.slice(5)}:${event.args.ioasid}`);
  return snapshot.objects.filter(({ id }) => ids.has(id));
}

export function CallDetail({ event, snapshot }: { event: TraceEvent; snapshot: Snapshot | undefined }) {
  const objects = touched(event, snapshot);
  return (
    <article class="detail card">
      <h2>{event.ioctl ?? (event.call === 'note' ? event.subject : event.call)}</h2>
      {event.text && <p>{event.text}</p>}
      {event.errno && (
        <p class="refusal">
          <b>{event.errno}</b> {event.reason}
        </p>
      )}
      <dl class="facts">
        <div>
          <dt>time</dt>
          <dd>{event.time.toFixed(3)} ms</dd>
        </div>
        {event.pid !== undefined && (
          <div>
            <dt>process</dt>
            <dd>
              {event.pid}
              {event.tid !== event.pid && event.tid !== undefined ? `, thread ${event.tid}` : ''}
            </dd>
          </div>
        )}
        {event.file && (
          <div>
            <dt>file</dt>
            <dd>
              {event.fd !== undefined ? `${event.fd} ` : ''}
              {event.file}
            </dd>
          </div>
        )}
        {event.request !== undefined && (
          <div>
            <dt>request</dt>
            <dd>{hexadecimal(event.request)}</dd>
          </div>
        )}
        {event.result !== undefined && (
          <div>
            <dt>result</dt>
            <dd>{event.result}</dd>
          </div>
        )}
      </dl>
      {event.args && <StructTable args={event.args} out={event.out} />}
      {objects.length > 0 && (
        <>
          <h3>Objects</h3>
          <ul class="objects">
            {objects.map(({ id, name, kind }) => (
              <li key={id}>
                <a href={`#/machine?object=${encodeURIComponent(id)}`}>{name}</a> <span class="note">{kind}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </article>
  );
}
