// npm run test:hosts [-- [--json] [--junit FILE] [--only PATTERNS] [--limit MINUTES] NAME...]: boots guests with Debian's
// kernels, and looks what ioasid does on each of them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepare } from '../prepare.mjs';

prepare();
const { buildTree, pack } = await import('./guest.mjs');
const { boot, HOSTS } = await import('./machines.mjs');
const { cache } = await import('./packages.mjs');
const { Results, table } = await import('./results.mjs');
const { formatJunit } = await import('../../dist/report/junit.js');

/** A check takes this long at most, seconds: on an emulated processor Node alone takes ten to start. */
const CHECK_LIMIT = 600;

function fail(message) {
  console.error(message);
  process.exit(2);
}

const { values, positionals } = (() => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        junit: { type: 'string' },
        only: { type: 'string', default: '*' },
        limit: { type: 'string', default: '120' },
      },
    });
  } catch (error) {
    return fail(error.message);
  }
})();
const unknown = positionals.find((name) => !HOSTS[name]);
if (unknown !== undefined) fail(`there is no '${unknown}'; there are: ${Object.keys(HOSTS).join(', ')}`);
const minutes = Number(values.limit);
if (!(minutes > 0)) fail(`--limit: '${values.limit}' is no number of minutes`);
if (/[\s"]/.test(values.only))
  fail(`--only: '${values.only}' are no patterns of a shell, with commas and no blanks between`);

const trees = new Map();
const all = [];
for (const [name, host] of Object.entries(HOSTS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const { architecture, tooOld = false } = host;
  const log = join(cache, `${name}.log`);
  const tell = (line) => process.stderr.write(`${name}: ${line}\n`);
  const results = new Results(host);
  const begin = performance.now();
  try {
    if (!trees.has(architecture)) {
      tell('packing the guest …');
      trees.set(architecture, pack(buildTree(architecture)));
    }
    tell(`booting, the console is in ${log} …`);
    const killed = await boot(host, trees.get(architecture), {
      environment: { EXPECT: tooOld ? 'refused' : 'works', LIMIT: CHECK_LIMIT, ONLY: values.only },
      onLine: (line) => {
        const progress = results.take(line);
        if (progress) tell(progress);
      },
      log,
      limit: minutes * 60_000,
    });
    results.end((performance.now() - begin) / 1000, killed);
  } catch (error) {
    results.cannotBoot(error.message);
  }
  for (const { name: check, outcome, reason, detail } of results.checks) {
    if (outcome === 'pass') continue;
    tell(`${check}: ${reason}`);
    for (const line of detail) tell(`    ${line}`);
  }
  all.push([name, results]);
}
if (values.junit) writeFileSync(values.junit, formatJunit(all.map(([name, results]) => results.suite(name))));
if (values.json)
  console.log(
    JSON.stringify(
      all.map(([name, results]) => results.json(name)),
      undefined,
      2,
    ),
  );
else console.log(table(all));
process.exitCode = all.some(([, results]) => results.failed) ? 1 : 0;
