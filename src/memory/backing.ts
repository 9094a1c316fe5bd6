/**
 * Frames: what is behind an address once it is pinned. A frame is named by the object that holds its bytes and its place
 * in it: a shared file and a page of it, or the private memory of one program image and a page of that. Two addresses
 * are the same memory if, and only if, their frames are the same. Linux compares page-frame numbers of the machine; a
 * program in user space cannot, and these names stand in.
 */
import type { DmaTarget } from './dma-target.js';
import { PinCounts } from './pin-counts.js';

/** Frames that follow each other in one object. */
export interface FrameRun {
  readonly backing: Backing;
  /** Number of the first frame in the object. */
  readonly frame: number;
  /** Frames, 1 or more. */
  readonly frames: number;
  /** Size of the object's own pages as a power of two: 12, or 21 and 30 for hugetlb memory. */
  readonly pageShift: number;
}

/** An object that holds frames. DMA reaches its bytes at frame × 4096. */
export abstract class Backing implements DmaTarget {
  readonly pins = new PinCounts();

  /** What it is, for traces. */
  abstract readonly name: string;
  abstract readonly alive: boolean;
  /** Its frames are a device's BAR, not memory of the machine: nothing pins or charges them. */
  readonly isDevice: boolean = false;
  abstract readonly memory: DmaTarget['memory'];

  /** Keeps frames: they stay reachable, whatever their program does, as far as the host allows. */
  pin(frame: number, frames: number): void {
    this.pins.add(frame, frames, 1);
  }

  /** Gives frames back. */
  unpin(frame: number, frames: number): void {
    this.pins.add(frame, frames, -1);
    if (!this.pins.any) this.unused();
  }

  /** No frame is pinned any more. */
  protected abstract unused(): void;
}

/** Frames in all runs. */
export function countFrames(runs: readonly FrameRun[]): number {
  let sum = 0;
  for (const run of runs) sum += run.frames;
  return sum;
}

/** Where two sequences of frames, of equal length, differ for the first time; undefined: they name the same memory. */
export function firstDifference(a: readonly FrameRun[], b: readonly FrameRun[]): number | undefined {
  let [i, j, inA, inB, done] = [0, 0, 0, 0, 0];
  for (let x = a[i], y = b[j]; x && y; x = a[i], y = b[j]) {
    if (x.backing !== y.backing || x.frame + inA !== y.frame + inB) return done;
    const step = Math.min(x.frames - inA, y.frames - inB);
    done += step;
    inA += step;
    inB += step;
    if (inA === x.frames) [i, inA] = [i + 1, 0];
    if (inB === y.frames) [j, inB] = [j + 1, 0];
  }
  return undefined;
}
