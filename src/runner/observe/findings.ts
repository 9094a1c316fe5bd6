/** `--sanitize` of a run: watches the machine, and tells at the end what was found. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { BootedMachine } from '../../boot.js';
import { annotateFindings } from '../../report/annotations.js';
import { type Finding, formatFinding } from '../../report/finding.js';
import { formatSarif } from '../../report/sarif.js';
import { RULES, sanitizersByName } from '../../sanitize/rules.js';
import { Sanitizer } from '../../sanitize/sanitizer.js';
import { parseSuppressions } from '../../sanitize/suppressions.js';
import { say, writeAll } from '../host/output.js';
import { Positions } from './position.js';
import { staleReport } from './stale-report.js';

const STDERR = 2;
/** Exit status of a run in which something was found. */
const EXIT_FOUND = 99;

export interface FindingOptions {
  /** Comma-separated names. */
  readonly sanitize: string;
  /** Exit status when something was found; 0: the program's. */
  readonly sanitizeExit?: string | undefined;
  /** A file of suppressions. */
  readonly suppressions?: string | undefined;
  /** Findings go there as SARIF, too. */
  readonly sarif?: string | undefined;
  /** The version of this package, for SARIF. */
  readonly version?: (() => string) | undefined;
}

function exitStatus(text: string | undefined): number {
  const status = text === undefined ? EXIT_FOUND : Number(text);
  if (!Number.isInteger(status) || status < 0 || status > 255)
    throw new RangeError(`--sanitize-exit is a status from 0 to 255, not '${text}'`);
  return status;
}

export class Findings {
  readonly #machine: BootedMachine;
  readonly #sanitizer: Sanitizer;
  readonly #suppressed: (finding: Finding) => boolean;
  readonly #status: number;
  readonly #options: FindingOptions;
  /** What was found, once the run is over. */
  found: readonly Finding[] = [];

  /** @throws Error that says what is wrong with the options */
  constructor(machine: BootedMachine, options: FindingOptions) {
    const { suppressions } = options;
    this.#machine = machine;
    this.#options = options;
    this.#status = exitStatus(options.sanitizeExit);
    this.#suppressed =
      suppressions === undefined ? () => false : parseSuppressions(readFileSync(suppressions, 'utf8'), suppressions);
    const sanitizer = new Sanitizer({
      sanitizers: sanitizersByName(options.sanitize),
      where: new Positions().where,
    });
    this.#sanitizer = sanitizer;
    const { kernel, hardware } = machine;
    kernel.watch({ entered: (call) => sanitizer.enter(call), called: (record) => sanitizer.call(record) });
    for (const { name, port, function: pci } of hardware.devices) {
      port.watch({ stopped: (stop) => sanitizer.dma({ ...stop, device: name }) });
      pci.interrupts.lost = (vector) => sanitizer.lostInterrupt(name, vector);
    }
  }

  /** The run is over: tells what was found. Returns the exit status in place of the program's; undefined: the program's. */
  finish(): number | undefined {
    for (const line of staleReport(this.#machine.caches).slice(1)) this.#sanitizer.stale(line.trim());
    const findings = this.#sanitizer.finish().filter((finding) => !this.#suppressed(finding));
    this.found = findings;
    for (const finding of findings) for (const line of formatFinding(finding)) say(line);
    const { dropped } = this.#sanitizer;
    if (dropped > 0) say(`and ${dropped} findings more, of other places`);
    if (findings.length > 0) say(`${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`);
    const { sarif, version } = this.#options;
    if (process.env.GITHUB_ACTIONS === 'true') writeAll(STDERR, annotateFindings(findings));
    if (sarif !== undefined) {
      const rules = Object.entries(RULES).map(([id, { description }]) => ({ id, description }));
      writeFileSync(sarif, formatSarif(version?.() ?? '0', rules, findings));
    }
    return findings.length > 0 && this.#status !== 0 ? this.#status : undefined;
  }
}
