/** Man pages of all commands, in the macros of man(7). */
import type { Command } from 'commander';
import { type Entry, entries } from './tree.js';

/** Text as roff prints it: a backslash, and a point or a quote at the start of a line, are its own. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('’', '\\(cq')
    .replaceAll('…', '...')
    .replaceAll(/^(?=[.'])/gm, '\\&');
}

function item(term: string, text: string): string[] {
  return ['.TP', `.B ${roff(term)}`, roff(text)];
}

function page({ words, command, below, options }: Entry, version: string): string {
  const name = words.join('-');
  const synopsis = `${words.join(' ')} ${command.usage()}`.trim();
  const lines = [
    `.TH ${name.toUpperCase()} 1 "" "ioasid ${version}" "User Commands"`,
    '.SH NAME',
    `${roff(name)} \\- ${roff(command.description())}`,
    '.SH SYNOPSIS',
    `.B ${roff(synopsis)}`,
    '.SH DESCRIPTION',
    roff(command.description()),
  ];
  const help = command.createHelp();
  const operands = help.visibleArguments(command).filter(({ description }) => description !== '');
  for (const operand of operands) lines.push(...item(operand.name(), operand.description));
  lines.push('.SH OPTIONS');
  for (const option of options) lines.push(...item(option.flags, help.optionDescription(option)));
  if (below.length > 0) {
    lines.push('.SH COMMANDS');
    for (const each of below) lines.push(...item(`${name}-${each.name()}(1)`, each.description()));
  }
  if (words.length === 2 && words[1] === 'exec') lines.push('.SH EXIT STATUS', ...EXEC_STATUS);
  if (words.length > 1) lines.push('.SH SEE ALSO', `.BR ${roff(words.slice(0, -1).join('-'))} (1)`);
  return `${lines.join('\n')}\n`;
}

/** README and docs/runner.md say the same. */
const EXEC_STATUS = [
  "The program's own; 128+n after signal n; 126 and 127 for a program that cannot be run or is not there; 125 where ioasid",
  'itself could not do its work, which it says in one sentence; 99 with \\-\\-sanitize when something was found.',
];

/** @returns file names below the root of the repository, and contents */
export function manPages(program: Command, version: string): Record<string, string> {
  const pages = entries(program).map((entry) => [`man/${entry.words.join('-')}.1`, page(entry, version)] as const);
  return Object.fromEntries(pages);
}
