// What a driver of the NVMe controller gets, beside a C program that only does the copies, and what an idle one costs.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DEFAULT_MACHINE } from '../../dist/machine/file/default-machine.js';
import { aim, build, compileC, figure, ioasid, median, row, title } from '../common.mjs';

const ROUNDS = 5;
const SECONDS = '1';
const IDLE = 5;
/** How often the kernel counts processor time (USER_HZ). */
const TICKS = 100;
const PROGRAMS = fileURLToPath(new URL('../../test/programs', import.meta.url));

const JOBS = [
  { name: '4 KiB random reads, depth 1', args: ['read', '1', '4096'] },
  { name: '4 KiB random reads, depth 32', args: ['read', '32', '4096'] },
  { name: '4 KiB random writes, depth 32', args: ['write', '32', '4096'] },
  { name: '128 KiB sequential reads, depth 8', args: ['read', '8', '131072'] },
];

function number(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 120_000 });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${stderr}`);
  return Number(stdout.trim());
}

/** Processor time of a process, seconds. */
function used(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

export async function devices() {
  const driver = compileC(join(import.meta.dirname, 'driver.c'), ['-I', PROGRAMS]);
  const machine = join(build, 'nvme.yaml');
  writeFileSync(machine, DEFAULT_MACHINE.replace('group: 3, model: dma-engine', 'group: 3, model: nvme'));
  const flags = ['exec', '--machine', machine, '--', driver];

  title(`NVMe, operations a second minimum, median, maximum of ${ROUNDS} rounds, and of a C program that only copies`);
  const results = new Map(JOBS.map(({ name }) => [name, { ours: [], copies: [] }]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, args } of JOBS) {
      results.get(name).ours.push(number(ioasid, [...flags, ...args, SECONDS]));
      results.get(name).copies.push(number(driver, ['copies', args[2], SECONDS]));
    }
  }
  for (const [name, { ours, copies }] of results) {
    const copied = median(copies);
    figure(name, ours, 0, copied.toFixed(0), `${(copied / median(ours)).toFixed(1)}x`);
  }

  title('NVMe, enabled, registers mapped, nothing to do: processor time of the runner');
  const idle = spawn(ioasid, [...flags, 'idle', String(IDLE + 3)], { stdio: 'inherit' });
  const ended = new Promise((resolve) => idle.once('exit', resolve));
  await sleep(2500);
  const before = used(idle.pid);
  await sleep(IDLE * 1000);
  const share = ((used(idle.pid) - before) / IDLE) * 100;
  row(`share of a core, over ${IDLE} s`, `${share.toFixed(1)} %`);
  aim('an idle controller, % of a core', share, { most: 2, digits: 1 });
  await ended;
}
