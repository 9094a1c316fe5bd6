/** docs/ci.md, followed to the letter: each section in an empty folder, with the real tool. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root, workDirectory } from './run.js';

interface Section {
  readonly title: string;
  readonly files: ReadonlyMap<string, string>;
  readonly commands: string;
}

/** A block is a file if a line like `` `name`: `` stands before it; a block of `sh` without one is to be typed. */
function read(text: string): Section[] {
  return text.split(/^## /m).map((part) => {
    const files = new Map<string, string>();
    let commands = '';
    for (const [, name, language, body = ''] of part.matchAll(/(?:^`([^`\n]+)`:\n\n)?^```(\w*)\n(.*?)^```$/gms)) {
      if (name !== undefined) files.set(name, body);
      else if (language === 'sh') commands += body;
    }
    return { title: part.slice(0, part.indexOf('\n')), files, commands };
  });
}

/** The tool of a section, by the name of its command. */
const TOOL: Readonly<Record<string, string>> = { 'make check': 'make' };

const [wrapping = ''] = readFileSync(join(root, 'docs/ci.md'), 'utf8').split('\n# Find');
const [preamble, ...sections] = read(wrapping);

describe('docs/ci.md', () => {
  it('has a section for each tool', () => {
    expect(sections.map(({ title }) => title)).toEqual([
      'make check',
      'ctest',
      'meson',
      'go',
      'cargo',
      'pytest',
      'npm',
    ]);
  });

  for (const { title, files, commands } of sections) {
    const tool = TOOL[title] ?? title;
    const missing = spawnSync(tool, [tool === 'go' ? 'version' : '--version']).error !== undefined;
    it.skipIf(missing)(
      `${title}${missing ? ` (no ${tool} on this host)` : ''}`,
      () => {
        /** Follows the section in a folder of its own. @param change what to read in place of the text */
        const follow = (change: (text: string) => string) => {
          const folder = mkdtempSync(join(workDirectory, 'ci-'));
          for (const [name, body] of [...(preamble?.files ?? []), ...files]) {
            mkdirSync(dirname(join(folder, name)), { recursive: true });
            writeFileSync(join(folder, name), change(body));
          }
          const env = { ...process.env, PATH: `${join(root, 'bin')}:${process.env.PATH}` };
          return spawnSync('sh', ['-ec', change(commands)], { cwd: folder, env, encoding: 'utf8', timeout: 120_000 });
        };
        const bare = follow((text) => text.replaceAll(/ioasid(;| )exec\1--/g, 'env'));
        expect(bare.status, 'without the virtual machine the test must fail').not.toBe(0);
        const { status, stdout, stderr } = follow((text) => text);
        expect(status, stdout + stderr).toBe(0);
      },
      240_000,
    );
  }
});
