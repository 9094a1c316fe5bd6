// npm run golden: records the examples again, as test/golden/*.trace. test/golden.test.ts replays them: an answer that
// changes shows there, and is either a mistake or a reason to record again.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { printHeader } from '../dist/abi/ioasid/header.js';
import { printIommufdHeader } from '../dist/abi/iommufd-header.js';
import { prepare } from './prepare.mjs';

/** Largest trace, bytes: those of the tree are read by people. */
const LARGEST = 64 * 1024;

prepare();
const root = fileURLToPath(new URL('../', import.meta.url));
const golden = join(root, 'test/golden');
const work = mkdtempSync(join(tmpdir(), 'ioasid-golden-'));
writeFileSync(join(work, 'ioasid.h'), printHeader());
writeFileSync(join(work, 'iommufd.h'), printIommufdHeader());

/** Name of the trace, source, what the compiler is to define, options of exec. */
const runs = [
  ['wbinvd', 'examples/wbinvd.c', [], []],
  ['forgotten-flush', 'examples/forgotten-flush.c', [], []],
  ...readdirSync(join(root, 'examples/faulty'))
    .filter((file) => file.endsWith('.c'))
    .flatMap((file) => {
      const [name, source] = [file.slice(0, -2), `examples/faulty/${file}`];
      const kinds = [['ioasid'], ['iommufd', '-DIOMMUFD'], ['container', '-DCONTAINER']];
      return kinds.map(([kind, ...defines]) => [`${name}.${kind}`, source, ['-DFIXED', ...defines], []]);
    }),
];

/** Runs a command; ends with what it said if that failed. */
function must(command, args) {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}\n${error?.message ?? stderr}`);
}

rmSync(golden, { recursive: true, force: true });
mkdirSync(golden);
for (const [name, source, defines, options] of runs) {
  const [program, trace] = [join(work, name), join(golden, `${name}.trace`)];
  const built = spawnSync('gcc', ['-O1', '-pthread', ...defines, '-I', work, '-o', program, join(root, source)]);
  // Not every driver can be one of every kind of file.
  if (built.status !== 0) continue;
  must(join(root, 'bin/ioasid'), ['exec', '--record', trace, ...options, '--', program]);
  if (statSync(trace).size > LARGEST) throw new Error(`${trace} has more than ${LARGEST} bytes`);
  must(join(root, 'bin/ioasid'), ['replay', trace]);
}
rmSync(work, { recursive: true });
console.log(`${readdirSync(golden).length} traces in test/golden`);
