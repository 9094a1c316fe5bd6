/** A fault of a program that a run found: told like AddressSanitizer's, as headline, facts, history and hint. */

/** Where in the program: an instruction, by the object file it lies in. */
export interface Position {
  readonly object: string;
  /** Bytes from the start of the object file. */
  readonly offset: bigint;
}

export interface Finding {
  /** The kind of fault, kebab-case: `dma-use-after-unmap`. A rule in SARIF, and what suppressions name. */
  readonly rule: string;
  /** One line. */
  readonly headline: string;
  /** What happened: one line a fact. */
  readonly facts: readonly string[];
  /** What happened before, oldest first. */
  readonly history: readonly string[];
  /** What to do. */
  readonly hint: string;
  readonly pid: number;
  /** Undefined where a device, not an instruction, was at work. */
  readonly position?: Position | undefined;
  /** How often it happened; the first time is told. */
  readonly count: number;
}

/** `object+0xoffset` */
export function formatPosition({ object, offset }: Position): string {
  return `${object}+0x${offset.toString(16)}`;
}

/** A finding for a person, as lines. */
export function formatFinding(finding: Finding): string[] {
  const { rule, headline, facts, history, hint, pid, position, count } = finding;
  const at = position ? ` at ${formatPosition(position)}` : '';
  return [
    `==${pid}==ERROR: ${rule}: ${headline}`,
    ...facts.map((fact) => `    ${fact}`),
    ...(position ? [`    by process ${pid}${at}`] : []),
    ...(history.length > 0 ? ['  before that:', ...history.map((one) => `    ${one}`)] : []),
    `  hint: ${hint}`,
    ...(count > 1 ? [`  and ${count - 1} times more`] : []),
  ];
}
