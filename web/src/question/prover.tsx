/** The button that proves the whole table again, here and now. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { CHECKED_POLICIES } from '../../../src/check/check.js';
import type { Answer } from './answer.js';
import { ANSWERS } from './answers.js';
import type { ProveMessage } from './prove.worker.js';
import ProveWorker from './prove.worker.js?worker&inline';

interface Proof {
  readonly done: readonly { readonly answer: Answer; readonly seconds: number }[];
  readonly policy: string;
  readonly states: number;
}

/** Does every property stand as printed, and is each story as long? */
function agrees(answer: Answer): boolean {
  const told = (each: Answer | undefined): string =>
    JSON.stringify([each?.standing, each?.refutations.map(({ property, steps }) => [property, steps.length]).sort()]);
  return told(answer) === told(ANSWERS.find(({ policy }) => policy === answer.policy));
}

export function Prover() {
  const [proof, setProof] = useState<Proof>();
  const worker = useRef<Worker>(undefined);
  useEffect(() => () => worker.current?.terminate(), []);
  const start = (): void => {
    worker.current?.terminate();
    worker.current = new ProveWorker();
    setProof({ done: [], policy: '', states: 0 });
    worker.current.addEventListener('message', ({ data }: MessageEvent<ProveMessage>) => {
      setProof((old) => {
        if (!old) return old;
        if (data.kind === 'progress') return { ...old, policy: data.policy, states: data.states };
        return { ...old, done: [...old.done, data] };
      });
    });
    worker.current.postMessage(CHECKED_POLICIES);
  };
  const all = proof?.done.length === CHECKED_POLICIES.length;
  const states = (proof?.done ?? []).reduce((sum, { answer }) => sum + answer.covered, 0);
  const agree = (proof?.done ?? []).filter(({ answer }) => agrees(answer)).length;
  return (
    <div class="prover">
      <button type="button" onClick={start} disabled={proof !== undefined && !all}>
        Prove the table again, in this browser
      </button>
      <span role="status" class="note">
        {proof &&
          !all &&
          `${proof.policy || 'starting'}: ${proof.states.toLocaleString('en')} states; ${proof.done.length} of ${CHECKED_POLICIES.length} policies done`}
        {all &&
          `${states.toLocaleString('en')} states explored; ${agree} of ${CHECKED_POLICIES.length} rows are as printed here`}
      </span>
    </div>
  );
}
