/** The C programs of test/programs: one a section of the specification, each covers the errors that it lists. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DEFAULT_MACHINE } from '../src/machine/file/default-machine.js';
import { compile, exec, workDirectory } from './run.js';

const SECTIONS = [
  ['section-1-files', 'Files: open file descriptions, modes, last close'],
  ['section-2-rules', 'Rules for all ioctls; ALLOC, FREE, GET_INFO'],
  ['section-2.1-mapping', 'MAP_DMA, UNMAP_DMA and what devices reach'],
  ['section-2.1-accounting', 'RLIMIT_MEMLOCK, registered memory, accounting roots'],
  ['section-2.2-nesting', 'Page tables and PASID tables in memory, the IOTLB'],
  ['section-2.3-faults', 'Page faults and events'],
  ['section-2.3-dirty', 'Dirty tracking'],
  ['section-3.4-pasid', 'PASIDs, ENQCMD'],
  ['section-3-interrupts', 'MSI-X by eventfd'],
  ['section-4-kvm', 'Memory slots, guest loads and stores'],
  ['section-3-vfio', 'Bind, attach, groups, regions'],
  ['section-6-dma-engine', 'The DMA engine'],
  ['driven', 'Driven descriptors: fault and event queues'],
  ['iommufd-objects', '/dev/iommu: entry rules, ids, lifetime'],
  ['iommufd-ioas', '/dev/iommu: areas, ranges, alignment, options'],
  ['iommufd-pins', '/dev/iommu: pins, accounting, processes that end'],
  ['iommufd-devices', '/dev/iommu: bind, attach, HWPTs, dirty tracking, nesting, faults'],
  ['iommufd-queues', '/dev/iommu: fault queues, virtual IOMMUs, mmap'],
  ['iommufd-compat', '/dev/iommu: the ioctls of VFIO containers'],
  ['main-thread-ends', 'A process whose first thread has ended'],
  ['hostile', 'Hostile input'],
  ['other-ways', 'Descriptors that arrive, or are used, by ways other than open and read'],
  ['crowds', 'A thousand threads, storms of vfork and exec, execveat, close_range'],
] as const;

describe('an unmodified C program sees', () => {
  test.each(SECTIONS)('%s: %s', (name) => {
    const { status, stderr } = exec([compile(`test/programs/${name}.c`)]);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  test('section 2.3: a page request that is not answered in time', () => {
    const machine = join(workDirectory, 'impatient.yaml');
    writeFileSync(machine, DEFAULT_MACHINE.replace('fault-timeout: 10s', 'fault-timeout: 100ms'));
    const { status, stderr } = exec([compile('test/programs/section-2.3-faults.c'), 'timeout'], ['--machine', machine]);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  test('/dev/iommu: virtual IOMMUs, their devices, events and queues, with the mock IOMMU', () => {
    const { status, stderr } = exec([compile('test/programs/iommufd-viommu.c')], ['--selftest']);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  test.each(['linux', 'mediated', 'notifier'])('/dev/iommu: coherency and KVM under policy %s', (policy) => {
    const { status, stderr } = exec([compile('test/programs/iommufd-kvm.c'), policy], ['--authority', policy]);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  test.each(['mediated', 'one-time', 'sticky'])('section 4 under policy %s', (policy) => {
    const { status, stderr } = exec([compile('test/programs/section-4-authority.c'), policy], ['--authority', policy]);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});
