/** The open question: the table of policies and properties, the story of each refuted cell, and the playground. */
import { useMemo } from 'preact/hooks';
import { PROPERTIES } from '../../../src/check/properties.js';
import type { Step } from '../../../src/check/steps.js';
import { type Key, useKeys } from '../shell/keys.js';
import { go } from '../shell/route.js';
import { type Answer, refutationOf } from './answer.js';
import { ANSWERS } from './answers.js';
import { Playground } from './playground.js';
import { Prover } from './prover.js';
import { Story } from './story.js';
import { WISHES } from './words.js';

/** How a property that is not refuted stands: the sign, and what it means. */
const SIGNS = {
  proved: ['✓', 'is proved'],
  'by construction': ['✓ⁿ', 'holds by construction'],
  vacuous: ['✓ᵛ', 'holds because what it speaks of never happens'],
  'not refuted': ['?', 'was not refuted'],
  'not judged': ['–', 'was not judged'],
} as const;

function Cell({ answer, property }: { answer: Answer; property: string }) {
  const { policy } = answer;
  const refutation = refutationOf(answer, property);
  const standing = answer.standing[property] ?? 'vacuous';
  if (refutation) {
    const { length } = refutation.steps;
    return (
      <td class="refuted">
        <a
          href={`#/question?policy=${policy}&property=${property}&step=1`}
          aria-label={`${property} is refuted under ${policy} in ${length} steps: see the story`}
        >
          {length}
        </a>
      </td>
    );
  }
  const [sign, words] = SIGNS[standing === 'refuted' ? 'vacuous' : standing];
  return (
    <td class="holds">
      <span role="img" aria-label={`${property} ${words} under ${policy}`} title={words}>
        {sign}
      </span>
    </td>
  );
}

function Table() {
  return (
    <section class="scroll" aria-label="The table">
      <table class="answers">
        <caption class="hidden">Which property holds under which policy</caption>
        <thead>
          <tr>
            <th scope="col">how long does proof last?</th>
            {PROPERTIES.map(({ id, name }) => (
              <th key={id} scope="col" title={WISHES[id]}>
                <span>{id}</span>
                <small>{name}</small>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ANSWERS.map((answer) => (
            <tr key={answer.policy}>
              <th scope="row">
                {answer.policy}
                <small>{answer.summary}</small>
              </th>
              {PROPERTIES.map(({ id }) => (
                <Cell key={id} answer={answer} property={id} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Overview() {
  const keys: Key[] = [{ key: 'p', what: 'Break a policy yourself', run: () => go('question', { play: 'rights' }) }];
  useKeys(keys);
  return (
    <>
      <section class="intro">
        <h1>How long does proof of access last?</h1>
        <p>
          Some devices read and write memory behind the back of the CPU caches. Who owns such a device must be able to
          flush the caches, all of them, of the whole machine: <code>wbinvd</code>. That is slow for everybody, so it is
          not for everybody; it takes proof of owning the device. The proof is an open file, and a virtual machine can
          be shown it. In 2021 the /dev/ioasid proposal stopped at the question what becomes of the right when the
          device goes away.
        </p>
        <p>
          Here are eight answers, each with what was wished for on the mailing list. <span class="holds">✓</span> is
          proved over every state of a bounded world; <span class="refuted">a number</span> refutes the property in so
          many steps: press it to see how. ⁿ: by construction, whatever the policy does; ᵛ: what it speaks of never
          happens. No answer can have them all.
        </p>
      </section>
      <Table />
      <div class="bar">
        <a class="button primary" href="#/question?play=rights">
          Break a policy yourself
        </a>
        <Prover />
      </div>
      <h2>What was wished for</h2>
      <dl class="wishes">
        {PROPERTIES.map(({ id, name }) => (
          <div key={id}>
            <dt>
              {id} {name}
            </dt>
            <dd>{WISHES[id]}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

/** The steps of `POLICY.PROPERTY.STEP`: where a reader left a story to go on alone. */
function stepsFrom(from: string | undefined): readonly Step[] {
  const [policy, property = '', step, way] = (from ?? '').split('.');
  const answer = ANSWERS.find((each) => each.policy === policy);
  const refutation = answer && refutationOf(answer, property);
  return (way === 'other' ? refutation?.other : refutation?.steps)?.slice(0, Number(step)) ?? [];
}

export function QuestionView({ params }: { params: Readonly<Record<string, string>> }) {
  const { policy, property = '', step = '0', shown, play, from, way } = params;
  const start = useMemo(() => stepsFrom(from), [from]);
  const answer = ANSWERS.find((each) => each.policy === policy);
  if (play) {
    const caches = play === 'caches';
    return <Playground key={`${play} ${from ?? ''}`} caches={caches} policy={policy ?? 'mediated'} start={start} />;
  }
  if (answer && property) {
    return (
      <Story
        answer={answer}
        property={property}
        step={Number(step)}
        shown={shown ?? answer.policy}
        other={way === 'other'}
      />
    );
  }
  return <Overview />;
}
