// npm start: the story; npm start -- PROGRAM ARGS: that program on the virtual kernel.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { prepare } from './prepare.mjs';

prepare();
const program = process.argv.slice(2);
if (program.length > 0) {
  const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
  const { status } = spawnSync(process.execPath, [main, 'exec', '--', ...program], { stdio: 'inherit' });
  process.exit(status ?? 1);
}
const { story } = await import('../dist/cli/stories/story.js');
process.exit(story());
