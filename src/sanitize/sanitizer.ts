/**
 * The sanitizer for DMA: watches the served calls and the DMA of the devices of a run, and tells what a driver did wrong,
 * with what happened before. It changes nothing of what the program sees.
 */
import { hex, pageOf } from '../abi/address.js';
import type { DmaStop } from '../iommu/dma.js';
import { DMA_FAULT } from '../iommu/domain.js';
import type { CallRecord, EnteredCall } from '../kernel/watchers.js';
import type { Finding, Position } from '../report/finding.js';
import { formatPosition } from '../report/finding.js';
import { LeakLog } from './leak-log.js';
import { type MappingEvent, MappingLog, mappingEvent, spaceOf, type Where } from './mapping-log.js';
import { RULE_OF_FAULT, RULES, type RuleId, type SanitizerName } from './rules.js';

/** Most different findings; beyond it they are counted only. */
const MAX_FINDINGS = 1000;
/** Lines of history in a report. */
const HISTORY = 4;

export interface SanitizerOptions {
  readonly sanitizers: ReadonlySet<SanitizerName>;
  readonly where?: Where | undefined;
}

type Told = Omit<Finding, 'count' | 'hint'> & { rule: RuleId };

export class Sanitizer {
  readonly #sanitizers: ReadonlySet<SanitizerName>;
  readonly #where: Where;
  readonly #mappings = new MappingLog();
  readonly #leaks = new LeakLog();
  readonly #found = new Map<string, Finding & { count: number }>();
  /** The thread whose call is being served: what a DMA happens in the course of. */
  #serving: { readonly pid: number; readonly tid: number } | undefined;
  /** Who mapped a device's registers last, by device: what it finds in them by looking is that process's doing. */
  readonly #mappers = new Map<string, { readonly pid: number; readonly position: Position | undefined }>();
  /** Devices whose files were bound and are not any more. */
  readonly #unbound = new Set<string>();
  /** Findings that were not kept. */
  #dropped = 0;

  constructor({ sanitizers, where = () => undefined }: SanitizerOptions) {
    this.#sanitizers = sanitizers;
    this.#where = where;
  }

  /** Told of each call before it is carried out. */
  enter({ pid, tid }: EnteredCall): void {
    this.#serving = pid === undefined || tid === undefined ? undefined : { pid, tid };
  }

