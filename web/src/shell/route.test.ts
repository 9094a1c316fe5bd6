import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatRoute, parseRoute } from './route.js';

test('a link gives back the view and every parameter that is not empty', () => {
  const name = fc.stringMatching(/^[a-z]{1,8}$/);
  fc.assert(
    fc.property(name, fc.dictionary(name, fc.string({ minLength: 1 })), (view, params) => {
      const route = parseRoute(formatRoute({ view, params }));
      expect(route.view).toBe(view);
      expect({ ...route.params }).toEqual({ ...params });
    }),
  );
});

test('an empty fragment is the view without a name', () => {
  expect(parseRoute('')).toEqual({ view: '', params: {} });
  expect(formatRoute({ view: 'calls', params: { errno: '' } })).toBe('#/calls');
});
