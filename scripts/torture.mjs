// npm run torture [-- [OPTIONS] [MINUTES [SEED]]]: hostile clients on every virtual file, round after round, each with its seed.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { prepare } from './prepare.mjs';

const USAGE = `usage: npm run torture [-- [--kills N] [--ioctls N] [MINUTES [SEED]]]

Rounds of hostile clients on every virtual file, each round on a kernel of its own, until MINUTES have passed (5).
  --kills N   until N clients were killed while they ran; fails if MINUTES are not enough
  --ioctls N  until N ioctls were made; fails if MINUTES are not enough
  SEED        of the first round; a round that failed says its own
`;

/** A count from the command line. */
function count(text, name) {
  const number = Number(text);
  if (Number.isFinite(number) && number >= 0) return number;
  process.stderr.write(`${name}: '${text}' is no count\n${USAGE}`);
  process.exit(2);
}

const { values, positionals } = parseArgs({
  options: { kills: { type: 'string' }, ioctls: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  allowPositionals: true,
});
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const [minutes = '5', seed = String(Date.now() % 2 ** 31)] = positionals;
const env = {
  ...process.env,
  TORTURE_MINUTES: String(count(minutes, 'MINUTES')),
  TORTURE_SEED: String(count(seed, 'SEED')),
  TORTURE_KILLS: String(count(values.kills ?? '0', '--kills')),
  TORTURE_IOCTLS: String(count(values.ioctls ?? '0', '--ioctls')),
};
prepare();
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const { status } = spawnSync(process.execPath, [vitest, 'run', 'test/torture-long.test.ts'], { stdio: 'inherit', env });
process.exit(status ?? 1);
