/** What the page looks at now: a source, the trace that came from it, and the newest snapshot. */
import { useSyncExternalStore } from 'preact/compat';
import type { Sink, Snapshot } from '../../../src/inspect/source.js';
import type { TraceEvent } from '../../../src/trace/json.js';
import { EventStore } from './event-store.js';
import { History } from './history.js';
import { KernelSource } from './kernel-source.js';
import { type PageProgram, PROGRAMS } from './programs.js';
import type { Source } from './source.js';

export class Session {
  readonly store = new EventStore();
  readonly history = new History();
  source: Source | undefined;
  snapshot: Snapshot | undefined;
  held: TraceEvent | undefined;
  ended: string | undefined;
  /** The program of the page that runs, if it is one. */
  program: PageProgram | undefined;
}

let session = new Session();
let version = 0;
let scheduled = false;
const listeners = new Set<() => void>();

/** Tells the views, once a frame. */
function changed(): void {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    version++;
    for (const listener of listeners) listener();
  });
}

function sinkOf(it: Session): Sink {
  return {
    snapshot(snapshot) {
      it.snapshot = snapshot;
      it.history.add(snapshot);
      changed();
    },
    events(events, lost) {
      events.forEach((event, i) => {
        it.store.append(event, i === 0 ? lost : 0);
      });
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

/** Shows a trace that `ioasid exec --trace FILE` wrote. @throws SyntaxError a line is no event */
export function openTrace(name: string, text: string): void {
  const events = text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line) as TraceEvent]));
  const refuse = async (): Promise<never> => {
    throw new Error('a trace file has calls, and no machine');
  };
  open((sink) => {
    sink.events(events, 0);
    return { title: name, kind: 'file', window: refuse, command: refuse, stop: () => undefined };
  });
}

/** What is looked at first. */
export function openFirst(): void {
  openProgram('right');
}

/** The session; the component is drawn again whenever something came. */
export function useSession(): Session {
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => version,
  );
  return session;
}
