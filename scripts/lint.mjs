// Formatter and linter, types of tests, sizes of files and folders, import rules, unused code. Fails on the first that does.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { lineCounts } from './lint/line-counts.mjs';
import { prepare } from './prepare.mjs';

const root = fileURLToPath(new URL('../', import.meta.url));

function run(args, options = {}) {
  const { status, stdout } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 2],
    ...options,
  });
  if (status !== 0) {
    process.stderr.write(stdout ?? '');
    process.exit(1);
  }
  return stdout;
}

export function lint() {
  prepare();
  run(['node_modules/@biomejs/biome/bin/biome', 'ci', '--error-on-warnings', '.']);
  run(['node_modules/typescript7/bin/tsc', '-p', 'tsconfig.test.json']);
  run(['node_modules/typescript7/bin/tsc', '-p', 'web']);
  const large = lineCounts(['src', 'web/src', 'scripts', 'bench']);
  for (const sentence of large) process.stderr.write(`${sentence}\n`);
  if (large.length > 0) process.exit(1);
  const report = JSON.parse(
    run(['node_modules/dependency-cruiser/bin/dependency-cruise.mjs', '--output-type', 'json', 'src', 'web/src'], {
      maxBuffer: 1 << 28,
    }),
  );
  const { error, totalCruised, violations } = report.summary;
  for (const { rule, from, to } of violations) process.stderr.write(`${rule.name}: ${from} -> ${to}\n`);
  if (totalCruised === 0) process.stderr.write('the import rules read no module\n');
  if (error > 0 || totalCruised === 0) process.exit(1);
  run(['node_modules/knip/bin/knip.js']);
  process.stderr.write(`lint: ${totalCruised} modules, no complaint\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) lint();
