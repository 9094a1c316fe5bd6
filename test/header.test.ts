import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as structs from '../src/abi/ioasid/structs.js';
import type { Struct } from '../src/abi/layout.js';
import { ioctls, linuxStructs as linux } from '../src/index.js';
import { run, workDirectory } from './run.js';

const header = join(workDirectory, 'printed.h');
const printed = run(['abi', 'header']);
writeFileSync(header, printed.stdout);

function compiler(command: string, args: readonly string[]) {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return { status, stderr };
}

describe('section 7, the C header', () => {
  const strict = ['-Wall', '-Wextra', '-Werror', '-fsyntax-only', header];

  test('compiles alone as C11', () => {
    expect(compiler('gcc', ['-std=c11', ...strict])).toEqual({ status: 0, stderr: '' });
  });

  test.skipIf(compiler('g++', ['--version']).status !== 0)('compiles alone as C++ (skipped without g++)', () => {
    expect(compiler('g++', ['-x', 'c++', '-std=c++11', ...strict])).toEqual({ status: 0, stderr: '' });
  });

  test('agrees with the layouts and ioctl numbers that TypeScript uses', () => {
    const { vfio_device_info_cap_pasid: _, ...own } = structs;
    const layouts: Struct[] = [...Object.values(own), ...Object.values(linux)];
    const lines: string[] = [];
    for (const { name, size, fields } of layouts) {
      // Linux appended fields to struct vfio_device_info; what we use is the beginning.
      if (name !== 'vfio_device_info') lines.push(`P("${name}", sizeof(struct ${name}), ${size});`);
      const known = fields.filter((f) => name !== 'vfio_device_info' || f.name !== 'pad');
      for (const f of known) lines.push(`P("${name}.${f.name}", offsetof(struct ${name}, ${f.name}), ${f.offset});`);
    }
    for (const table of Object.values(ioctls)) {
      for (const { name, request } of Object.values(table)) lines.push(`P("${name}", (unsigned)${name}, ${request}u);`);
    }
    const source = join(workDirectory, 'layouts.c');
    writeFileSync(
      source,
      `#include <stdio.h>
#include "${header}"
static int wrong;
static void P(const char *what, unsigned long c, unsigned long ts) { if (c != ts) { wrong = 1; printf("%s: C %lu, TypeScript %lu\\n", what, c, ts); } }
int main(void) {\n${lines.join('\n')}\nreturn wrong; }\n`,
    );
    const program = join(workDirectory, 'layouts');
    expect(compiler('gcc', ['-Wall', '-Werror', '-o', program, source])).toEqual({ status: 0, stderr: '' });
    const { status, stdout } = spawnSync(program, { encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(status).toBe(0);
    expect(lines.length).toBeGreaterThan(200);
  });
});
