/** Random numbers that can be repeated: a failing test prints its seed, and IOASID_SEED replays it. */

export const seed: number = process.env.IOASID_SEED
  ? Number(process.env.IOASID_SEED)
  : Math.floor(Math.random() * 2 ** 31);

/** A generator of integers from 0 to n-1 (mulberry32). */
export function random(from: number): (n: number) => number {
  let state = from;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}
