/** A device model on a bench: memory behind an IOMMU, a clock that the test moves, and what it interrupts with. */
import { DmaPort } from '../src/iommu/dma.js';
import { MAP_READ, MAP_WRITE, PagingDomain } from '../src/iommu/paging/paging-domain.js';
import { PasidTable } from '../src/iommu/pasid-table.js';
import { IommuGroup, Requester } from '../src/iommu/requester.js';
import { Timers } from '../src/kernel/timers.js';
import type { MemoryPiece } from '../src/memory/dma-target.js';
import { ArrayMemory } from '../src/pci/memory.js';
import type { DeviceModel, DeviceSlot } from '../src/pci/model.js';

const PAGE = 4096;

export interface Bench<T extends DeviceModel> {
  readonly model: T;
  /** What DMA reaches, from IOVA `base` on. */
  readonly memory: Uint8Array;
  readonly base: bigint;
  readonly port: DmaPort;
  /** The memory behind a BAR. */
  bar(index: number): DataView;
  /** Vectors of messages, in order. */
  readonly messages: number[];
  /** Levels of the pin, in order. */
  readonly levels: boolean[];
  /** Asks the model until nothing moves. */
  settle(): void;
  /** Moves the clock, milliseconds. */
  pass(time: number): void;
}

/** @param pages of memory; the first is at `base`. Pages below and above are not mapped */
export function deviceBench<T extends DeviceModel>(make: (slot: DeviceSlot) => T, pages = 64): Bench<T> {
  const base = 0x10_0000n;
  const memory = new Uint8Array(pages * PAGE);
  const target = {
    alive: true,
    memory: {
      read: (address: bigint, into: Uint8Array) => {
        into.set(memory.subarray(Number(address), Number(address) + into.length));
        return into.length;
      },
      write: (address: bigint, from: Uint8Array) => {
        memory.set(from, Number(address));
        return from.length;
      },
      move: (pieces: readonly MemoryPiece[], write: boolean) => {
        for (const { address, bytes } of pieces) {
          if (write) target.memory.write(address, bytes);
          else target.memory.read(address, bytes);
        }
        return pieces.reduce((all, { bytes }) => all + bytes.length, 0);
      },
    },
  };
  const domain = Object.assign(new PagingDomain(), { enforceSnoop: true });
  domain.insert(Number(base) / PAGE, pages, target, 0, MAP_READ | MAP_WRITE);
  const unit = {
    ...{ name: 'u', index: 0, enforcesSnoop: true, hardwareNesting: 0, softwareNesting: 0, pasidBits: 0 },
    ...{ addressWidth: 48, pageSizes: 4096n, tableFormats: 0n, dirtyTracking: false, reserved: [] },
  };
  const none = { noSnoop: false, pasid: false, pri: false, enqcmd: false };
  const requester = new Requester('0000:01:00.0', unit, new IommuGroup(1), none, new PasidTable());
  requester.route = { domain, faults: undefined };
  const port = new DmaPort(requester);
  let now = 0;
  const timers = new Timers(() => now);
  const bars = new Map<number, ArrayMemory>();
  const messages: number[] = [];
  const levels: boolean[] = [];
  const model = make({
    dma: port,
    memory: (bar, size) => {
      const made = new ArrayMemory(size);
      bars.set(bar, made);
      return made;
    },
    interrupt: (vector) => messages.push(vector),
    line: (asserted) => levels.push(asserted),
    schedule: (delay, act) => timers.schedule(delay, act),
    found: () => undefined,
  });
  return {
    ...{ model, memory, base, port, messages, levels },
    bar: (index) => {
      const { view } = bars.get(index) ?? {};
      if (!view) throw new Error(`the device has no memory behind BAR ${index}`);
      return view;
    },
    settle: () => {
      for (let steps = 0; model.poll?.(); steps++) if (steps > 100_000) throw new Error('the device never rests');
    },
    pass: (time) => {
      now += time;
      timers.run();
    },
  };
}
