/** examples/faulty: the sanitizer finds each fault, at its place, and nothing in the corrected twins; so does the torture. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from 'sarif';
import { describe, expect, it } from 'vitest';
import { compile, exec, root, run, workDirectory } from './run.js';

const TORTURED = 'unchecked-return';
const names = readdirSync(join(root, 'examples/faulty'))
  .filter((file) => file.endsWith('.c'))
  .map((file) => file.slice(0, -2))
  .filter((name) => name !== TORTURED);

/** The same drivers of /dev/iommu and of containers, and those that cannot be. */
const OTHERS = [
  { define: '-DIOMMUFD', but: ['leak-locked-memory'], why: 'only /dev/ioasid registers memory' },
  {
    define: '-DCONTAINER',
    but: ['leak-locked-memory', 'dma-blocked'],
    why: 'no memory is registered, and a device cannot be opened before its group is attached',
  },
] as const;
const others = OTHERS.flatMap(({ define, but }) =>
  names.filter((name) => !but.some((each) => each === name)).map((name) => ({ name, define })),
);

/** Compiled apart from the faulty one, which `compile` remembers by its source. */
const twin = (name: string): string => build(name, ['-DFIXED']);

function build(name: string, defines: readonly string[]): string {
  const program = join(workDirectory, `faulty-${name}${defines.join('')}`);
  const include = ['-I', workDirectory];
  const source = join(root, `examples/faulty/${name}.c`);
  const { status, stderr } = spawnSync(
    'gcc',
    ['-O1', '-Wall', '-Wextra', '-Werror', ...defines, ...include, '-o', program, source],
    {
      encoding: 'utf8',
    },
  );
  expect(status, stderr).toBe(0);
  return program;
}
/** The line of the source at an offset of the program that a report names. */
function functionsAt(program: string, report: string): string[] {
  return [...report.matchAll(/by process \d+ at (\S+)\+(0x[0-9a-f]+)/g)]
    .filter(([, object]) => object === program)
    .map(([, , offset]) => spawnSync('addr2line', ['-f', '-e', program, String(offset)], { encoding: 'utf8' }).stdout);
}

describe('exec --sanitize dma,leaks', () => {
  it.each(names)('%s is found, and its twin is clean', (name) => {
    const faulty = exec([compile(`examples/faulty/${name}.c`, ['-g'])], ['--sanitize', 'dma,leaks']);
    expect(faulty.stderr).toContain(`ERROR: ${name}: `);
    expect(faulty.status).toBe(99);
    const fixed = exec([twin(name)], ['--sanitize', 'dma,leaks']);
    expect(fixed.stderr).toBe('');
    expect(fixed.status).toBe(0);
  });

  it.each(others)('$name with $define is found, and its twin is clean', ({ name, define }) => {
    const program = build(name, [define, '-g']);
    const faulty = exec([program], ['--sanitize', 'dma,leaks']);
    expect(faulty.stderr).toContain(`ERROR: ${name}: `);
    expect(faulty.status).toBe(99);
    // Each is told with its place in the program, also where the device was opened through its group.
    expect(functionsAt(program, faulty.stderr).length).toBeGreaterThan(0);
    const fixed = exec([build(name, [define, '-DFIXED'])], ['--sanitize', 'dma,leaks']);
    expect(fixed).toMatchObject({ status: 0, stderr: '' });
  });

  it('tells where in the program, not where in libc', () => {
    const program = compile('examples/faulty/dma-use-after-unmap.c', ['-g']);
    const { stderr } = exec([program], ['--sanitize', 'dma']);
    expect(functionsAt(program, stderr).length).toBeGreaterThanOrEqual(2);
    for (const at of functionsAt(program, stderr)) expect(at).toMatch(/main|run|map|set_register/);
  });

  it('ends with the status that was asked for, and 0 leaves the program’s', () => {
    const program = compile('examples/faulty/dma-blocked.c', ['-g']);
    expect(exec([program], ['--sanitize', 'dma', '--sanitize-exit', '7']).status).toBe(7);
    expect(exec([program], ['--sanitize', 'dma', '--sanitize-exit', '0']).status).toBe(0);
  });

  it('says nothing of what a suppressions file names, and writes SARIF of the rest', () => {
    const program = compile('examples/faulty/dma-blocked.c', ['-g']);
    const [suppressions, sarif] = [join(workDirectory, 'suppressions'), join(workDirectory, 'found.sarif')];
    writeFileSync(suppressions, 'dma-blocked:vfio2\n');
    const flags = ['--sanitize', 'dma', '--sarif', sarif];
    expect(exec([program], [...flags, '--suppressions', suppressions])).toMatchObject({ status: 0, stderr: '' });
    expect((JSON.parse(readFileSync(sarif, 'utf8')) as Log).runs[0]?.results).toEqual([]);
    expect(exec([program], flags).status).toBe(99);
    expect((JSON.parse(readFileSync(sarif, 'utf8')) as Log).runs[0]?.results).toHaveLength(1);
  });

  it('refuses a name it does not know before anything runs', () => {
    const { status, stderr } = exec(['true'], ['--sanitize', 'dma,address']);
    expect(stderr).toBe("ioasid: no sanitizer 'address'; there are: dma, coherency, leaks\n");
    expect(status).toBe(125);
  });

  it('coherency: stale data is a finding', () => {
    const { status, stderr } = exec([compile('examples/forgotten-flush.c')], ['--sanitize', 'coherency']);
    expect(stderr).toContain('ERROR: stale-data: ');
    expect(status).toBe(99);
  });
});

describe('ioasid torture', () => {
  const KINDS = [
    { define: '-DIOASID', mapping: 'IOASID_MAP_DMA' },
    { define: '-DIOMMUFD', mapping: 'IOMMU_IOAS_MAP' },
    { define: '-DCONTAINER', mapping: 'VFIO_IOMMU_MAP_DMA' },
  ];

  it.each(KINDS)(
    'finds the returns that are not checked, $mapping and a doorbell, and none in the corrected twin',
    ({ define, mapping }) => {
      const verify = 'grep -qx done {}/result';
      const tortured = run(['torture', '--verify', verify, '--json', '--', build(TORTURED, [define]), '{}/result'], {
        timeout: 400_000,
      });
      expect(tortured.status, tortured.stderr).toBe(1);
      const { results } = JSON.parse(tortured.stdout) as { results: { told: string; verdict: string }[] };
      const of = (verdict: string) => results.filter((it) => it.verdict === verdict).map(({ told }) => told);
      expect(of('crashes').some((told) => told.includes(mapping))).toBe(true);
      expect(of('lies').length).toBeGreaterThan(0);
      const fixed = run(['torture', '--verify', verify, '--', build(TORTURED, [define, '-DFIXED']), '{}/result'], {
        timeout: 400_000,
      });
      expect(fixed.stdout).not.toMatch(/crashes|hangs|lies/);
      expect(fixed.status).toBe(0);
    },
    900_000,
  );
});
