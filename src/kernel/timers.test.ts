import { describe, expect, test } from 'vitest';
import { Timers } from './timers.js';

function setup() {
  let now = 0;
  const timers = new Timers(() => now);
  const ran: string[] = [];
  return {
    ...{ timers, ran },
    later: (delay: number, name: string) => timers.schedule(delay, () => ran.push(name)),
    at: (time: number) => {
      now = time;
      timers.run();
    },
  };
}

describe('timers on the machine’s clock', () => {
  test('run when they are due, in the order of time, once', () => {
    const { later, at, ran } = setup();
    later(20, 'late');
    later(10, 'early');
    at(9);
    expect(ran).toEqual([]);
    at(20);
    at(40);
    expect(ran).toEqual(['early', 'late']);
  });

  test('say when the next is due', () => {
    const { later, at, timers } = setup();
    expect(timers.next()).toBeUndefined();
    later(20, 'a');
    const cancel = later(10, 'b');
    expect(timers.next()).toBe(10);
    cancel();
    expect(timers.next()).toBe(20);
    at(25);
    expect(timers.next()).toBeUndefined();
  });

  test('can be cancelled, also by one that is due before them', () => {
    const { later, at, ran, timers } = setup();
    const cancel = later(2, 'cancelled');
    timers.schedule(1, cancel);
    at(5);
    expect(ran).toEqual([]);
  });

  test('that others make while they run wait for the next time', () => {
    const { at, ran, timers } = setup();
    timers.schedule(1, () => timers.schedule(0, () => ran.push('made')));
    at(1);
    expect([...ran]).toEqual([]);
    at(1);
    expect(ran).toEqual(['made']);
  });
});
