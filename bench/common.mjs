// What the benchmarks share: figures, each with minimum, median and maximum, and the aims that they are held against.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { printHeader } from '../dist/index.js';

export const ioasid = fileURLToPath(new URL('../bin/ioasid', import.meta.url));

/** A directory that is removed at the end. */
export function temporary(name) {
  const directory = mkdtempSync(join(tmpdir(), `ioasid-${name}-`));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export const build = temporary('bench');
writeFileSync(join(build, 'ioasid.h'), printHeader());

/** Of all benchmarks that ran: name to values, and what was aimed at. */
const figures = new Map();
const aims = [];
let section = '';

/** Compiles a C program with -O2. Returns its path. */
export function compileC(source, flags = []) {
  const program = join(build, basename(source, '.c'));
  const { status, stderr } = spawnSync('gcc', ['-O2', '-I', build, '-o', program, source, ...flags], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`gcc ${source} failed:\n${stderr}`);
  return program;
}

export function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

/** Begins a table; the load of the machine says what its figures are worth. */
export function title(text) {
  section = text;
  console.log(`\n${text} (load of the machine ${loadavg()[0].toFixed(1)})`);
}

export function row(name, ...columns) {
  console.log(`  ${name.padEnd(72)}${columns.map((c) => c.padStart(10)).join('')}`);
}

/** Minimum, median and maximum. */
export function spread(values, digits = 0) {
  return [Math.min(...values), median(values), Math.max(...values)].map((value) => value.toFixed(digits)).join(' ');
}

/** A row of one figure, all rounds of it, which --compare compares. */
export function figure(name, values, digits = 0, ...more) {
  figures.set(`${section}: ${name}`, values);
  row(name, spread(values, digits).padStart(22), ...more);
}

/** Holds a value against what it should be at most, or, with `least`, at least. */
export function aim(what, value, { most, least, digits = 2 }) {
  aims.push({
    what,
    value: value.toFixed(digits),
    aim: most ?? least,
    met: least === undefined ? value <= most : value >= least,
  });
}

/** Ends a run: the aims, and what was measured. */
export function summary() {
  if (aims.length > 0) console.log(`\nAgainst the aims (load of the machine ${loadavg()[0].toFixed(1)})`);
  for (const { what, value, aim: wanted, met } of aims) row(what, value, String(wanted), met ? 'met' : 'missed');
  return Object.fromEntries(figures);
}
