import { expect, test } from 'vitest';
import { EventStore } from '../source/event-store.js';
import { Lanes } from './lanes.js';

const VFIO0 = '/dev/vfio/devices/vfio0';

test('a lane tells from when to when a device was attached and a guest had the right, and what ended it', () => {
  const store = new EventStore();
  const lanes = new Lanes(store);
  store.append({ time: 1, call: 'ioctl', ioctl: 'VFIO_ATTACH_IOASID', file: VFIO0, args: { ioasid: 1 } });
  store.append({ time: 2, call: 'note', subject: 'VM 1', text: 'its guest may flush the caches now' });
  store.append({ time: 2, call: 'ioctl', ioctl: 'KVM_SET_DEVICE_ATTR', file: 'anon_inode:[kvm-vfio]' });
  lanes.update();
  store.append({ time: 3, call: 'ioctl', ioctl: 'VFIO_DETACH_IOASID', file: VFIO0, errno: 'EBUSY' });
  store.append({ time: 4, call: 'note', subject: 'VM 1', text: 'its guest may no longer flush the caches' });
  store.append({ time: 4, call: 'note', subject: 'vfio0', text: 'was unplugged' });
  store.append({ time: 6, call: 'note', subject: 'VM 1', text: 'its guest may flush the caches now' });
  lanes.update();
  const told = lanes.all.map(({ name, kind, spans }) => ({
    name,
    kind,
    spans: spans.map(({ from, to, by, endedBy }) => [from, to, lanes.words(by), lanes.words(endedBy)]),
  }));
  expect(told).toEqual([
    { name: 'vfio0', kind: 'attached', spans: [[1, 4, 'IOASID 1', 'unplugged']] },
    {
      name: 'VM 1',
      kind: 'right',
      spans: [
        [2, 4, 'KVM_SET_DEVICE_ATTR', 'vfio0 was unplugged'],
        [6, undefined, 'the clock', ''],
      ],
    },
  ]);
});
