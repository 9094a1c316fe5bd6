/** Starts the server of a run's page (ui/): a process of its own, so that the page costs the program nothing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Server } from 'node:net';
import { fileURLToPath } from 'node:url';

/**
 * Returns once the server looks at the run, so that it misses nothing.
 * @param watched settles when somebody looks
 * @throws Error the server did not start
 */
export async function startUi(server: Server, directory: string, watched: Promise<void>): Promise<void> {
  if (!server.listening) await once(server, 'listening');
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('../cli/main.js', import.meta.url)), 'ui', '--directory', directory],
    // What it says goes to stderr; the descriptors of the program are not its.
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error('the server of the page has ended')));
  });
  await Promise.race([watched, failed]);
  failed.catch(() => undefined);
  child.unref();
}