  /** Told of each served call, while its caller still waits. */
  call(record: CallRecord): void {
    this.#serving = undefined;
    const event = mappingEvent(record, this.#where);
    if (event) this.#mappings.add(event);
    if (this.#sanitizers.has('leaks')) this.#leaks.add(record, event, this.#where);
    this.#watchUnbind(record);
    const { call, device, pid, result } = record;
    if (call === 'mmap' && result >= 0 && device !== undefined)
      this.#mappers.set(device, { pid, position: this.#where(record) });
  }

  /** Told of each DMA that stopped before its end. */
  dma({ device, iova, write, left, fault, gone, busMaster, queue }: DmaStop): void {
    if (!this.#sanitizers.has('dma')) return;
    const verb = write ? 'write' : 'read';
    const what = `${device} wanted to ${verb} ${left} bytes at iova ${hex(iova)}`;
    const tell = (rule: RuleId, why: string, history: readonly MappingEvent[] = [], facts: string[] = []): void =>
      this.#tell(
        {
          rule,
          headline: `${what}, ${why}`,
          facts: [
            `device: ${device}`,
            `direction: ${write ? 'the device writes memory' : 'the device reads memory'}`,
            ...facts,
            ...this.#byLooking(device),
          ],
          history: history.map((event) => this.#history(event)),
          ...this.#culprit(device),
        },
        `${rule}:${device}:${write}:${history.at(-1)?.start ?? pageOf(iova)}`,
      );
    if (gone) {
      tell('dma-memory-gone', 'whose memory the program has unmapped or lost', this.#mappings.about(iova, HISTORY));
      return;
    }
    if (!busMaster) {
      tell('dma-bus-master-off', 'but its bus master bit is not set');
      return;
    }
    const other = RULE_OF_FAULT[fault];
    if (other) {
      const why =
        fault === DMA_FAULT.BLOCKED ? 'but it is attached to no address space' : 'which the mapping does not allow';
      tell(other, why, this.#mappings.about(iova, HISTORY));
      return;
    }
    if (fault !== DMA_FAULT.NOT_MAPPED) return;
    const history = this.#mappings.about(iova, HISTORY);
    const latest = history.at(-1);
    if (latest?.kind === 'unmap') {
      tell('dma-use-after-unmap', 'which is not mapped any more', history);
      return;
    }
    const before = latest ? undefined : this.#mappings.before(iova);
    if (before) {
      const beyond = iova - before.last;
      tell('dma-out-of-bounds', `${beyond === 1n ? 'right' : `${beyond} bytes`} behind the end of a mapping`, [before]);
      return;
    }
    const elsewhere = latest ? [`it is mapped in ${spaceOf(latest)}, which the device does not use`] : [];
    if (queue) {
      tell('doorbell-before-queue', 'where its queue is to be, which is not mapped', history, elsewhere);
      return;
    }
    tell('dma-never-mapped', 'which is not mapped', history, elsewhere);
  }

  /** Told of an interrupt that reached nobody. */
  lostInterrupt(device: string, vector: number): void {
    if (!this.#sanitizers.has('dma')) return;
    this.#tell(
      {
        rule: 'interrupt-not-wired',
        headline: `${device} raised vector ${vector}, for which nobody has set an eventfd`,
        facts: [`device: ${device}`, ...this.#byLooking(device)],
        history: [],
        ...this.#culprit(device),
      },
      `interrupt:${device}:${vector}`,
    );
  }

  /** Told of data that a cache hid (the strict cache model). */
  stale(text: string): void {
    if (!this.#sanitizers.has('coherency')) return;
    this.#tell({ rule: 'stale-data', headline: text, facts: [], history: [], ...this.#culprit() }, `stale:${text}`);
  }

  /** The end of the run: what is left is leaked. Returns everything that was found. */
  finish(): Finding[] {
    for (const event of this.#leaks.mappings) {
      const { start, last, position } = event;
      const headline = `${last - start + 1n} bytes at iova ${hex(start)} of ${spaceOf(event)} were never unmapped`;
      this.#leak('leak-mapping', headline, event, position);
    }
    for (const { what, record, position } of this.#leaks.registered) {
      const headline = `${what} of process ${record.pid} were left charged against its lock limit`;
      this.#leak('leak-locked-memory', headline, record, position);
    }
    for (const { what, record, position } of this.#leaks.objects) {
      const headline = `${what} of ${record.file}, made by ${record.name}, was never destroyed`;
      this.#leak('leak-object', headline, record, position);
    }
    return [...this.#found.values()];
  }

  /** Findings beyond those that are kept. */
  get dropped(): number {
    return this.#dropped;
  }

  #leak(
    rule: RuleId,
    headline: string,
    { pid, name }: Pick<CallRecord, 'pid' | 'name'>,
    position: Position | undefined,
  ): void {
    const facts = [`made by process ${pid}, ${name}`];
    this.#tell(
      { rule, headline, facts, history: [], pid, position },
      `${rule}:${position ? formatPosition(position) : headline}`,
    );
  }

  #watchUnbind(record: CallRecord): void {
    const { name = '', device, result, error, call, pid } = record;
    if (device === undefined) return;
    if (result >= 0 && /UNBIND/.test(name)) this.#unbound.add(device);
    else if (result >= 0 && /BIND/.test(name)) this.#unbound.delete(device);
    const closed = error?.code === 'EBADF';
    if (result >= 0 || !this.#sanitizers.has('dma') || !(closed || this.#unbound.has(device))) return;
    const facts = [`refused with ${error?.code ?? 'an error'}`];
    const headline = `${name || call} on ${device} after it was ${closed ? 'closed' : 'unbound'}`;
    const position = this.#where(record);
    const rule = 'device-use-after-unbind';
    this.#tell({ rule, headline, facts, history: [], pid, position }, `unbind:${device}:${name || call}`);
  }

  /**
   * The call in whose course it happened. A device that found work in its mapped registers is at nobody's call: the store
   * itself is not seen, so it is told who mapped them, and where.
   */
  #culprit(device?: string): { pid: number; position: Position | undefined } {
    const serving = this.#serving;
    if (serving) return { pid: serving.pid, position: this.#where(serving) };
    return (device === undefined ? undefined : this.#mappers.get(device)) ?? { pid: 0, position: undefined };
  }

  /** The position that is told is then not that of the doorbell. */
  #byLooking(device: string): string[] {
    return !this.#serving && this.#mappers.has(device)
      ? ['rung by a store into mapped registers: the process and the place are those that mapped them']
      : [];
  }

  #history(event: MappingEvent): string {
    const { kind, name, pid, start, last, position } = event;
    const at = position ? ` at ${formatPosition(position)}` : '';
    return `${kind}ped ${hex(start)} to ${hex(last)} in ${spaceOf(event)} by process ${pid}${at}, ${name}`;
  }

  #tell(told: Told, key: string): void {
    const known = this.#found.get(key);
    if (known) known.count++;
    else if (this.#found.size < MAX_FINDINGS) this.#found.set(key, { ...told, hint: RULES[told.rule].hint, count: 1 });
    else this.#dropped++;
  }
}
