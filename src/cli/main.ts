/** The command line. */
import { commands } from './commands.js';

try {
  await commands().parseAsync();
} catch (error) {
  process.stderr.write(`ioasid: ${(error as Error).message}\n`);
  process.exitCode = 125;
}
