import { expect, test } from 'vitest';
import { torture } from './torture.js';

const minutes = Number(process.env.TORTURE_MINUTES ?? 0);
const first = Number(process.env.TORTURE_SEED ?? 1);

test.skipIf(minutes === 0)(
  'hostile clients, round after round: npm run torture',
  () => {
    const end = Date.now() + minutes * 60_000;
    for (let seed = first; Date.now() < end; seed++) {
      const started = Date.now();
      const found = torture({ seed, calls: 20_000, clients: 100, kills: 50, timeout: 1_800_000 });
      console.log(`seed ${seed}: 100 clients, 50 of them killed, ${((Date.now() - started) / 1000).toFixed(0)} s`);
      expect({ seed, ...found }).toEqual({
        seed,
        status: 0,
        complaints: '',
        state: { contexts: [], vms: [] },
        descriptors: 0,
      });
    }
  },
  24 * 3600_000,
);
