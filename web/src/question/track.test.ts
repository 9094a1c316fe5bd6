import { describe, expect, test } from 'vitest';
import { PROPERTIES } from '../../../src/check/properties.js';
import { ANSWERS } from './answers.js';
import { sceneOf } from './scene.js';
import { Track } from './track.js';
import { WISHES } from './words.js';

describe('the stories of the table, played again by the page', () => {
  for (const { policy, refutations } of ANSWERS) {
    for (const { property, steps, other } of refutations) {
      test(`${policy}: the last step breaks ${property}, and none before it does`, () => {
        const world = PROPERTIES.find(({ id }) => id === property)?.world;
        const ends = [steps, other ?? []].map((way) => {
          const track = new Track(policy, world === 'caches');
          const moments = way.map((step) => track.play(step));
          expect(moments.some(({ outcome }) => outcome === 'impossible')).toBe(false);
          return { track, breaks: moments.map(({ broken }) => broken.some((each) => each.property === property)) };
        });
        if (property !== 'P2') {
          expect(ends[0]?.breaks.indexOf(true)).toBe(steps.length - 1);
          return;
        }
        // P2 is broken by two ways: the same to look at, and other rights.
        const [one, two] = ends.map(({ track }) => track.last);
        const visible = ends[0]?.track.world.layout.visible ?? [];
        expect(one?.state.filter((_, i) => visible[i])).toEqual(two?.state.filter((_, i) => visible[i]));
        expect(one?.rights).not.toBe(two?.rights);
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
