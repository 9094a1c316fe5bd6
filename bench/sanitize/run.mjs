// What --sanitize dma, and --record, cost a driver that moves data: the same driver without and with it, by turns.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { printIommufdHeader } from '../../dist/abi/iommufd-header.js';
import { DEFAULT_MACHINE } from '../../dist/machine/file/default-machine.js';
import { aim, build, compileC, figure, ioasid, median, title } from '../common.mjs';

const ROUNDS = 5;
const SECONDS = '2';
/** The share that a driver may lose. */
const MOST = 0.15;

const folder = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export async function sanitize() {
  writeFileSync(join(build, 'iommufd.h'), printIommufdHeader());
  const engine = compileC(join(import.meta.dirname, 'engine.c'), ['-I', folder('examples/faulty')]);
  const machine = join(build, 'nvme.yaml');
  writeFileSync(machine, DEFAULT_MACHINE.replace('group: 3, model: dma-engine', 'group: 3, model: nvme'));
  const nvme = compileC(folder('bench/devices/driver.c'), ['-I', folder('test/programs')]);
  const jobs = [
    { name: 'DMA engine, 64 KiB, mapped once', args: ['--', engine, 'moves', '65536'] },
    { name: 'DMA engine, 64 KiB, mapped for each', args: ['--', engine, 'maps', '65536'] },
    { name: 'DMA engine, 1 MiB, mapped for each', args: ['--', engine, 'maps', '1048576'] },
    { name: 'NVMe, 4 KiB random reads, depth 32', args: ['--machine', machine, '--', nvme, 'read', '32', '4096'] },
  ];
  title(`--sanitize dma: the share of its rate that a driver keeps, minimum, median, maximum of ${ROUNDS} rounds`);
  for (const { name, args } of jobs) {
    const shares = kept(['--sanitize', 'dma', '--sanitize-exit', '0'], args);
    figure(name, shares, 2);
    aim(`sanitizer, ${name}: the share that is lost`, 1 - median(shares), { most: MOST });
  }
  title(`--record: the share of its rate that a driver keeps, minimum, median, maximum of ${ROUNDS} rounds`);
  for (const { name, args } of jobs) figure(name, kept(['--record', join(build, 'bench.trace')], args), 2);
}

/** A driver without and with flags, by turns: the share of its rate that it keeps in each round. */
function kept(flags, args) {
  return Array.from({ length: ROUNDS }, () => {
    const [off, on] = [rate([], args), rate(flags, args)];
    return on / off;
  });
}

/** Transfers a second. */
function rate(flags, args) {
  const { status, stdout, stderr } = spawnSync(ioasid, ['exec', ...flags, ...args, SECONDS], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args.join(' ')} failed: ${stderr}`);
  return Number(stdout);
}
