import { describe, expect, test } from 'vitest';
import { PROPERTIES } from '../../../src/check/properties.js';
import { ANSWERS } from './answers.js';
import { sceneOf } from './scene.js';
import { Track } from './track.js';
import { WISHES } from './words.js';

describe('the stories of the table, played again by the page', () => {
  for (const { policy, refutations } of ANSWERS) {
    for (const { property, steps } of refutations) {
      test(`${policy}: the last step breaks ${property}, and none before it does`, () => {
        const world = PROPERTIES.find(({ id }) => id === property)?.world;
        const track = new Track(policy, world === 'caches');
        const moments = steps.map((step) => track.play(step));
        const breaks = moments.map(({ broken }) => broken.some((each) => each.property === property));
        expect(moments.some(({ outcome }) => outcome === 'impossible')).toBe(false);
        // P2 compares two ways to the same state: its story is one of them, so the story alone need not show it.
        if (property !== 'P2') expect(breaks.indexOf(true)).toBe(steps.length - 1);
      });
    }
  }
});

test('a refused step changes nothing, and going back gives the moments before', () => {
  const track = new Track('reference', false);
  const steps = ANSWERS.find(({ policy }) => policy === 'reference')?.refutations.find(
    ({ property }) => property === 'P7',
  )?.steps;
  const moments = (steps ?? []).map((step) => track.play(step));
  const [before, refused] = moments.slice(-2);
  expect(refused?.outcome).toBe('refused');
  expect(refused?.state).toEqual(before?.state);
  track.back(0);
  expect(track.moments).toHaveLength(1);
  expect(sceneOf(track.show(track.last)).files.some(({ open }) => open)).toBe(false);
});

test('what can happen now is what can be played now', () => {
  const track = new Track('mediated', true);
  for (let i = 0; i < 12; i++) {
    const steps = track.enabled();
    expect(steps.length).toBeGreaterThan(0);
    for (const { step, outcome } of steps) {
      expect(track.play(step).outcome).toBe(outcome);
      track.back(i);
    }
    track.play((steps[i % steps.length] as (typeof steps)[number]).step);
  }
});

test('every property has its wish in words', () => {
  for (const { id } of PROPERTIES) expect(WISHES[id]).toBeDefined();
});
