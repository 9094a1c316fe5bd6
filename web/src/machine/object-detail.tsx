/** One object: its facts, what it is linked to, its history and its calls. */
import type { ObjectView, Snapshot } from '../../../src/inspect/source.js';
import { formatRoute } from '../shell/route.js';
import type { Change } from '../source/history.js';

/** Facts in words: `mayFlush` is `may flush`. */
export function spaced(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

const LINK_TO_SPACE = new Set(['mappings', 'areas']);

function callsOf({ facts, name, kind }: ObjectView): string | undefined {
  if (typeof facts.pid === 'number') return formatRoute({ view: 'calls', params: { pid: String(facts.pid) } });
  if (typeof facts.path === 'string') return formatRoute({ view: 'calls', params: { file: facts.path } });
  if (kind === 'file') return formatRoute({ view: 'calls', params: { file: name.split(' ')[0] ?? '' } });
  return undefined;
}

function ObjectLink({ id, objects }: { id: string; objects: ReadonlyMap<string, ObjectView> }) {
  const found = objects.get(id);
  return found ? (
    <a href={formatRoute({ view: 'machine', params: { object: id } })}>{found.name}</a>
  ) : (
    <span>{id}</span>
  );
}

export function ObjectDetail({
  object,
  snapshot,
  changes,
}: {
  object: ObjectView;
  snapshot: Snapshot;
  changes: readonly Change[];
}) {
  const objects = new Map(snapshot.objects.map((each) => [each.id, each]));
  const back = snapshot.objects.flatMap(({ id, links }) =>
    links.filter(({ to }) => to === object.id).map(({ as }) => ({ id, as })),
  );
  const calls = callsOf(object);
  const hasSpace = Object.keys(object.facts).some((name) => LINK_TO_SPACE.has(name));
  return (
    <article class="detail card">
      <h2>{object.name}</h2>
      <p class="note">{object.kind}</p>
      <div class="bar">
        {calls && (
          <a class="button" href={calls}>
            Its calls
          </a>
        )}
        {hasSpace && (
          <a class="button" href={formatRoute({ view: 'space', params: { space: object.id } })}>
            Its address space
          </a>
        )}
      </div>
      <dl class="facts">
        {Object.entries(object.facts).map(([name, value]) => (
          <div key={name}>
            <dt>{spaced(name)}</dt>
            <dd>{value === null ? '–' : value === true ? 'yes' : value === false ? 'no' : String(value)}</dd>
          </div>
        ))}
      </dl>
      {object.links.length + back.length > 0 && <h3>Linked</h3>}
      <ul class="objects">
        {object.links.map(({ to, as }) => (
          <li key={`${to} ${as}`}>
            <span class="note">{as}</span> <ObjectLink id={to} objects={objects} />
          </li>
        ))}
        {back.map(({ id, as }) => (
          <li key={`${id} ${as}`}>
            <span class="note">{as} of</span> <ObjectLink id={id} objects={objects} />
          </li>
        ))}
      </ul>
      {changes.length > 0 && (
        <>
          <h3>History</h3>
          <ol class="history">
            {changes
              .slice(-40)
              .reverse()
              .map(({ time, what }) => (
                <li key={`${time} ${what}`}>
                  <span class="mono">{time.toFixed(1)}</span> {what}
                </li>
              ))}
          </ol>
        </>
      )}
    </article>
  );
}
