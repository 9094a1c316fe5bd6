/** Every example runs: the library's in this process, the C programs on the virtual kernel. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { compile, exec, root } from './run.js';

const SHARED = ['driver.ts', 'page-table.ts'];
const files = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.ts') && !SHARED.includes(name));

describe('examples of the library', () => {
  test('there is one for each use case of the proposal, and four of /dev/iommu', () => expect(files).toHaveLength(12));

  test.each(files)('%s', async (name) => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    await import(join(root, 'examples', name));
    expect(log).toHaveBeenCalledOnce();
    log.mockRestore();
  });
});

describe('examples in C', () => {
  test('demand-paging.c: a handler thread maps pages when the device asks', () => {
    const { status, stdout, stderr } = exec([compile('examples/demand-paging.c')]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('"mapped when the device asked for it", 17 pages of 64');
    expect(stdout).toContain('aborted');
  });
});
