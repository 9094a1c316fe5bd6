/** The C programs of test/programs: one a section of the specification, each covers the errors that it lists. */
import { describe, expect, test } from 'vitest';
import { compile, exec } from './run.js';

const SECTIONS = [
  ['section-1-files', 'Files: open file descriptions, modes, last close'],
  ['section-2-rules', 'Rules for all ioctls; ALLOC, FREE, GET_INFO'],
  ['section-2.1-mapping', 'MAP_DMA, UNMAP_DMA and what devices reach'],
  ['section-2.1-accounting', 'RLIMIT_MEMLOCK, registered memory, accounting roots'],
  ['section-3-vfio', 'Bind, attach, groups, regions'],
  ['section-6-dma-engine', 'The DMA engine'],
  ['hostile', 'Hostile input'],
] as const;

describe('an unmodified C program sees', () => {
  test.each(SECTIONS)('%s: %s', (name) => {
    const { status, stderr } = exec([compile(`test/programs/${name}.c`)]);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  test.each(['mediated', 'one-time', 'sticky'])('section 4 under policy %s', (policy) => {
    const { status, stderr } = exec([compile('test/programs/section-4-authority.c'), policy], ['--authority', policy]);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});
