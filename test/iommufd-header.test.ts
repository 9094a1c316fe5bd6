/** The layouts and numbers of /dev/iommu: the printed header, and Linux's own where it is new enough. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as abi from '../src/abi/iommufd.js';
import type { Struct } from '../src/abi/layout.js';
import { run, workDirectory } from './run.js';

const isStruct = (value: unknown): value is Struct =>
  typeof value === 'object' && value !== null && 'size' in value && 'fields' in value;
const structs = Object.values<unknown>(abi).filter(isStruct);

/** Names of Linux's that differ from ours: fields in a union, words that have no name there. */
const UNNAMED = new Set(['iommu_hw_info.data_type', 'iommu_hw_info.__reserved']);

/** Compiles and runs a comparison. @returns what differs; undefined: it does not compile */
function compare(include: string, names: string[], skip: ReadonlySet<string>): string | undefined {
  const lines = structs.flatMap(({ name, size, fields }) => [
    `P("${name}", sizeof(struct ${name}), ${size});`,
    ...fields
      .filter((field) => !skip.has(`${name}.${field.name}`))
      .map((field) => `P("${name}.${field.name}", offsetof(struct ${name}, ${field.name}), ${field.offset});`),
  ]);
  for (const { name, request } of Object.values(abi.IOMMUFD_IOCTLS)) lines.push(`P("${name}", ${name}, ${request}u);`);
  for (const name of names) lines.push(`P("${name}", ${name}, ${abi.IOMMUFD[name as keyof typeof abi.IOMMUFD]}u);`);
  const source = join(workDirectory, 'iommufd-layouts.c');
  writeFileSync(
    source,
    `#include <stddef.h>\n#include <stdio.h>\n#include ${include}
static int wrong;
static void P(const char *what, unsigned c, unsigned ts) { if (c != ts) { wrong = 1; printf("%s: C %u, TypeScript %u\\n", what, c, ts); } }
int main(void) {\n${lines.join('\n')}\nreturn wrong; }\n`,
  );
  const program = join(workDirectory, 'iommufd-layouts');
  if (
    spawnSync('gcc', ['-o', program, source, ...(process.env.LINUX_HEADERS ? ['-I', process.env.LINUX_HEADERS] : [])])
      .status !== 0
  )
    return undefined;
  return spawnSync(program, { encoding: 'utf8' }).stdout;
}

test('the printed header has them', () => {
  const header = join(workDirectory, 'iommufd.h');
  writeFileSync(header, run(['abi', 'header', '--iommufd']).stdout);
  expect(compare(`"${header}"`, Object.keys(abi.IOMMUFD), new Set())).toBe('');
});

const linux = compare('<linux/iommufd.h>', [], UNNAMED);
test.skipIf(linux === undefined)("Linux's own header has them (skipped where it is older than 7.2)", () => {
  expect(linux).toBe('');
});
