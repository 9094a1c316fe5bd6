/** A refuted cell: its story step by step, all policies side by side, forwards and back. */
import { useMemo } from 'preact/hooks';
import { PROPERTIES } from '../../../src/check/properties.js';
import { sentence } from '../../../src/check/steps.js';
import { type Key, useKeys } from '../shell/keys.js';
import { go, patch } from '../shell/route.js';
import { type Answer, refutationOf } from './answer.js';
import { Lamps } from './lamps.js';
import { Picture } from './picture.js';
import { sceneOf } from './scene.js';
import { type Track, tracksOf } from './track.js';
import { meaning, WISHES } from './words.js';

export function Story({
  answer,
  property,
  step,
  shown,
  other,
}: {
  answer: Answer;
  property: string;
  step: number;
  shown: string;
  /** P2: the other way to the same objects and attachments. */
  other: boolean;
}) {
  const found = PROPERTIES.find(({ id }) => id === property);
  const refutation = refutationOf(answer, property);
  const steps = (other ? refutation?.other : refutation?.steps) ?? [];
  const tracks = useMemo(() => tracksOf(found?.world === 'caches', steps), [answer, property, other]);
  const at = Math.max(0, Math.min(step, steps.length));
  const to = (next: number): void => patch({ step: String(Math.max(0, Math.min(next, steps.length))) }, true);
  const keys: Key[] = [
    { key: 'ArrowRight', what: 'Next step of the story', run: () => to(at + 1) },
    { key: 'ArrowLeft', what: 'One step back', run: () => to(at - 1) },
    { key: 'Escape', what: 'Back to the table', run: () => go('question') },
  ];
  useKeys(keys);
  const track = (tracks.find((each) => each.policy === shown) ?? tracks[0]) as Track;
  const moment = track.moments[at];
  const now = steps[at - 1];
  if (!refutation || !moment)
    return (
      <p>
        Within the bounds nothing refutes {property} of {answer.policy}.
      </p>
    );
  return (
    <section class="story" aria-labelledby="story-title">
      <a href="#/question">← The table</a>
      <h1 id="story-title">
        {answer.policy} against {property}, {found?.name}
      </h1>
      <p>
        <b>{answer.policy}</b>: {answer.summary}. <b>{property}</b>: {WISHES[property]} In {steps.length} steps the
        policy breaks it; no shorter story does.
      </p>
      {refutation.other && (
        <p class="ways">
          It takes two ways to the same objects and attachments:{' '}
          <button
            type="button"
            aria-pressed={!other}
            onClick={() => patch({ way: '', step: String(refutation.steps.length) }, true)}
          >
            one way
          </button>{' '}
          <button
            type="button"
            aria-pressed={other}
            onClick={() => patch({ way: 'other', step: String(refutation.other?.length) }, true)}
          >
            the other way
          </button>
        </p>
      )}
      <div class="bar controls">
        <button type="button" onClick={() => to(0)} disabled={at === 0}>
          Start
        </button>
        <button type="button" onClick={() => to(at - 1)} disabled={at === 0}>
          ← Back
        </button>
        <button type="button" class="primary" onClick={() => to(at + 1)} disabled={at === steps.length}>
          Next →
        </button>
        <button type="button" onClick={() => to(steps.length)} disabled={at === steps.length}>
          End
        </button>
        <span class="note">
          step {at} of {steps.length}
        </span>
        <span class="space" />
        <a
          class="button"
          href={`#/question?play=${found?.world}&policy=${shown}&from=${answer.policy}.${property}.${at}${other ? '.other' : ''}`}
        >
          Go on by yourself from here
        </a>
      </div>
      <div class="stage">
        <ol class="steps">
          {steps.map((each, i) => (
            <li key={sentence(each)} class={i + 1 === at ? 'now' : i + 1 < at ? 'done' : ''}>
              <button
                type="button"
                class="quiet"
                aria-current={i + 1 === at ? 'step' : undefined}
                onClick={() => to(i + 1)}
              >
                {sentence(each)}
              </button>
            </li>
          ))}
        </ol>
        <div class="scene card">
          <p class="says" aria-live="polite">
            {now
              ? meaning(now)
              : 'Nothing is open, no device is attached. Go forwards with Next or the right arrow key.'}
          </p>
          <Picture scene={sceneOf(track.show(moment))} />
          <p class="note">
            The picture is that of <b>{track.policy}</b>.
          </p>
        </div>
        <div class="card side">
          <Lamps tracks={tracks} at={at} policy={track.policy} choose={(policy) => patch({ shown: policy }, true)} />
        </div>
      </div>
      {at === steps.length && (
        <p class="verdict" role="status">
          <b>
            So {property} does not hold under {answer.policy}:
          </b>{' '}
          {refutation.wrong}.
        </p>
      )}
    </section>
  );
}
