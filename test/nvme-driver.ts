/** A small NVMe driver on a bench: enables the controller, makes queues, submits, reaps completions by phase. */
import type { Bench } from './device-bench.js';

export const REG = {
  CAP: 0,
  VS: 8,
  INTMS: 0xc,
  INTMC: 0x10,
  CC: 0x14,
  CSTS: 0x1c,
  AQA: 0x24,
  ASQ: 0x28,
  ACQ: 0x30,
} as const;

export interface Submission {
  readonly opcode: number;
  readonly flags?: number;
  readonly nsid?: number;
  readonly prp1?: bigint;
  readonly prp2?: bigint;
  /** Dwords 10 to 15. */
  readonly dwords?: readonly number[];
}

export interface Completion {
  readonly result: number;
  readonly head: number;
  readonly queue: number;
  readonly id: number;
  /** Type and code. */
  readonly status: number;
  readonly doNotRetry: boolean;
}

interface Ring {
  readonly submission: number;
  readonly completion: number;
  readonly size: number;
  tail: number;
  head: number;
  phase: number;
}

type Device = Pick<Bench<{ poll(): boolean } & Bench<never>['model']>, 'bar' | 'memory' | 'base' | 'settle'>;

/** Memory of the bench: admin rings in pages 0 and 1, I/O rings behind, data from DATA on. */
export const DATA = 0x10000;

export class NvmeDriver {
  readonly bench: Device;
  readonly registers: DataView;
  readonly memory: DataView;
  readonly rings = new Map<number, Ring>();
  #nextId = 1;

  constructor(bench: Device) {
    this.bench = bench;
    this.registers = bench.bar(0);
    this.memory = new DataView(bench.memory.buffer);
  }

  /** The I/O virtual address of an offset of the bench's memory. */
  at(offset: number): bigint {
    return this.bench.base + BigInt(offset);
  }

  get status(): number {
    return this.registers.getUint32(REG.CSTS, true);
  }

  configure(cc: number): void {
    this.registers.setUint32(REG.CC, cc, true);
    this.bench.settle();
  }

  enable(entries = 16, cc = 0x460001): void {
    const ring: Ring = { submission: 0, completion: 0x1000, size: entries, tail: 0, head: 0, phase: 1 };
    this.rings.clear();
    this.rings.set(0, ring);
    this.bench.memory.fill(0, 0, DATA);
    this.registers.setUint32(REG.AQA, ((entries - 1) << 16) | (entries - 1), true);
    this.registers.setBigUint64(REG.ASQ, this.at(ring.submission), true);
    this.registers.setBigUint64(REG.ACQ, this.at(ring.completion), true);
    this.configure(cc);
  }

  /** Makes I/O queues 1 to 3. @param interrupts vector, or undefined */
  createQueue(id: number, entries: number, vector?: number): number {
    const ring: Ring = {
      submission: id * 0x4000,
      completion: id * 0x4000 + 0x2000,
      size: entries,
      tail: 0,
      head: 0,
      phase: 1,
    };
    this.bench.memory.fill(0, ring.submission, ring.submission + 0x4000);
    const size = ((entries - 1) << 16) | id;
    const cq = this.admin({
      ...{ opcode: 5, prp1: this.at(ring.completion) },
      dwords: [size, vector === undefined ? 1 : 3 | (vector << 16)],
    });
    if (cq.status !== 0) return cq.status;
    const sq = this.admin({ opcode: 1, prp1: this.at(ring.submission), dwords: [size, 1 | (id << 16)] });
    if (sq.status === 0) this.rings.set(id, ring);
    return sq.status;
  }

  /** Puts a command into a ring, without the doorbell. Returns its identifier. */
  put(queue: number, { opcode, flags = 0, nsid = 0, prp1 = 0n, prp2 = 0n, dwords = [] }: Submission): number {
    const ring = this.#ring(queue);
    const id = this.#nextId++ & 0xffff;
    const at = ring.submission + ring.tail * 64;
    for (let i = 0; i < 64; i += 8) this.memory.setBigUint64(at + i, 0n, true);
    this.memory.setUint32(at, opcode | (flags << 8) | (id << 16), true);
    this.memory.setUint32(at + 4, nsid, true);
    this.memory.setBigUint64(at + 24, prp1, true);
    this.memory.setBigUint64(at + 32, prp2, true);
    dwords.forEach((dword, i) => {
      this.memory.setUint32(at + 40 + i * 4, dword, true);
    });
    ring.tail = (ring.tail + 1) % ring.size;
    return id;
  }

  ring(queue: number, tail = this.#ring(queue).tail): void {
    this.registers.setUint32(0x1000 + queue * 8, tail, true);
  }

  /** The completions that are there, in order. */
  reap(queue: number, acknowledge = true): Completion[] {
    const ring = this.#ring(queue);
    const all: Completion[] = [];
    for (;;) {
      const at = ring.completion + ring.head * 16;
      const last = this.memory.getUint32(at + 12, true);
      if (((last >>> 16) & 1) !== ring.phase) break;
      const middle = this.memory.getUint32(at + 8, true);
      all.push({
        ...{ result: this.memory.getUint32(at, true), head: middle & 0xffff, queue: middle >>> 16 },
        ...{ id: last & 0xffff, status: (last >>> 17) & 0x7ff, doNotRetry: last >>> 31 === 1 },
      });
      ring.head = (ring.head + 1) % ring.size;
      if (ring.head === 0) ring.phase = 1 - ring.phase;
    }
    if (acknowledge) {
      this.registers.setUint32(0x1000 + queue * 8 + 4, ring.head, true);
      this.bench.settle();
    }
    return all;
  }

  /** One command, and its completion. */
  run(queue: number, submission: Submission): Completion {
    const id = this.put(queue, submission);
    this.ring(queue);
    this.bench.settle();
    const [completion, ...more] = this.reap(queue);
    if (!completion || completion.id !== id || more.length > 0)
      throw new Error(`command ${id} has no completion of its own`);
    return completion;
  }

  admin(submission: Submission): Completion {
    return this.run(0, submission);
  }

  #ring(queue: number): Ring {
    const ring = this.rings.get(queue);
    if (!ring) throw new Error(`no queue ${queue}`);
    return ring;
  }
}
