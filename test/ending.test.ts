/** A signal ends a run, whatever its processes do. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { compile, ioasid } from './run.js';

/** Starts a shell script under the runner, in a process group of its own, and waits until it says that it is ready. */
async function start(script: string): Promise<ChildProcess> {
  const child = spawn(ioasid, ['exec', '--', 'sh', '-c', script], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(child.stdout, 'data');
  return child;
}

/**
 * Its end within seconds after a signal, which is sent again: one that meets the program on its way out is the program's.
 * What is left of its group is killed.
 */
async function endAfter(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null | 'nothing'> {
  const late = setTimeout(() => group(child), 10_000);
  child.kill(signal);
  const again = setInterval(() => child.kill(signal), 1000);
  const [status, by] = (await once(child, 'exit')) as [number | null, string | null];
  clearTimeout(late);
  clearInterval(again);
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
  const child = await start('sleep 1000 >/dev/null & echo ready');
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await endAfter(child, signal)).toBe(status);
});

test('what is left behind and uses the virtual kernel gets the signal', async () => {
  const script = `(${compile('test/programs/wait-for-kill.c')}; echo status $?) &`;
  const child = await start(script);
  let said = '';
  child.stdout?.on('data', (text: Buffer) => {
    said += text;
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
  child.kill('SIGTERM');
  const closed = once(child, 'close');
  const late = setTimeout(() => group(child), 10_000);
  await closed;
  clearTimeout(late);
  expect(said).toContain('status 143');
});
