import { describe, expect, test } from 'vitest';
import { Pollers } from './pollers.js';

describe('pollers', () => {
  test('without a poller nobody waits for one', () => {
    expect(new Pollers(() => 0).wait()).toBeUndefined();
  });

  test('the loop spins after something moved, then rests between looks', () => {
    let now = 0;
    let moves = true;
    const pollers = new Pollers(() => now);
    const stop = pollers.add({ watched: true, poll: () => moves });
    expect(pollers.poll()).toBe(true);
    moves = false;
    expect(pollers.poll()).toBe(false);
    expect(pollers.wait()).toBe(0);
    now = 5;
    expect(pollers.wait()).toBe(1);
    now = 5000;
    expect(pollers.wait()).toBe(20);
    stop();
    expect(pollers.wait()).toBeUndefined();
  });

  test('a device with work is asked again though no program can store unseen', () => {
    let now = 0;
    const pollers = new Pollers(() => now);
    pollers.add({ watched: false, poll: () => true });
    pollers.poll();
    expect(pollers.wait()).toBe(0);
    now = 5;
    expect(pollers.wait()).toBeUndefined();
  });

  test('one that moves does not keep the others from being asked', () => {
    const asked: string[] = [];
    const pollers = new Pollers(() => 0);
    for (const name of ['a', 'b']) {
      pollers.add({
        watched: true,
        poll: () => {
          asked.push(name);
          return true;
        },
      });
    }
    pollers.poll();
    expect(asked).toEqual(['a', 'b']);
  });
});
