/**
 * QEMU starts with the IOAT device passed through by vfio-pci, over VFIO's groups and over /dev/iommu, and shows it to its
 * guest. Skipped where QEMU is not installed, or is too old for /dev/iommu (QEMU=FILE names another).
 */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { run } from './run.js';

const QEMU = process.env.QEMU ?? 'qemu-system-x86_64';
/** The first release whose vfio-pci takes an iommufd. */
const IOMMUFD_SINCE = 9;

/** 0: it is not installed. */
const version = Number(
  /version (\d+)\./.exec(spawnSync(QEMU, ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1] ?? 0,
);

const FUNCTION = '0000:06:00.0';

/** QEMU with a paused guest that has the device; it does what QMP says, then ends. Returns its answers. */
function qemu(device: readonly string[], commands: readonly string[], flags: readonly string[] = []) {
  const input = ['qmp_capabilities', ...commands, 'quit'].map((execute) => JSON.stringify({ execute })).join('\n');
  const options = ['-S', '-accel', 'tcg', '-nodefaults', '-display', 'none', '-m', '64', '-qmp', 'stdio', ...device];
  const { status, stdout, stderr } = run(['exec', ...flags, '--', QEMU, ...options], { input: `${input}\n` });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
}

/** What query-pci tells of the function. */
const SHOWN = {
  id: expect.objectContaining({ vendor: 0x8086, device: 0x2021 }),
  class_info: { class: 0x0880 },
  regions: expect.arrayContaining([expect.objectContaining({ bar: 0, size: 16384, mem_type_64: true })]),
};
const answers = (value: unknown) => expect.objectContaining({ return: value });
const bus = answers([expect.objectContaining({ devices: expect.arrayContaining([expect.objectContaining(SHOWN)]) })]);

const ways = [
  { way: 'VFIO’s groups', since: 1, device: ['-device', `vfio-pci,host=${FUNCTION}`] },
  {
    way: '/dev/iommu',
    since: IOMMUFD_SINCE,
    device: ['-object', 'iommufd,id=iommufd0', '-device', `vfio-pci,host=${FUNCTION},iommufd=iommufd0`],
  },
];

describe(`QEMU (found: ${version === 0 ? 'none' : version})`, { timeout: 240_000 }, () => {
  for (const { way, since, device } of ways) {
    describe.skipIf(version < since)(`over ${way} (skipped before QEMU ${since})`, () => {
      test('a guest has the function, with its identity and its BAR', () => {
        expect(qemu(device, ['query-pci'])).toContainEqual(bus);
      });

      test('the guest starts and is reset, has the device as before, and the sanitizer finds nothing wrong', () => {
        const commands = ['cont', 'query-status', 'system_reset', 'stop', 'query-pci'];
        const told = qemu(device, commands, ['--sanitize', 'dma,coherency']);
        expect(told).toContainEqual(answers(expect.objectContaining({ status: 'running' })));
        expect(told).toContainEqual(bus);
        expect(told.filter((it) => typeof it === 'object' && it !== null && 'error' in it)).toEqual([]);
      });
    });
  }

  test.skipIf(version === 0)('a second QEMU is refused the device that the first one has', () => {
    const device = ['-device', `vfio-pci,host=${FUNCTION}`];
    const options = ['-S', '-nodefaults', '-display', 'none', '-m', '64'];
    const both = ['-device', `vfio-pci,host=${FUNCTION}`];
    const { status, stderr } = run(['exec', '--', QEMU, ...options, ...device, ...both]);
    expect(stderr).toContain('is already attached');
    expect(status).toBe(1);
  });
});
