// npm run torture [-- MINUTES [SEED]]: hostile clients on every virtual file, round after round, each with its seed.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { prepare } from './prepare.mjs';

prepare();
const [minutes = '5', seed = String(Date.now() % 2 ** 31)] = process.argv.slice(2);
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const { status } = spawnSync(process.execPath, [vitest, 'run', 'test/torture-long.test.ts'], {
  stdio: 'inherit',
  env: { ...process.env, TORTURE_MINUTES: minutes, TORTURE_SEED: seed },
});
process.exit(status ?? 1);
