/** The drawing of the floors in docs/architecture.md against scripts/floors.cjs and against the imports that there are. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { root } from './run.js';

const floorsSchema = z.object({
  floors: z.array(
    z.object({
      name: z.string(),
      folders: z.array(z.string()),
      files: z.array(z.string()).optional(),
      why: z.string().min(20),
    }),
  ),
  beside: z.array(z.object({ from: z.string(), to: z.string(), why: z.string().min(20) })),
});
const { floors, beside } = floorsSchema.parse(createRequire(import.meta.url)('../scripts/lint/floors.cjs'));

/** Name of each floor and what is on it, from the top, as the document draws it. */
function drawing(): [name: string, places: string[]][] {
  const document = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
  const block = /```floors\n(.*?)```/s.exec(document)?.[1];
  if (!block) throw new Error('docs/architecture.md has no drawing');
  return block
    .trim()
    .split('\n')
    .map((line) => {
      const [name = '', places = ''] = line.split(/ {2,}/);
      return [name, places.split(' · ')];
    });
}

const cruiseSchema = z.object({
  modules: z.array(z.object({ source: z.string(), dependencies: z.array(z.object({ resolved: z.string() })) })),
});

/** The folder of src/ that a module is in, or its name if it lies in src/ itself; undefined for others. */
const placeOf = (module: string): string | undefined => /^src\/([^/]+)/.exec(module)?.[1];

describe('docs/architecture.md', () => {
  test('draws the floors that the rules are made of', () => {
    const data = floors.map(({ name, folders, files = [] }) => [
      name,
      [...folders, ...files.map((file) => `${file}.ts`)],
    ]);
    expect(drawing()).toEqual(data);
  });

  test('has a place for every folder of src/, and says what lives there', () => {
    const drawn = new Set(drawing().flatMap(([, places]) => places));
    const folders = readdirSync(join(root, 'src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() || (entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts')))
      .map(({ name }) => name);
    expect(folders.filter((name) => !drawn.has(name))).toEqual([]);
  });

  test('is what the imports are: every one of them goes down', { timeout: 120_000 }, () => {
    const cruise = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
    const { stdout } = spawnSync(process.execPath, [cruise, '--output-type', 'json', 'src'], {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    const { modules } = cruiseSchema.parse(JSON.parse(stdout));
    expect(modules.length).toBeGreaterThan(200);
    const height = new Map(drawing().flatMap(([, places], i) => places.map((place) => [place, i] as const)));
    const allowed = new Set(beside.map(({ from, to }) => `${from} -> ${to}`));
    const wrong = new Set<string>();
    for (const { source, dependencies } of modules) {
      const from = placeOf(source);
      if (from === undefined || source.endsWith('.test.ts')) continue;
      for (const { resolved } of dependencies) {
        const to = placeOf(resolved);
        if (to === undefined || to === from || allowed.has(`${from} -> ${to}`)) continue;
        const [here, there] = [height.get(from), height.get(to)];
        const files = to.endsWith('.ts') && here === there;
        if (here === undefined || there === undefined || (there <= here && !files)) wrong.add(`${from} -> ${to}`);
      }
    }
    expect([...wrong]).toEqual([]);
  });
});
