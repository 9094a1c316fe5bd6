/** What the page looks at now: a source, the trace that came from it, and the newest snapshot. */
import { useSyncExternalStore } from 'preact/compat';
import type { Activity, Sink, Snapshot } from '../../../src/inspect/source.js';
import { isCall, isStep, type TraceHeader } from '../../../src/replay/trace/format.js';
import type { TraceEvent } from '../../../src/trace/json.js';
import { EventStore } from './event-store.js';
import { History } from './history.js';
import { KernelSource } from './kernel-source.js';
import { LiveSource, type RunName, type Served, served, servedTrace, takeToken } from './live-source.js';
import { type PageProgram, PROGRAMS } from './programs.js';
import { Redraw } from './redraw.js';
import type { Source } from './source.js';

export class Session {
  readonly store = new EventStore();
  readonly history = new History();
  source: Source | undefined;
  snapshot: Snapshot | undefined;
  /** What devices did in memory. */
  activity: Activity = [];
  held: TraceEvent | undefined;
  ended: string | undefined;
  /** Why it is not what was asked for. */
  failure: string | undefined;
  /** The program of the page that runs, if it is one. */
  program: PageProgram | undefined;
}

let session = new Session();
const views = new Redraw();
const changed = (): void => views.changed();

function sinkOf(it: Session): Sink {
  return {
    snapshot(snapshot) {
      it.snapshot = snapshot;
      it.history.add(snapshot);
      changed();
    },
    activity(activity) {
      it.activity = activity;
      changed();
    },
    events(events, lost) {
      it.store.miss(lost);
      for (const event of events) it.store.append(event);
      changed();
    },
    held(call) {
      it.held = call;
      changed();
    },
    ended(why) {
      it.ended = why;
      changed();
    },
  };
}

function open(start: (sink: Sink) => Source, program?: PageProgram): void {
  session.source?.stop();
  session = new Session();
  session.program = program;
  session.source = start(sinkOf(session));
  changed();
}

/** Runs a program on the kernel in the page. */
export function openProgram(id: string, authority?: string): void {
  const program = PROGRAMS.find((each) => each.id === id) ?? PROGRAMS[0];
  if (program) open((sink) => new KernelSource(program, sink, authority), program);
}

/** The event of a line. A recorded run has lines beside them: its header, and what moved the machine without a call. */
function eventsOf(value: TraceEvent | TraceHeader): TraceEvent[] {
  return 'call' in value && (!isStep(value) || isCall(value)) ? [value] : [];
}

/** Shows a trace that `ioasid exec --trace FILE` or `--record FILE` wrote. @throws SyntaxError a line is no event */
export function openTrace(name: string, text: string): void {
  const events = text.split('\n').flatMap((line) => (line.trim() === '' ? [] : eventsOf(JSON.parse(line))));
  const refuse = async (): Promise<never> => {
    throw new Error('a trace file has calls, and no machine');
  };
  open((sink) => {
    sink.events(events, 0);
    return { title: name, kind: 'file', window: refuse, command: refuse, stop: () => undefined };
  });
}

/** Attaches to a run. @param run undefined: the one that the server of the page belongs to */
export function openRun(run: RunName | undefined, title?: string): void {
  open((sink) => new LiveSource(run, sink, title));
}

/** What the server of the page has; undefined: it was not served by `ioasid`, or has one run only. */
let offered: Served | undefined;

/** The runs that can be attached to. */
export function offeredRuns(): readonly RunName[] {
  return offered?.runs ?? [];
}

/** Asks again which runs there are. */
export async function lookForRuns(): Promise<void> {
  const found = await served();
  offered = found.only ? undefined : found;
  changed();
  if (found.only) openRun(undefined, found.title);
  else if (found.trace !== undefined && session.source?.title !== found.trace)
    openTrace(found.trace, await servedTrace());
  else if (found.runs[0] && session.source?.kind !== 'live') openRun(found.runs[0]);
}

/** What is looked at first: what the server of the page has; else a program on the kernel in the page. */
export function openFirst(): void {
  if (!takeToken()) {
    openProgram('right');
    return;
  }
  lookForRuns()
    .then(() => {
      if (!session.source) openProgram('right');
    })
    .catch((error: Error) => {
      openProgram('right');
      session.failure = error.message;
    });
}

/** The session; the component is drawn again whenever something came. */
export function useSession(): Session {
  useSyncExternalStore(
    (listener) => views.listen(listener),
    () => views.version,
  );
  return session;
}
