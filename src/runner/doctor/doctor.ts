/** `ioasid doctor`: tells what this host has of what the runner needs, and how to get the rest. */
import { examine, type Finding, type State } from './checks.js';

const MARK: Readonly<Record<State, string>> = { ok: 'ok     ', slower: 'could  ', missing: 'MISSING' };

/** The commands, as a script: what cannot be done by one is a comment. */
function fixes(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ what, state, advice, fix = [] }) => {
    if (state === 'ok') return [];
    return [`# ${what}: ${advice}`, ...fix];
  });
}

/**
 * Prints the findings.
 * @param options.json for scripts; @param options.fix only the commands that give what is missing
 * @returns the exit status: 1 if something is missing
 */
export function doctor({ json = false, fix = false }: { readonly json?: boolean; readonly fix?: boolean }): number {
  const findings = examine();
  const good = findings.every((f) => f.state !== 'missing');
  if (json) process.stdout.write(`${JSON.stringify({ good, findings }, null, 2)}\n`);
  else if (fix) {
    const lines = fixes(findings);
    process.stdout.write(lines.length > 0 ? `${lines.join('\n')}\n` : '# Nothing is missing on this host.\n');
  } else {
    for (const { what, state, seen, advice } of findings) {
      process.stdout.write(`${MARK[state]} ${what}: ${seen}\n${advice ? `        -> ${advice}\n` : ''}`);
    }
    process.stdout.write(
      good
        ? '\nThis host can run programs on the virtual kernel.\n'
        : "\nThis host lacks something: see above; 'ioasid doctor --fix' prints the commands.\n",
    );
  }
  return good ? 0 : 1;
}
