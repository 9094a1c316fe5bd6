import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { MOST_MEMORY, nothing, torture } from './torture.js';

const count = (name: string): number => Number(process.env[`TORTURE_${name}`] ?? 0);
const minutes = count('MINUTES');
const wanted = { kills: count('KILLS'), ioctls: count('IOCTLS') };

/** In turn: clients that are killed young, and clients that live long. */
const ROUNDS = [
  { calls: 5000, kills: 500 },
  { calls: 10_000, kills: 50 },
];

test.skipIf(minutes === 0)(
  'hostile clients, round after round: npm run torture',
  async () => {
    const begin = Date.now();
    const made = { calls: 0, kills: 0, ioctls: 0 };
    const goals = wanted.kills > 0 || wanted.ioctls > 0;
    const enough = (): boolean => goals && made.kills >= wanted.kills && made.ioctls >= wanted.ioctls;
    for (let i = 0; Date.now() < begin + minutes * 60_000 && !enough(); i++) {
      const seed = count('SEED') + i;
      const { calls, kills } = ROUNDS[i % ROUNDS.length] ?? { calls: 0, kills: 0 };
      const {
        memory,
        calls: done,
        ioctls,
        ...found
      } = torture({ seed, calls, clients: 100, kills, timeout: 3_600_000 });
      expect({ seed, ...found }).toEqual({ seed, ...nothing });
      expect(memory).toBeLessThan(MOST_MEMORY);
      made.calls += done;
      made.ioctls += ioctls;
      made.kills += kills;
      const rate = `${((made.calls * 1000) / (Date.now() - begin)).toFixed(0)} calls a second`;
      console.log(
        `seed ${seed}: ${made.calls} calls so far, ${made.ioctls} of them ioctls, ${rate}; ${made.kills} clients killed; ${memory} MiB more`,
      );
      // So that the line is shown now.
      await setTimeout(200);
    }
    expect(made.kills).toBeGreaterThanOrEqual(wanted.kills);
    expect(made.ioctls).toBeGreaterThanOrEqual(wanted.ioctls);
  },
  24 * 3600_000,
);
