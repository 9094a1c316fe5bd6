// Prints the generated files from their sources: run after a change of the default machine, a schema, a policy or the checker.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { renderAnswers } from '../dist/cli/check/answers.js';
import { renderAuthorityPage } from '../dist/cli/check/authority-page.js';
import { generated } from '../dist/cli/generated.js';

const root = new URL('../', import.meta.url);
for (const folder of ['schema/', 'man/']) mkdirSync(new URL(folder, root), { recursive: true });
for (const [file, text] of Object.entries(generated())) writeFileSync(new URL(file, root), text);

const check = (...args) => {
  const command = [fileURLToPath(new URL('dist/cli/main.js', root)), 'check', '--json', ...args];
  const { stdout } = spawnSync(process.execPath, command, { encoding: 'utf8', maxBuffer: 1 << 26 });
  return JSON.parse(stdout);
};
const page = new URL('docs/authority.md', root);
const { checks } = check();
writeFileSync(page, renderAuthorityPage(readFileSync(page, 'utf8'), checks, check('--frontier').picture));
writeFileSync(new URL('web/src/question/answers.ts', root), renderAnswers(checks));
