import { describe, expect, it } from 'vitest';
import { Errno } from '../abi/errno.js';
import { DMA_FAULT } from '../iommu/domain.js';
import type { CallRecord } from '../kernel/watchers.js';
import { formatFinding } from '../report/finding.js';
import { Sanitizer } from './sanitizer.js';
import { parseSuppressions } from './suppressions.js';

const base = { pid: 7, tid: 7, call: 'ioctl', file: '/dev/iommu', open: 1, result: 0 } as const;
const map = (iova: bigint, length: bigint, more: Partial<CallRecord> = {}): CallRecord => ({
  ...base,
  name: 'IOMMU_IOAS_MAP',
  input: { ioas_id: 1, iova, length },
  output: { ioas_id: 1, iova, length },
  tid: 0x10,
  ...more,
});
const unmap = (iova: bigint, length: bigint): CallRecord => ({
  ...base,
  name: 'IOMMU_IOAS_UNMAP',
  input: { ioas_id: 1, iova, length },
  output: { ioas_id: 1, iova, length },
  tid: 0x20,
});
const stop = (iova: bigint, more = {}) => ({
  ...{
    device: 'vfio1',
    iova,
    write: true,
    left: 64,
    fault: DMA_FAULT.NOT_MAPPED,
    gone: false,
    busMaster: true,
    queue: false,
  },
  ...more,
});
/** The test's threads are where their number says. */
const where = ({ tid }: { tid: number }) => ({ object: '/usr/bin/driver', offset: BigInt(tid) });

function watch(...sanitizers: ('dma' | 'leaks' | 'coherency')[]): Sanitizer {
  return new Sanitizer({ sanitizers: new Set(sanitizers), where });
}
const rules = (sanitizer: Sanitizer) => sanitizer.finish().map(({ rule }) => rule);

describe('the sanitizer tells DMA', () => {
  it('to an address never mapped', () => {
    const it = watch('dma');
    it.dma(stop(0x5000n));
    expect(rules(it)).toEqual(['dma-never-mapped']);
  });

  it('to its queue before that is mapped, as what it is: a doorbell too early', () => {
    const it = watch('dma');
    it.dma(stop(0x5000n, { queue: true, write: false }));
    const [finding] = it.finish();
    expect(finding?.rule).toBe('doorbell-before-queue');
    expect(finding?.headline).toMatch(/^vfio1 wanted to read 64 bytes at iova 0x5000, where its queue is to be/);
  });

  it('to a queue that was unmapped, and behind the end of one, as any other', () => {
    const it = watch('dma');
    it.call(map(0x1000n, 0x1000n));
    it.dma(stop(0x2000n, { queue: true }));
    it.call(unmap(0x1000n, 0x1000n));
    it.dma(stop(0x1000n, { queue: true }));
    expect(rules(it)).toEqual(['dma-out-of-bounds', 'dma-use-after-unmap']);
  });

  it('that a device began by looking at its mapped registers, with who mapped them', () => {
    const it = watch('dma');
    it.call({ ...base, pid: 9, tid: 0x30, call: 'mmap', file: '/dev/vfio/devices/vfio1', device: 'vfio1' });
    it.dma(stop(0x5000n));
    it.dma(stop(0x5000n, { device: 'vfio2' }));
    const [mapped, other] = it.finish();
    expect(mapped).toMatchObject({ pid: 9, position: { object: '/usr/bin/driver', offset: 0x30n } });
    expect(mapped?.facts.at(-1)).toMatch(/^rung by a store into mapped registers/);
    expect(other).toMatchObject({ pid: 0, position: undefined });
  });

  it('after unmap, with where it was mapped and unmapped', () => {
    const it = watch('dma');
    it.call(map(0x1000n, 0x1000n));
    it.call(unmap(0x1000n, 0x1000n));
    it.enter({ ...base, tid: 0x40 });
    it.dma(stop(0x1800n));
    const [finding] = it.finish();
    expect(finding && formatFinding(finding)).toEqual([
      '==7==ERROR: dma-use-after-unmap: vfio1 wanted to write 64 bytes at iova 0x1800, which is not mapped any more',
      '    device: vfio1',
      '    direction: the device writes memory',
      '    by process 7 at /usr/bin/driver+0x40',
      '  before that:',
      '    mapped 0x1000 to 0x1fff in /dev/iommu space 1 by process 7 at /usr/bin/driver+0x10, IOMMU_IOAS_MAP',
      '    unmapped 0x1000 to 0x1fff in /dev/iommu space 1 by process 7 at /usr/bin/driver+0x20, IOMMU_IOAS_UNMAP',
      '  hint: wait until the device is done, or stop it, before its buffer is unmapped',
    ]);
  });

  it('beyond the end of a mapping that stands', () => {
    const it = watch('dma');
    it.call(map(0x1000n, 0x1000n));
    it.dma(stop(0x2000n));
    expect(rules(it)).toEqual(['dma-out-of-bounds']);
  });

  it('not beyond the end of one that is gone', () => {
    const it = watch('dma');
    it.call(map(0x1000n, 0x1000n));
    it.call(unmap(0n, 2n ** 64n - 1n));
    it.dma(stop(0x2000n));
    expect(rules(it)).toEqual(['dma-use-after-unmap']);
  });

  it.each([
    ['dma-no-permission', { fault: DMA_FAULT.NO_PERMISSION }],
    ['dma-blocked', { fault: DMA_FAULT.BLOCKED }],
    ['dma-bus-master-off', { fault: DMA_FAULT.BLOCKED, busMaster: false }],
    ['dma-memory-gone', { gone: true }],
  ])('%s', (rule, more) => {
    const it = watch('dma');
    it.call(map(0x1000n, 0x1000n));
    it.dma(stop(0x1000n, more));
    expect(rules(it)).toEqual([rule]);
  });

  it('once, however often it happens', () => {
    const it = watch('dma');
    for (let i = 0n; i < 10n; i++) it.dma(stop(0x5000n + i));
    const found = it.finish();
    expect(found.map(({ count }) => count)).toEqual([10]);
  });

  it('only if it was asked for', () => {
    const it = watch('leaks');
    it.dma(stop(0x5000n));
    expect(rules(it)).toEqual([]);
  });
});

