/** A signal ends a run, whatever its processes do. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compile, ioasid } from './run.js';

/** Starts a program under the runner, in a process group of its own. */
const run = (program: readonly string[]) =>
  spawn(ioasid, ['exec', '--', ...program], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });

/** Starts a shell script so, and waits until it says that it is ready. */
async function start(script: string): Promise<ChildProcess> {
  const child = run(['sh', '-c', script]);
  await once(child.stdout, 'data');
  return child;
}

/** Is a process on its way out (PF_EXITING), or gone? */
function leaves(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[6]) & 4) !== 0;
  } catch {
    return true;
  }
}

/** Starts a shell script that says its number first, and waits until the shell ends. `said` grows. */
async function leftBehind(script: string) {
  const child = run(['sh', '-c', `echo pid $$; ${script}`]);
  const said = { text: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.text += text;
  });
  const ready = (): boolean => /pid \d+\n/.test(said.text) && leaves(Number(/pid (\d+)/.exec(said.text)?.[1]));
  while (!ready()) await new Promise((resolve) => setTimeout(resolve, 5));
  return { child, said };
}

/** Its end within seconds after a signal. What is left of its group is killed. */
async function endAfter(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null | 'nothing'> {
  const late = setTimeout(() => group(child), 10_000);
  child.kill(signal);
  const [status, by] = (await once(child, 'exit')) as [number | null, string | null];
  clearTimeout(late);
  group(child);
  return by === 'SIGKILL' ? 'nothing' : status;
}

function group({ pid }: ChildProcess): void {
  try {
    process.kill(-(pid ?? 0), 'SIGKILL');
  } catch {
    // All of it ended.
  }
}

const BIND = '/sys/bus/pci/drivers/vfio-pci/bind';
const BUSY = 'dd if=/dev/zero of=/dev/null bs=1 2>/dev/null';

test('SIGTERM reaches a program that is followed and never stops to make calls', async () => {
  const child = await start(`exec 3> ${BIND}; echo ready; exec ${BUSY}`);
  expect(await endAfter(child, 'SIGTERM')).toBe(143);
});

test('others are served while one that is followed never stops to make calls', async () => {
  const child = await start(`(exec 3> ${BIND}; exec ${BUSY}) & sleep 0.5; stat /dev/ioasid >/dev/null && echo ready`);
  expect(await endAfter(child, 'SIGTERM')).toBe(143);
});

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
  ['SIGHUP', 129],
  ['SIGQUIT', 131],
] as const)('%s ends a run that waits for what its program left behind', async (signal, status) => {
  const { child } = await leftBehind('sleep 1000 >/dev/null &');
  expect(await endAfter(child, signal)).toBe(status);
});

test('a signal that meets the program on its way out ends what it left behind', async () => {
  const child = run([compile('test/programs/slow-exit.c')]);
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  const pid = Number(/pid (\d+)/.exec(said.toString())?.[1]);
  while (!leaves(pid));
  expect(await endAfter(child, 'SIGTERM')).toBe(143);
});

test('what is left behind and uses the virtual kernel gets the signal', async () => {
  const { child, said } = await leftBehind(`(${compile('test/programs/wait-for-kill.c')}; echo status $?) &`);
  while (said.text.split('pid ').length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  const late = setTimeout(() => group(child), 10_000);
  child.kill('SIGTERM');
  await once(child, 'close');
  clearTimeout(late);
  expect(said.text).toContain('status 143');
});
