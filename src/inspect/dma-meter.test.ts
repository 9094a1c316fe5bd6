import fc from 'fast-check';
import { expect, test } from 'vitest';
import { requester } from '../../test/hardware.js';
import { attach } from '../iommu/attach.js';
import { DmaPort, PLAIN } from '../iommu/dma.js';
import { MAP_READ, MAP_WRITE, PagingDomain } from '../iommu/paging/paging-domain.js';
import { Mm } from '../memory/mm.js';
import { SimulatedMemory } from '../memory/simulated-memory.js';
import { BUCKETS, DmaMeter, REMEMBERED } from './dma-meter.js';

const IOVA = 0x10_0000n;

function setup() {
  const memory = new SimulatedMemory();
  const paging = new PagingDomain<Mm>();
  paging.insert(Number(IOVA) >> 12, 16, new Mm(memory), Number(memory.mmap(16 * 4096)) / 4096, MAP_READ | MAP_WRITE);
  const port = new DmaPort(requester('vfio1', { noSnoop: false, pri: false }));
  attach(port.requester, undefined, {
    domain: { enforceSnoop: true, translate: (page, write, hit, who) => paging.translate(page, write, hit, who) },
  });
  const clock = { now: 0 };
  return { port, clock, meter: new DmaMeter([port], () => clock.now) };
}

test('no byte is lost however long a run is, and its telling stays bounded', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(5000), fc.integer({ min: 1, max: 4096 }), fc.boolean())), (transfers) => {
      const { port, clock, meter } = setup();
      const sums = { read: 0, written: 0 };
      for (const [later, size, write] of transfers) {
        clock.now += later;
        if (write) port.write(IOVA, new Uint8Array(size), PLAIN);
        else port.read(IOVA, new Uint8Array(size), PLAIN);
        sums[write ? 'written' : 'read'] += size;
      }
      const [activity] = meter.activity;
      const sum = (volume: readonly number[] = []) => volume.reduce((a, b) => a + b, 0);
      expect({ read: sum(activity?.read), written: sum(activity?.written) }).toEqual(sums);
      expect(activity?.read.length ?? 0).toBeLessThanOrEqual(BUCKETS);
      if (activity) expect((activity.read.length - 1) * activity.width).toBeLessThanOrEqual(clock.now);
    }),
  );
});

test('it tells where a device was lately, and where it was stopped', () => {
  const { port, clock, meter } = setup();
  port.write(IOVA, new Uint8Array(4096), PLAIN);
  clock.now = 5;
  port.write(IOVA + 4096n, new Uint8Array(4096), PLAIN);
  port.read(IOVA + 15n * 4096n, new Uint8Array(8192), PLAIN);
  expect(meter.activity).toMatchObject([
    {
      device: 'vfio1',
      recent: [
        { time: 5, first: '0x100000', last: '0x101fff', write: true },
        { first: '0x10f000', last: '0x10ffff', write: false },
      ],
      faults: [{ time: 5, first: '0x110000', write: false, fault: 'not mapped' }],
    },
  ]);
  for (let i = 0; i < 3 * REMEMBERED; i++) port.read(0n, new Uint8Array(1), PLAIN);
  expect(meter.activity[0]?.faults).toHaveLength(REMEMBERED);
  meter.stop();
  port.write(IOVA, new Uint8Array(1), PLAIN);
  expect(meter.activity[0]?.recent).toHaveLength(2);
});
