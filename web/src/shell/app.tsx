/** The frame of the page: which source is looked at, the views, and the list of keys. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { CallsView } from '../calls/calls-view.js';
import { MachineView } from '../machine/machine-view.js';
import { QuestionView } from '../question/question-view.js';
import { SpaceView } from '../space/space-view.js';
import { TimeView } from '../time/time-view.js';
import { activeKeys, type Key, useKeys } from './keys.js';
import { go, useRoute } from './route.js';
import { SourceBar } from './source-bar.js';

const VIEWS = [
  { view: 'question', name: 'The question', key: '1', show: QuestionView, ofMachine: false },
  { view: 'machine', name: 'Machine', key: '2', show: MachineView, ofMachine: true },
  { view: 'space', name: 'Address space', key: '3', show: SpaceView, ofMachine: true },
  { view: 'calls', name: 'Calls', key: '4', show: CallsView, ofMachine: true },
  { view: 'time', name: 'Time', key: '5', show: TimeView, ofMachine: true },
] as const;

function KeyList({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="keys-title">
      <h2 id="keys-title">Keys</h2>
      <dl class="keys">
        {activeKeys().map(({ key, what }) => (
          <div key={key + what}>
            <dt>
              <kbd>{key === ' ' ? 'Space' : key.replace('Arrow', '')}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}

export function App() {
  const { view, params } = useRoute();
  const [help, setHelp] = useState(false);
  const shown = VIEWS.find((each) => each.view === view) ?? VIEWS[0];
  const keys: Key[] = [
    ...VIEWS.map(({ view: to, name, key }) => ({ key, what: name, run: () => go(to) })),
    { key: '?', what: 'This list', run: () => setHelp(true) },
  ];
  useKeys(keys);
  useEffect(() => {
    document.title = `${shown.name} · ioasid`;
  }, [shown.name]);
  const Shown = shown.show;
  return (
    <>
      <header class="top">
        <a class="brand" href="#/question">
          ioasid
        </a>
        <nav aria-label="Views">
          {VIEWS.map(({ view: to, name }) => (
            <a key={to} href={`#/${to}`} aria-current={to === shown.view ? 'page' : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <button type="button" class="quiet" onClick={() => setHelp(true)} aria-label="List of keys">
          <kbd>?</kbd>
        </button>
      </header>
      {shown.ofMachine && <SourceBar />}
      <main class={shown.view} tabIndex={-1}>
        <Shown params={params} />
      </main>
      {help && <KeyList close={() => setHelp(false)} />}
    </>
  );
}
