// What the benchmarks share.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { printHeader } from '../dist/index.js';

export const ioasid = fileURLToPath(new URL('../bin/ioasid', import.meta.url));
export const build = mkdtempSync(join(tmpdir(), 'ioasid-bench-'));
writeFileSync(join(build, 'ioasid.h'), printHeader());

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

export function title(text) {
  console.log(`\n${text}`);
}

export function row(name, ...columns) {
  console.log(`  ${name.padEnd(72)}${columns.map((c) => c.padStart(10)).join('')}`);
}
