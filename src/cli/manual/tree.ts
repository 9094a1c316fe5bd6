/** The command tree as those need it who print it: man pages and completions. */
import type { Command, Option } from 'commander';

export interface Entry {
  /** The words of the command, `ioasid` first. */
  readonly words: readonly string[];
  readonly command: Command;
  readonly below: readonly Command[];
  readonly options: readonly Option[];
}

/** Each command of the tree, the outermost first. */
export function entries(command: Command, above: readonly string[] = []): Entry[] {
  const words = [...above, command.name()];
  const below = command.commands.filter((each) => each.name() !== 'help');
  const help = command.createHelp();
  const entry = { words, command, below, options: help.visibleOptions(command) };
  return [entry, ...below.flatMap((each) => entries(each, words))];
}

/** The names of an option: `-v`, `--verbose`. */
export function namesOf({ short, long }: Option): string[] {
  return [short, long].filter((name) => name !== undefined);
}
