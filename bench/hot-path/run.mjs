// What an intercepted call costs, side by side in one run: ioasid, the same supervisor in C, and the least possible.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { aim, compileC, figure, ioasid, median, row, title } from '../common.mjs';
import { parts } from './parts.mjs';

const ROUNDS = 7;

function measure(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 120_000 });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${stderr}`);
  return Number(stdout.trim().split('\n').at(-1));
}

/** Runs every variant in each round, so that a busy moment of the machine hits all alike. */
function rounds(variants) {
  const results = new Map(Object.keys(variants).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, variant] of Object.entries(variants)) results.get(name).push(variant());
  }
  return results;
}

export function hotPath() {
  const here = import.meta.dirname;
  const client = compileC(join(here, 'client.c'));
  const supervisor = compileC(join(here, 'supervisor.c'));
  const exec = (...args) => measure(ioasid, ['exec', '--', client, ...args]);
  const strace = spawnSync('strace', ['--version']).status === 0;

  title(`An intercepted call, ns: minimum, median, maximum of ${ROUNDS} rounds`);
  const calls = rounds({
    'bare system call (getppid)': () => measure(client, ['bare', '1000000']),
    'intercepted, does nothing (C)': () => measure(supervisor, ['null', client, 'other', '20000']),
    'IOASID_GET_INFO, C supervisor': () => measure(supervisor, ['work', client, 'other', '20000']),
    'IOASID_GET_INFO, ioasid exec': () => exec('ioctl', '20000'),
    'MAP_DMA / UNMAP_DMA, ioasid exec': () => exec('map', '20000'),
    ...(strace && {
      'the same loop under strace -f': () => measure('strace', ['-f', '-o', '/dev/null', client, 'bare', '20000']),
    }),
  });
  const c = median(calls.get('IOASID_GET_INFO, C supervisor'));
  for (const [name, values] of calls) figure(name, values, 0, `${(median(values) / c).toFixed(2)}x C`);
  const info = calls.get('IOASID_GET_INFO, ioasid exec');
  aim('IOASID_GET_INFO, times the C supervisor', median(info) / c, { most: 1 });
  aim('IOASID_GET_INFO, us', Math.min(...info) / 1000, { most: 10 });
  if (!strace) row('the same loop under strace -f', 'strace is not installed');

  title('Where the time of ioasid exec goes, ns per call (each part alone, in this process)');
  for (const [name, time] of parts()) row(name, time.toFixed(0));

  title(`DMA, microseconds per MiB: minimum, median, maximum of ${ROUNDS} rounds`);
  const dma = rounds({
    'process_vm_writev, 1 MiB at a time (C)': () => measure(client, ['copy', '20']) / 1000,
    'the DMA engine fills 16 MiB': () => exec('dma', '20') / 1000,
  });
  const copy = median(dma.get('process_vm_writev, 1 MiB at a time (C)'));
  for (const [name, values] of dma) figure(name, values, 1, `${(median(values) / copy).toFixed(2)}x`);
  aim('DMA of 1 MiB, times process_vm_writev', median(dma.get('the DMA engine fills 16 MiB')) / copy, { most: 1.1 });
}
