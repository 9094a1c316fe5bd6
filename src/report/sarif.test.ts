import type { Log } from 'sarif';
import { describe, expect, it } from 'vitest';
import { annotateFindings, annotateSuites } from './annotations.js';
import type { Finding } from './finding.js';
import { formatSarif } from './sarif.js';

const finding: Finding = {
  rule: 'dma-use-after-unmap',
  headline: 'vfio1 wrote 64 bytes at iova 0x1000, which is not mapped any more',
  facts: ['address space: IOASID 1 of context 1'],
  history: ['mapped by process 7', 'unmapped by process 7'],
  hint: 'wait for the device before you unmap',
  pid: 7,
  position: { object: '/usr/bin/my driver', offset: 0x1234n },
  count: 3,
};
const rules = [{ id: 'dma-use-after-unmap', description: 'DMA to an address that was unmapped' }];

describe('SARIF 2.1.0', () => {
  it('has one result a finding, with its rule, its place and a fingerprint without process ids', () => {
    const log: Log = JSON.parse(formatSarif('1.2.3', rules, [finding]));
    expect(log.version).toBe('2.1.0');
    const [run] = log.runs;
    expect(run?.tool.driver).toMatchObject({ name: 'ioasid', version: '1.2.3' });
    expect(run?.results).toHaveLength(1);
    expect(run?.results?.[0]).toMatchObject({
      ruleId: 'dma-use-after-unmap',
      ruleIndex: 0,
      level: 'error',
      occurrenceCount: 3,
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: '/usr/bin/my%20driver' },
            address: { relativeAddress: 0x1234, kind: 'instruction' },
          },
        },
      ],
      partialFingerprints: { 'ioasid/v1': 'dma-use-after-unmap:/usr/bin/my driver+4660' },
    });
    expect(run?.results?.[0]?.message.text).toContain('hint: wait for the device');
  });

  it('says which rules were looked for when nothing was found', () => {
    const log: Log = JSON.parse(formatSarif('1.2.3', rules, []));
    expect(log.runs[0]?.results).toEqual([]);
    expect(log.runs[0]?.tool.driver.rules?.map(({ id }) => id)).toEqual(['dma-use-after-unmap']);
  });

  it('refuses a finding of an unknown rule', () => {
    expect(() => formatSarif('1', [], [finding])).toThrow("no rule 'dma-use-after-unmap'");
  });
});

describe('annotations of GitHub Actions', () => {
  it('are one line each, percent-encoded', () => {
    const text = annotateFindings([finding]);
    expect(text.trimEnd()).not.toContain('\n');
    expect(text).toMatch(/^::error title=ioasid%3A dma-use-after-unmap::==7==ERROR: /);
    expect(text).toContain('%0A');
  });

  it('are made for failed cases only', () => {
    const cases = [
      { name: 'a', outcome: 'pass' },
      { name: 'b, c', outcome: 'fail', reason: '100 %' },
    ] as const;
    expect(annotateSuites([{ name: 's', cases }])).toBe('::error title=s%3A b%2C c::100 %25\n');
  });
});
