/**
 * Scripts that complete commands and options in a shell. Behind `--` of exec and torture another command begins, which is
 * the shell's to complete; where no word of ours fits it is a file.
 */
import type { Command } from 'commander';
import { type Entry, entries, namesOf } from './tree.js';

/** What may follow the words of a command. */
function words({ below, options }: Entry): string[] {
  return [...below.map((each) => each.name()), ...options.flatMap(namesOf)];
}

function bash(all: readonly Entry[]): string {
  const cases = all.map((entry) => `    '${entry.words.join(' ')}') words='${words(entry).join(' ')}' ;;`);
  return `# Completion of ioasid for bash: source <(ioasid completion bash)
_ioasid() {
  local i path=ioasid word words=
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [ "$word" = -- ]; then
      COMP_WORDS=("\${COMP_WORDS[@]:i+1}")
      COMP_CWORD=$((COMP_CWORD - i - 1))
      if declare -F _command_offset >/dev/null; then _command_offset 0; else COMPREPLY=($(compgen -c -f -- "\${COMP_WORDS[COMP_CWORD]}")); fi
      return
    fi
    case " $(_ioasid_commands "$path") " in
      *" $word "*) path="$path $word" ;;
    esac
  done
  case $path in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
_ioasid_commands() {
  case $1 in
${all
  .filter(({ below }) => below.length > 0)
  .map(({ words: path, below }) => `    '${path.join(' ')}') echo '${below.map((each) => each.name()).join(' ')}' ;;`)
  .join('\n')}
  esac
}
complete -o default -F _ioasid ioasid
`;
}

/** zsh takes scripts of bash by bashcompinit. */
function zsh(all: readonly Entry[]): string {
  return `autoload -U +X bashcompinit && bashcompinit\n${bash(all)}`.replace(
    'for bash: source <(ioasid completion bash)',
    'for zsh: source <(ioasid completion zsh)',
  );
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function fish(all: readonly Entry[]): string {
  const lines = ['# Completion of ioasid for fish: ioasid completion fish | source', 'complete -c ioasid -e'];
  for (const { words: path, below, options } of all) {
    const names = below.map((each) => each.name());
    const seen = path.slice(1).map((name) => `__fish_seen_subcommand_from ${name}`);
    const none = names.length > 0 ? [`not __fish_seen_subcommand_from ${names.join(' ')}`] : [];
    const when = [...seen, ...none].join('; and ');
    const condition = when === '' ? '' : ` -n ${quoted(when)}`;
    for (const each of below)
      lines.push(`complete -c ioasid -f${condition} -a ${each.name()} -d ${quoted(each.description())}`);
    for (const { short, long, description, required } of options) {
      const name = `${short ? ` -s ${short.slice(1)}` : ''}${long ? ` -l ${long.slice(2)}` : ''}`;
      lines.push(`complete -c ioasid${condition}${name}${required ? ' -r' : ''} -d ${quoted(description)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

const SHELLS: Readonly<Record<string, (all: readonly Entry[]) => string>> = { bash, zsh, fish };

/** The script for a shell; undefined: there is none. */
export function completion(program: Command, shell: string): string | undefined {
  return Object.hasOwn(SHELLS, shell) ? SHELLS[shell]?.(entries(program)) : undefined;
}
