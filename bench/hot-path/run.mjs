// What an intercepted call costs, side by side in one run: ioasid, the same supervisor in C, and the least possible.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { compileC, ioasid, median, row, title } from '../common.mjs';
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
  return new Map([...results].map(([name, values]) => [name, { best: Math.min(...values), median: median(values) }]));
}

export function hotPath() {
  const here = import.meta.dirname;
  const client = compileC(join(here, 'client.c'));
  const supervisor = compileC(join(here, 'supervisor.c'));
  const exec = (...args) => measure(ioasid, ['exec', '--', client, ...args]);
  const strace = spawnSync('strace', ['--version']).status === 0;

  title('An intercepted call, ns (best and median of 7 rounds)');
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
  const c = calls.get('IOASID_GET_INFO, C supervisor');
  for (const [name, { best, median: middle }] of calls) {
    row(name, `${best.toFixed(0)}`, `${middle.toFixed(0)}`, `${(middle / c.median).toFixed(2)}x C`);
  }
  if (!strace) row('the same loop under strace -f', 'strace is not installed');

  title('Where the time of ioasid exec goes, ns per call (each part alone, in this process)');
  for (const [name, time] of parts()) row(name, time.toFixed(0));

  title('DMA, microseconds per MiB (best and median of 7 rounds)');
  const dma = rounds({
    'process_vm_writev, 1 MiB at a time (C)': () => measure(client, ['copy', '20']) / 1000,
    'the DMA engine fills 16 MiB': () => exec('dma', '20') / 1000,
  });
  const copy = dma.get('process_vm_writev, 1 MiB at a time (C)');
  for (const [name, { best, median: middle }] of dma) {
    row(name, best.toFixed(1), middle.toFixed(1), `${(middle / copy.median).toFixed(2)}x`);
  }
}
