/** Rights as lamps: a row a policy, a lamp for each open file and VM, and what the last step did there. */
import { fileName, vmName } from '../../../src/check/steps.js';
import type { Moment, Track } from './track.js';

/** What became of the step under a policy. A policy that does not look at the clock is not told of it. */
function outcomeOf({ outcome, step }: Moment): string {
  if (outcome === 'refused') return 'refused: EBUSY';
  return outcome === 'done' || step?.do === 'tick' ? '' : 'cannot happen here';
}

function Lamp({ on, changed, who }: { on: boolean; changed: boolean; who: string }) {
  return (
    <td>
      <span
        class={`lamp${on ? ' on' : ''}${changed ? ' changed' : ''}`}
        role="img"
        aria-label={`${who} ${on ? 'may flush' : 'may not flush'}${changed ? ', new' : ''}`}
      />
    </td>
  );
}

function Row({
  track,
  at,
  chosen,
  choose,
}: {
  track: Track;
  at: number;
  chosen: boolean;
  choose: (policy: string) => void;
}) {
  const { files, vms } = track.world.bounds;
  const moment = track.moments[at] as Moment;
  const before = track.moments[Math.max(0, at - 1)] as Moment;
  const broken = [
    ...new Set(track.moments.slice(0, at + 1).flatMap((each) => each.broken.map(({ property }) => property))),
  ];
  const names = [...Array(files).keys()].map(fileName).concat([...Array(vms).keys()].map((v) => `VM ${vmName(v)}`));
  return (
    <tr class={chosen ? 'chosen' : ''}>
      <th scope="row">
        <button
          type="button"
          class="quiet"
          aria-pressed={chosen}
          onClick={() => choose(track.policy)}
          title={track.world.policy.summary}
        >
          {track.policy}
        </button>
      </th>
      {names.map((who, bit) => {
        const on = (moment.rights & (1 << bit)) !== 0;
        return <Lamp key={who} who={who} on={on} changed={on !== ((before.rights & (1 << bit)) !== 0)} />;
      })}
      <td class="outcome">
        {outcomeOf(moment)}
        {broken.length > 0 && (
          <span class="broken" title="properties that were broken on the way">
            {broken.join(' ')}
          </span>
        )}
      </td>
    </tr>
  );
}

export function Lamps({
  tracks,
  at,
  policy,
  choose,
}: {
  tracks: readonly Track[];
  at: number;
  policy: string;
  choose: (policy: string) => void;
}) {
  const bounds = tracks[0]?.world.bounds;
  if (!bounds) return null;
  return (
    <table class="lamps">
      <caption class="hidden">Who may flush all CPU caches now, under each policy</caption>
      <thead>
        <tr>
          <th scope="col">may flush</th>
          {[...Array(bounds.files).keys()].map((f) => (
            <th key={f} scope="col">
              {fileName(f)}
            </th>
          ))}
          {[...Array(bounds.vms).keys()].map((v) => (
            <th key={v} scope="col">
              VM {vmName(v)}
            </th>
          ))}
          <th scope="col">this step</th>
        </tr>
      </thead>
      <tbody>
        {tracks.map((track) => (
          <Row key={track.policy} track={track} at={at} chosen={track.policy === policy} choose={choose} />
        ))}
      </tbody>
    </table>
  );
}
