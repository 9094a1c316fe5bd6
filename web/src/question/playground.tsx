/** The playground: every action that can happen now is a button. Break a policy yourself. */
import { useMemo, useState } from 'preact/hooks';
import { PROPERTIES } from '../../../src/check/properties.js';
import { type Step, sentence } from '../../../src/check/steps.js';
import { type Key, useKeys } from '../shell/keys.js';
import { go, patch } from '../shell/route.js';
import { Lamps } from './lamps.js';
import { Picture } from './picture.js';
import { sceneOf } from './scene.js';
import { keyOf, type Moment, type Track, tracksOf } from './track.js';
import { meaning } from './words.js';

const GROUPS: readonly { readonly title: string; readonly of: readonly Step['do'][] }[] = [
  { title: 'Files', of: ['open', 'dup', 'pass', 'close'] },
  { title: 'Devices', of: ['bind', 'attach', 'detach', 'unbind', 'unplug', 'plug', 'dma-write', 'dma-read'] },
  {
    title: 'VMs',
    of: ['create-vm', 'add', 'enable', 'delete', 'disable', 'close-vm', 'load', 'guest-flush', 'flush-and-look'],
  },
  { title: 'Memory and time', of: ['map', 'unmap', 'store', 'migrate', 'recycle', 'flush', 'tick'] },
];

/** A button's words: the sentence, short. */
const short = (step: Step): string => sentence(step).replace('process ', '').replace('/dev/ioasid: file ', '');

function Broken({ track, at }: { track: Track; at: number }) {
  const broken = (track.moments[at] as Moment).broken;
  if (broken.length === 0) return null;
  return (
    <div class="verdict" role="status">
      {broken.map(({ property, wrong }) => (
        <p key={property}>
          <b>
            You broke {property}, {PROPERTIES.find(({ id }) => id === property)?.name}, under {track.policy}:
          </b>{' '}
          {wrong}.
        </p>
      ))}
    </div>
  );
}

export function Playground({ caches, policy, start }: { caches: boolean; policy: string; start: readonly Step[] }) {
  const tracks = useMemo(() => tracksOf(caches, start), [caches, start]);
  const [at, setAt] = useState(start.length);
  const track = (tracks.find((each) => each.policy === policy) ?? tracks[0]) as Track;
  const play = (step: Step): void => {
    for (const each of tracks) each.play(step);
    setAt(track.moments.length - 1);
  };
  const back = (steps: number): void => {
    for (const each of tracks) each.back(Math.max(0, steps));
    setAt(Math.max(0, steps));
  };
  const keys: Key[] = [
    { key: 'Backspace', what: 'Undo the last action', run: () => back(at - 1) },
    { key: 'Escape', what: 'Back to the table', run: () => go('question') },
  ];
  useKeys(keys);
  const enabled = track.enabled();
  const moment = track.last;
  return (
    <section class="story" aria-labelledby="play-title">
      <a href="#/question">← The table</a>
      <h1 id="play-title">Break a policy yourself</h1>
      <p>
        Every button is something that can happen now under <b>{track.policy}</b>. The lamps show who may flush all CPU
        caches, under all policies at once. Try to make a lamp burn that should not, or go out when it should not.
      </p>
      <div class="bar controls">
        <button type="button" onClick={() => back(at - 1)} disabled={at === 0}>
          Undo
        </button>
        <button type="button" onClick={() => back(0)} disabled={at === 0}>
          Start again
        </button>
        <label>
          World
          <select
            value={caches ? 'caches' : 'rights'}
            onChange={(event) => patch({ play: event.currentTarget.value, from: '' })}
          >
            <option value="rights">two processes, two files, two VMs</option>
            <option value="caches">one line of memory in the caches</option>
          </select>
        </label>
        <span class="note">{at} steps</span>
      </div>
      <Broken track={track} at={track.moments.length - 1} />
      <div class="stage play">
        <div class="actions">
          {GROUPS.map(({ title, of }) => {
            const steps = enabled.filter(({ step }) => of.includes(step.do));
            return steps.length === 0 ? null : (
              <fieldset key={title}>
                <legend>{title}</legend>
                {steps.map(({ step, outcome }) => (
                  <button
                    key={keyOf(step)}
                    type="button"
                    onClick={() => play(step)}
                    title={meaning(step)}
                    class={outcome}
                  >
                    {short(step)}
                    {outcome === 'refused' && <span class="bad"> (refused)</span>}
                  </button>
                ))}
              </fieldset>
            );
          })}
        </div>
        <div class="scene card">
          <p class="says" aria-live="polite">
            {moment.step ? `${sentence(moment.step)}. ${meaning(moment.step)}` : 'Nothing has happened yet.'}
          </p>
          <Picture scene={sceneOf(track.show(moment))} />
        </div>
        <div class="card side">
          <Lamps
            tracks={tracks}
            at={track.moments.length - 1}
            policy={track.policy}
            choose={(name) => patch({ policy: name }, true)}
          />
        </div>
      </div>
    </section>
  );
}