describe('the sanitizer tells leaks', () => {
  it('of mappings and objects, and of none that was undone', () => {
    const it = watch('leaks');
    const alloc = (id: number): CallRecord => ({
      ...base,
      name: 'IOMMU_IOAS_ALLOC',
      input: {},
      output: { out_ioas_id: id },
    });
    it.call(alloc(1));
    it.call(alloc(2));
    it.call(map(0x1000n, 0x1000n));
    it.call(map(0x9000n, 0x1000n, { tid: 0x30 }));
    it.call(unmap(0x1000n, 0x1000n));
    it.call({ ...base, name: 'IOMMU_DESTROY', input: { id: 2 } });
    const found = it.finish();
    expect(found.map(({ rule, headline }) => [rule, headline])).toEqual([
      ['leak-mapping', '4096 bytes at iova 0x9000 of /dev/iommu space 1 were never unmapped'],
      ['leak-object', 'object 1 of /dev/iommu, made by IOMMU_IOAS_ALLOC, was never destroyed'],
    ]);
  });

  it.each([
    ['of IOMMU_IOAS_UNMAP from 0 to the end', unmap(0n, (1n << 64n) - 1n)],
    ['without a size, as UNMAP_ALL has it', { ...unmap(0n, 0n), output: { ioas_id: 1, iova: 0n, length: 0x2000n } }],
    ['over more than what is mapped', unmap(0x1000n, 0x9000n)],
  ])('not of what was unmapped in one go: a range %s', (_, all) => {
    const it = watch('leaks');
    it.call(map(0x1000n, 0x1000n));
    it.call(map(0x8000n, 0x1000n));
    it.call(map(0x8000n, 0x1000n, { input: { ioas_id: 2, iova: 0x8000n, length: 0x1000n } }));
    it.call(all);
    expect(it.finish().map(({ headline }) => headline)).toEqual([
      '4096 bytes at iova 0x8000 of /dev/iommu space 2 were never unmapped',
    ]);
  });

  it('not of mappings whose address space was destroyed', () => {
    const it = watch('leaks');
    it.call(map(0x1000n, 0x1000n));
    it.call({ ...base, name: 'IOMMU_DESTROY', input: { id: 1 } });
    expect(rules(it)).toEqual([]);
  });
});

describe('suppressions', () => {
  const it1 = watch('dma');
  it1.dma(stop(0x5000n));
  const [finding] = it1.finish();
  it.each([
    ['dma-never-mapped', true],
    ['dma-never-mapped:vfio1', true],
    ['# all\n*:0x5000 # known', true],
    ['dma-never-mapped:vfio2', false],
    ['dma-blocked', false],
    ['', false],
  ])('%j', (text, suppressed) => {
    expect(finding && parseSuppressions(text, 'f')(finding)).toBe(suppressed);
  });

  it('with an unknown rule are refused by line', () => {
    expect(() => parseSuppressions('\nnonsense', 'f')).toThrow("f:2: no rule 'nonsense'");
  });
});

describe('the sanitizer tells a device', () => {
  const call = { ...base, call: 'pread64', file: 'anon_inode:[vfio-device]', device: 'vfio1' } as const;
  const refused = (code: 'EBADF' | 'EINVAL'): Partial<CallRecord> => ({ result: -1, error: new Errno(code, 'no') });

  it('that is used after its descriptor was closed', () => {
    const it = watch('dma');
    it.call({ ...call, ...refused('EBADF') });
    const [finding] = it.finish();
    expect(finding).toMatchObject({
      rule: 'device-use-after-unbind',
      headline: 'pread64 on vfio1 after it was closed',
    });
  });

  it('that is used after it was unbound, until it is bound again; a refusal of a bound one is no finding', () => {
    const it = watch('dma');
    it.call({ ...call, ...refused('EINVAL') });
    it.call({ ...call, call: 'ioctl', name: 'VFIO_UNBIND_IOASID_FD' });
    it.call({ ...call, ...refused('EINVAL') });
    it.call({ ...call, call: 'ioctl', name: 'VFIO_BIND_IOASID_FD' });
    it.call({ ...call, call: 'pwrite64', ...refused('EINVAL') });
    expect(it.finish().map(({ headline }) => headline)).toEqual(['pread64 on vfio1 after it was unbound']);
  });
});

describe('the sanitizer tells registered memory', () => {
  const register = (name: string): CallRecord => ({
    ...{ ...base, file: '/dev/ioasid', name, input: { vaddr: 0x7000n, size: 0x2000n } },
  });

  it('that was left charged against the lock limit, until it is unregistered', () => {
    const it = watch('leaks');
    it.call(register('IOASID_REGISTER_MEMORY'));
    expect(it.finish().map(({ rule, headline }) => [rule, headline])).toEqual([
      ['leak-locked-memory', '8192 bytes at 0x7000 of process 7 were left charged against its lock limit'],
    ]);
    const clean = watch('leaks');
    clean.call(register('IOASID_REGISTER_MEMORY'));
    clean.call(register('IOASID_UNREGISTER_MEMORY'));
    expect(clean.finish()).toEqual([]);
  });
});
