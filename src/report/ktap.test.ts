import { describe, expect, it } from 'vitest';
import { formatKtap } from './ktap.js';

const suites = [
  {
    name: 'iommufd',
    cases: [
      { name: 'global.simple_attach', outcome: 'pass' },
      { name: 'global.#hash', outcome: 'fail', reason: 'EINVAL', detail: ['line 1\nline 2'] },
      { name: 'global.hugetlb', outcome: 'skip', reason: 'no huge pages # of 1 GiB' },
    ],
  },
  { name: 'empty', cases: [] },
] as const;

/** Reads a level of KTAP by the rules of Documentation/dev-tools/ktap.rst. Returns the results. */
function parse(
  lines: readonly string[],
  indent: number,
): { ok: boolean; name: string; directive: string | undefined }[] {
  const own = lines.filter((line) => /^ */.exec(line)?.[0].length === indent).map((line) => line.slice(indent));
  expect(own[0]).toBe('KTAP version 1');
  const planned = Number(/^1\.\.(\d+)$/.exec(own[1] ?? '')?.[1]);
  const results = own.slice(2).filter((line) => !line.startsWith('#'));
  expect(results).toHaveLength(planned);
  return results.map((line, i) => {
    const match = /^(not ok|ok) (\d+) ([^#]*?)(?: # (.*))?$/.exec(line);
    expect(Number(match?.[2])).toBe(i + 1);
    return { ok: match?.[1] === 'ok', name: match?.[3] ?? '', directive: match?.[4] };
  });
}

describe('KTAP', () => {
  const lines = formatKtap(suites).trimEnd().split('\n');

  it('has one result a suite; a suite fails with any of its cases, and is skipped when nothing ran', () => {
    expect(parse(lines, 0)).toEqual([
      { ok: false, name: 'iommufd', directive: undefined },
      { ok: true, name: 'empty', directive: 'SKIP nothing ran' },
    ]);
  });

  it('has the cases as subtests, and no # in a description but that of the directive', () => {
    const until = lines.indexOf('not ok 1 iommufd');
    expect(parse(lines.slice(2, until), 2)).toEqual([
      { ok: true, name: 'global.simple_attach', directive: undefined },
      { ok: false, name: 'global.hash', directive: undefined },
      { ok: true, name: 'global.hugetlb', directive: 'SKIP no huge pages of 1 GiB' },
    ]);
  });

  it('tells why as diagnostic lines before the result', () => {
    const at = lines.indexOf('  not ok 2 global.hash');
    expect(lines.slice(at - 3, at)).toEqual(['  # EINVAL', '  # line 1', '  # line 2']);
  });
});
