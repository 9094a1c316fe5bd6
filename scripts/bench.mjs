// npm run bench [-- NAME...]: the benchmarks, each with its yardstick in the same run.
import { rmSync } from 'node:fs';
import { prepare } from './prepare.mjs';

prepare();
const { build } = await import('../bench/common.mjs');
const BENCHMARKS = {
  mappings: async () => (await import('../bench/mappings/run.mjs')).mappings(),
  checker: async () => (await import('../bench/checker/run.mjs')).checker(),
  ui: async () => (await import('../bench/ui/run.mjs')).ui(),
  transparency: async () => (await import('../bench/transparency/run.mjs')).transparency(),
  devices: async () => (await import('../bench/devices/run.mjs')).devices(),
  'hot-path': async () => (await import('../bench/hot-path/run.mjs')).hotPath(),
};
const wanted = process.argv.slice(2);
for (const name of wanted) {
  if (!BENCHMARKS[name]) {
    console.error(`no benchmark '${name}'; there are: ${Object.keys(BENCHMARKS).join(', ')}`);
    process.exit(1);
  }
}
for (const [name, run] of Object.entries(BENCHMARKS)) if (wanted.length === 0 || wanted.includes(name)) await run();
rmSync(build, { recursive: true });
