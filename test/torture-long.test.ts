import { expect, test } from 'vitest';
import { MOST_MEMORY, nothing, torture } from './torture.js';

const minutes = Number(process.env.TORTURE_MINUTES ?? 0);
const first = Number(process.env.TORTURE_SEED ?? 1);

test.skipIf(minutes === 0)(
  'hostile clients, round after round: npm run torture',
  () => {
    const end = Date.now() + minutes * 60_000;
    let [made, killed, spent] = [0, 0, 0];
    for (let seed = first; Date.now() < end; seed++) {
      // In turn: clients that live long, and clients that are killed young.
      const [calls, kills] = seed % 2 ? [20_000, 50] : [5000, 500];
      const started = Date.now();
      const { memory, calls: done, ...found } = torture({ seed, calls, clients: 100, kills, timeout: 1_800_000 });
      expect({ seed, ...found }).toEqual({ seed, ...nothing });
      expect(memory).toBeLessThan(MOST_MEMORY);
      [made, killed, spent] = [made + done, killed + kills, spent + (Date.now() - started) / 1000];
      const rate = `${(made / spent).toFixed(0)} a second`;
      console.log(`seed ${seed}: ${made} calls so far, ${rate}; ${killed} clients killed; ${memory} MiB more`);
    }
  },
  24 * 3600_000,
);
