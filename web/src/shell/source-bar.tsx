/** Above the views of a machine: what is looked at, how to go on, and the hands that reach into it. */
import { useState } from 'preact/hooks';
import { POLICY_NAMES } from '../../../src/authority/policies.js';
import type { Command } from '../../../src/inspect/source.js';
import { PROGRAMS } from '../source/programs.js';
import {
  lookForRuns,
  offeredRuns,
  openProgram,
  openRun,
  openTrace,
  type Session,
  useSession,
} from '../source/session.js';
import { type Key, useKeys } from './keys.js';
import { StopsPanel } from './stops-panel.js';

/** What may be chosen as a policy here: a time-out needs a duration. */
const POLICIES = POLICY_NAMES.map((name) => (name.startsWith('timeout') ? 'timeout:30s' : name));

function Programs({ session, fail }: { session: Session; fail: (why: string) => void }) {
  const load = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    try {
      openTrace(file.name, await file.text());
    } catch (error) {
      fail(`${file.name} is no trace of ioasid: ${(error as Error).message}`);
    }
  };
  return (
    <>
      <label>
        Program
        <select value={session.program?.id ?? ''} onChange={(event) => openProgram(event.currentTarget.value)}>
          {!session.program && <option value="">{session.source?.title}</option>}
          {PROGRAMS.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="button">
        Open a trace…
        <input
          class="hidden"
          type="file"
          accept=".json,.jsonl,.txt"
          onChange={(event) => load(event.currentTarget.files?.[0])}
        />
      </label>
    </>
  );
}

function Hands({ session, run }: { session: Session; run: (command: Command) => void }) {
  const devices = (session.snapshot?.objects ?? []).filter(({ kind, facts }) => kind === 'device' && !facts.hostDriver);
  const [chosen, choose] = useState('');
  const device = devices.find(({ name }) => name === chosen) ?? devices[0];
  const policy = String(session.snapshot?.facts.authority ?? '');
  return (
    <>
      <label>
        Policy
        <select value={policy} onChange={(event) => run({ command: 'authority', name: event.currentTarget.value })}>
          {(POLICIES.includes(policy) ? POLICIES : [policy, ...POLICIES]).map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      {device && (
        <>
          <label>
            Device
            <select value={device.name} onChange={(event) => choose(event.currentTarget.value)}>
              {devices.map(({ name }) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
          <button
            type="button"
            onClick={() => run({ command: device.facts.pluggedIn ? 'unplug' : 'plug', name: device.name })}
          >
            {device.facts.pluggedIn ? 'Unplug' : 'Plug in'}
          </button>
        </>
      )}
    </>
  );
}

/** The runs of the user that can be attached to. */
function Runs({ session, fail }: { session: Session; fail: (why: string) => void }) {
  const runs = offeredRuns();
  return (
    <>
      <label>
        Run
        <select
          value={session.source?.kind === 'live' ? session.source.title : ''}
          onChange={(event) => openRun(runs[event.currentTarget.selectedIndex - 1])}
        >
          <option value="">none</option>
          {runs.map(({ pid, command }) => (
            <option key={pid} value={`${command} (${pid})`}>
              {command} ({pid})
            </option>
          ))}
        </select>
      </label>
      <button type="button" onClick={() => lookForRuns().catch((error: Error) => fail(error.message))}>
        Look again
      </button>
    </>
  );
}

export function SourceBar() {
  const session = useSession();
  const [failure, fail] = useState('');
  const { source, held, ended, program } = session;
  const run = (command: Command): void => {
    fail('');
    source?.command(command).catch((error: Error) => fail(error.message));
  };
  const machine = source !== undefined && source.kind !== 'file';
  const goes = machine && !ended;
  const keys: Key[] = goes
    ? [
        {
          key: ' ',
          what: 'Hold the program, or let it go on',
          run: () => run({ command: held ? 'continue' : 'pause' }),
        },
        { key: 's', what: 'One call further', run: () => run({ command: 'step' }) },
      ]
    : [];
  useKeys(keys);
  const state =
    ended ??
    (held
      ? held.call === 'paused'
        ? 'held'
        : `held at ${held.ioctl ?? held.call}`
      : source?.kind === 'file'
        ? 'a trace'
        : 'running');
  return (
    <section class="bar source" aria-label="What is looked at">
      {source?.kind === 'live' && offeredRuns().length === 0 ? (
        <b>{source.title}</b>
      ) : (
        <>
          {offeredRuns().length > 0 && <Runs session={session} fail={fail} />}
          <Programs session={session} fail={fail} />
        </>
      )}
      {goes && (
        <>
          <button
            type="button"
            class={held ? 'primary' : ''}
            onClick={() => run({ command: held ? 'continue' : 'pause' })}
          >
            {held ? '▶ Continue' : '❚❚ Pause'}
          </button>
          <button type="button" onClick={() => run({ command: 'step' })} disabled={!held}>
            Step
          </button>
        </>
      )}
      {program && (
        <button type="button" onClick={() => openProgram(program.id)}>
          Start again
        </button>
      )}
      <span class="note" role="status">
        {state}
      </span>
      <span class="space" />
      {machine && !(ended && source.kind === 'live') && <Hands session={session} run={run} />}
      {goes && <StopsPanel session={session} run={run} />}
      {(failure || session.failure) && (
        <span class="bad" role="alert">
          {failure || session.failure}
        </span>
      )}
    </section>
  );
}
