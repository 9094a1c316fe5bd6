/**
 * Starts the server of a run's page (ui/): a process of its own, so that the page costs the program nothing. The program
 * waits before its first call until the server looks, so that it misses nothing.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { say } from './host/output.js';
import { goAsUsual } from './host/priority.js';

/** Only after the program was started: Node must not take SIGCHLD before it (program.ts). @param failed the server ended */
export function startUi(directory: string, failed: () => void): void {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('../cli/main.js', import.meta.url)), 'ui', '--directory', directory],
    // What it says goes to stderr; the descriptors of the program are not its. Its stdout ends with it: while a program is
    // followed, another wait(2) of this process may take the server's end before Node is told.
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  if (child.pid !== undefined) goAsUsual(child.pid);
  child.once('error', (error) => {
    say(`the page cannot be served: ${error.message}`);
    failed();
  });
  child.stdout.once('close', failed);
  child.stdout.resume();
  child.unref();
}
