/** How a program took a failure. */

export const VERDICTS = ['survives', 'ends', 'silent', 'crashes', 'hangs', 'lies', 'missed'] as const;
/**
 * survives: exit status 0, and its work is done; ends: another status, with a message; silent: another status, without a
 * word; crashes: a signal; hangs: the time limit; lies: exit status 0, though its work is not done; missed: the run never
 * made that call.
 */
export type Verdict = (typeof VERDICTS)[number];

/** Those that are defects of the program. */
export const DEFECTS: ReadonlySet<Verdict> = new Set(['crashes', 'hangs', 'lies']);

/** What was seen of one run under failure. */
export interface Seen {
  /** 128+n: the program died of signal n, as the shell has it. */
  readonly status: number | null;
  readonly timedOut: boolean;
  /** What the program said on stderr beyond what it says without failures. */
  readonly said: string;
  /** How often the failure struck. */
  readonly fired: number;
  /** Exit status of the command that looks whether the work is done; undefined: there is none, or it was not asked. */
  readonly verified: number | null | undefined;
}

const FIRST_SIGNAL = 129;
const LAST_SIGNAL = 128 + 64;

export function judge({ status, timedOut, said, fired, verified }: Seen): Verdict {
  if (timedOut) return 'hangs';
  if (status === null || (status >= FIRST_SIGNAL && status <= LAST_SIGNAL)) return 'crashes';
  if (fired === 0) return 'missed';
  if (status === 0) return verified === undefined || verified === 0 ? 'survives' : 'lies';
  return said.trim() === '' ? 'silent' : 'ends';
}

/** For the table. */
export const MEANING: Readonly<Record<Verdict, string>> = {
  survives: 'exit status 0',
  ends: 'an exit status and a message',
  silent: 'an exit status without a word',
  crashes: 'dies of a signal',
  hangs: 'runs into the time limit',
  lies: 'exit status 0, though its work was not done',
  missed: 'did not make that call this time',
};
