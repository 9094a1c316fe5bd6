/**
 * `ioasid exec` alone, to be bundled into one file (scripts/bundle.mjs): a program starts in a third of the time that
 * loading the modules one by one takes. bin/ioasid starts it for that command.
 */
import { Command } from 'commander';
import { addExec } from './command.js';

const program = new Command('ioasid')
  .enablePositionalOptions()
  .showHelpAfterError('(see ioasid --help)')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 125));
addExec(program);
program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`ioasid: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 125;
});
