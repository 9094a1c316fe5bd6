import { expect, test } from 'vitest';
import { objectsOf } from './any-kind.js';

test('what a personality says becomes objects, things within things are held, and names are links', () => {
  const kinds = {
    iommufds: [
      {
        iommufd: 1,
        objects: [
          { id: 3, kind: 'ioas', users: 1 },
          { id: 4, kind: 'device', on: '0000:01:00.0' },
        ],
      },
    ],
  };
  expect(objectsOf(kinds, new Map([['0000:01:00.0', 'device:0000:01:00.0']]))).toEqual([
    {
      kind: 'iommufd',
      id: 'iommufd:1',
      name: 'iommufd 1',
      facts: { iommufd: 1 },
      links: [
        { to: 'iommufd:1/ioas:3', as: 'holds' },
        { to: 'iommufd:1/device:4', as: 'holds' },
      ],
    },
    { kind: 'ioas', id: 'iommufd:1/ioas:3', name: 'ioas 3', facts: { id: 3, kind: 'ioas', users: 1 }, links: [] },
    {
      kind: 'device',
      id: 'iommufd:1/device:4',
      name: 'device 4',
      facts: { id: 4, kind: 'device', on: '0000:01:00.0' },
      links: [{ to: 'device:0000:01:00.0', as: 'on' }],
    },
  ]);
});
