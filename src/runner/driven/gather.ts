/** The buffers of readv, writev and their like (readv(2)). */

/** A buffer of the caller. */
export type Piece = readonly [address: bigint, size: bigint];

/** One buffer after the other, until one is not filled; a failure behind the first is a short result. */
export function gather(
  pieces: readonly Piece[],
  move: (address: bigint, size: bigint, done: number) => number,
): number {
  let done = 0;
  for (const [address, size] of pieces) {
    try {
      const moved = move(address, size, done);
      done += moved;
      if (BigInt(moved) < size) break;
    } catch (error) {
      if (done === 0) throw error;
      break;
    }
  }
  return done;
}
