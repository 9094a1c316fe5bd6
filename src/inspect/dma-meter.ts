/**
 * What devices do in memory, while somebody looks: the volume of each over time, where it was lately, and where it was
 * stopped. Whatever they do, it takes the same room: a long run is told in wider pieces of time.
 */
import { hex } from '../abi/address.js';
import type { DmaPort, DmaTransfer } from '../iommu/dma.js';
import { DMA_FAULT } from '../iommu/domain.js';
import type { Activity, DeviceActivity, Touch } from './source.js';

/** Pieces of time at most; there are at least half as many once a run is that long. */
export const BUCKETS = 256;
/** Touches, and faults, that are remembered of one device. */
export const REMEMBERED = 64;

interface Place {
  time: number;
  readonly first: bigint;
  last: bigint;
  readonly write: boolean;
  readonly pasid: number | undefined;
  readonly fault: string | undefined;
}

/** Keeps the newest. */
function remember(places: Place[], place: Place): void {
  places.push(place);
  if (places.length > REMEMBERED) places.shift();
}

const told = ({ time, first, last, write, pasid, fault }: Place): Touch => ({
  ...{ time, first: hex(first), last: hex(last), write },
  ...(pasid !== undefined && { pasid }),
  ...(fault !== undefined && { fault }),
});

/** The DMA of one device. */
class Meter {
  /** Milliseconds that a bucket stands for; doubled whenever there is no room. */
  #width = 1;
  readonly #read: number[] = [];
  readonly #written: number[] = [];
  readonly #recent: Place[] = [];
  readonly #faults: Place[] = [];

  add(time: number, { iova, write, pasid, moved, fault }: DmaTransfer): void {
    const reached = BigInt.asUintN(64, iova + BigInt(moved));
    if (moved > 0) {
      this.#count(time, write, moved);
      this.#touch({ time, first: iova, last: BigInt.asUintN(64, reached - 1n), write, pasid, fault: undefined });
    }
    if (fault !== DMA_FAULT.NONE) remember(this.#faults, { time, first: reached, last: reached, write, pasid, fault });
  }

  get activity(): Omit<DeviceActivity, 'device'> {
    return {
      width: this.#width,
      read: [...this.#read],
      written: [...this.#written],
      recent: this.#recent.map(told),
      faults: this.#faults.map(told),
    };
  }

  #count(time: number, write: boolean, bytes: number): void {
    while (time >= this.#width * BUCKETS) this.#widen();
    const at = Math.max(0, Math.floor(time / this.#width));
    for (const volume of [this.#read, this.#written]) while (volume.length <= at) volume.push(0);
    const volume = write ? this.#written : this.#read;
    volume[at] = (volume[at] as number) + bytes;
  }

  #widen(): void {
    this.#width *= 2;
    for (const volume of [this.#read, this.#written]) {
      const half = Math.ceil(volume.length / 2);
      for (let i = 0; i < half; i++) volume[i] = (volume[2 * i] as number) + (volume[2 * i + 1] ?? 0);
      volume.length = half;
    }
  }

  /** A transfer that goes on where the last one ended is one place with it. */
  #touch(place: Place): void {
    const before = this.#recent.at(-1);
    if (before && before.last + 1n === place.first && before.write === place.write && before.pasid === place.pasid) {
      before.last = place.last;
      before.time = place.time;
    } else remember(this.#recent, place);
  }
}

export class DmaMeter {
  readonly #meters = new Map<string, Meter>();
  readonly #unwatch: readonly (() => void)[];

  /** Watches until it is stopped. @param now the machine's clock, milliseconds */
  constructor(ports: Iterable<DmaPort>, now: () => number) {
    const moved = (transfer: DmaTransfer): void => this.#meter(transfer.device).add(now(), transfer);
    this.#unwatch = [...ports].map((port) => port.watch({ moved }));
  }

  /** So far, of every device that did something. */
  get activity(): Activity {
    return [...this.#meters].map(([device, meter]) => ({ device, ...meter.activity }));
  }

  stop(): void {
    for (const unwatch of this.#unwatch) unwatch();
  }

  #meter(device: string): Meter {
    const meter = this.#meters.get(device) ?? new Meter();
    this.#meters.set(device, meter);
    return meter;
  }
}
