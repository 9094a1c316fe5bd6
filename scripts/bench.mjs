// npm run bench [-- NAME...]: the benchmarks, each with its yardstick in the same run, and a table against the aims.
// --compare REF: two checkouts by turns. --figures FILE: what was measured, for that.
import { rmSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { prepare } from './prepare.mjs';

const { values, positionals: wanted } = parseArgs({
  options: { compare: { type: 'string' }, figures: { type: 'string' } },
  allowPositionals: true,
});
const BENCHMARKS = {
  mappings: async () => (await import('../bench/mappings/run.mjs')).mappings(),
  checker: async () => (await import('../bench/checker/run.mjs')).checker(),
  ui: async () => (await import('../bench/ui/run.mjs')).ui(),
  transparency: async () => (await import('../bench/transparency/run.mjs')).transparency(),
  devices: async () => (await import('../bench/devices/run.mjs')).devices(),
  sanitize: async () => (await import('../bench/sanitize/run.mjs')).sanitize(),
  'hot-path': async () => (await import('../bench/hot-path/run.mjs')).hotPath(),
};
for (const name of wanted) {
  if (!BENCHMARKS[name]) {
    console.error(`no benchmark '${name}'; there are: ${Object.keys(BENCHMARKS).join(', ')}`);
    process.exit(1);
  }
}
// What is compared with was built by compare(), and has the packages of another checkout.
if (values.figures === undefined) prepare();
if (values.compare !== undefined) {
  const { compare } = await import('../bench/compare.mjs');
  await compare(values.compare, wanted.length > 0 ? wanted : Object.keys(BENCHMARKS));
  process.exit();
}
const { build, summary } = await import('../bench/common.mjs');
const all = Object.entries(BENCHMARKS).filter(([name]) => wanted.length === 0 || wanted.includes(name));
for (const [i, [name, run]] of all.entries()) {
  if (process.stderr.isTTY) process.stderr.write(`${i + 1} of ${all.length}: ${name}\n`);
  await run();
}
const figures = summary();
if (values.figures !== undefined) writeFileSync(values.figures, JSON.stringify(figures));
rmSync(build, { recursive: true });
