import { describe, expect, test } from 'vitest';
import { KVM_DEVICE_IOCTLS, KVM_IOCTLS, KVM_VM_IOCTLS } from '../../abi/kvm.js';
import { buildFilter } from './filter.js';
import { type Architecture, hostArchitecture, type SyscallName } from './syscalls.js';

/** What the filter says of a call. */
type Verdict = 'allow' | 'notify' | 'ENOSYS';
const VERDICTS: Readonly<Record<number, Verdict>> = { 2147418112: 'allow', 2143289344: 'notify', 327718: 'ENOSYS' };

/**
 * Runs a classic BPF program over a struct seccomp_data (linux/filter.h, linux/seccomp.h), as the kernel does: jumps are
 * relative and forward, arithmetic is of 32 bits without sign. An instruction that it does not know is an error.
 */
function run(program: Uint8Array, data: DataView): Verdict {
  const code = new DataView(program.buffer);
  let accumulator = 0;
  for (let at = 0; at < program.length; at += 8) {
    const value = code.getUint32(at + 4, true);
    const jump = (taken: boolean): void => {
      at += 8 * code.getUint8(at + (taken ? 2 : 3));
    };
    switch (code.getUint16(at, true)) {
      case 0x20:
        accumulator = data.getUint32(value, true);
        break;
      case 0x54:
        accumulator = (accumulator & value) >>> 0;
        break;
      case 0x15:
        jump(accumulator === value);
        break;
      case 0x35:
        jump(accumulator >= value);
        break;
      case 0x45:
        jump((accumulator & value) !== 0);
        break;
      case 0x06: {
        const verdict = VERDICTS[value];
        if (!verdict) throw new Error(`the filter returns 0x${value.toString(16)}`);
        return verdict;
      }
      default:
        throw new Error(`instruction 0x${code.getUint16(at, true).toString(16)}`);
    }
  }
  throw new Error('the filter runs over its end');
}

const host = hostArchitecture();
const FIRST_DRIVEN = 512;
const PLAIN = { ioUring: false, largeBar0: false, hostKvm: false, firstDriven: FIRST_DRIVEN };

function verdict(
  call: SyscallName | number,
  args: readonly (number | bigint)[] = [],
  { ioUring = false, largeBar0 = false, hostKvm = false, audit = host.audit, architecture = host as Architecture } = {},
): Verdict {
  const data = new DataView(new ArrayBuffer(64));
  const nr = typeof call === 'number' ? call : architecture.numbers[call];
  if (nr === undefined) throw new Error(`${call} has no number here`);
  data.setUint32(0, nr, true);
  data.setUint32(4, audit, true);
  for (const [i, arg] of args.entries()) data.setBigUint64(16 + i * 8, BigInt.asUintN(64, BigInt(arg)), true);
  return run(buildFilter(architecture, { ioUring, largeBar0, hostKvm, firstDriven: FIRST_DRIVEN }), data);
}

describe('the seccomp filter', () => {
  test('lets the calls of another architecture pass, whatever their number', () => {
    expect(verdict('openat', [], { audit: 0x40000003 })).toBe('allow');
  });

  test.each<SyscallName>(['openat', 'newfstatat', 'statx', 'execve', 'readlinkat', 'fchmodat', 'getcwd', 'renameat2'])(
    'hands %s over',
    (name) => expect(verdict(name)).toBe('notify'),
  );

  test('hands over no call that it does not name', () => {
    const named = new Set(Object.values(host.numbers));
    const others = Array.from({ length: 600 }, (_, nr) => nr).filter((nr) => !named.has(nr));
    expect(others.filter((nr) => verdict(nr) !== 'allow')).toEqual([]);
  });

  test.each([
    [0x3b64, 'notify', 'VFIO, /dev/ioasid and /dev/iommu'],
    [0xae01, 'notify', 'KVM'],
    [0xc0103b90, 'notify', 'a typed number'],
    [0x5401, 'allow', 'a terminal’s'],
    [0x003b, 'allow', 'the type in the wrong byte'],
  ] as const)('looks at the type byte of an ioctl: 0x%s is %s (%s)', (request, wanted, _) => {
    expect(verdict('ioctl', [3, request])).toBe(wanted);
  });

  test.each([
    ['a file, shared', 1, 'notify'],
    ['a file, private', 2, 'notify'],
    ['no file', 0x22, 'allow'],
    ['a library', 0x802, 'allow'],
  ] as const)('hands mmap over for %s', (_, flags, wanted) => {
    expect(verdict('mmap', [0, 4096, 3, flags, 3, 0])).toBe(wanted);
  });

  test.each<SyscallName>(['read', 'write', 'readv', 'writev', 'fcntl', 'lseek', 'getdents64', 'dup'])(
    'hands %s over for driven descriptors only: from the first one on, and no negative one',
    (name) => {
      expect([FIRST_DRIVEN - 1, FIRST_DRIVEN, 0x7fff_ffff, -1, -100].map((fd) => verdict(name, [fd]))).toEqual([
        'allow',
        'notify',
        'notify',
        'allow',
        'allow',
      ]);
    },
  );

  test.each([
    ['sendfile', 1],
    ['tee', 1],
    ['splice', 2],
  ] as const)('hands %s over if one of its two descriptors is driven', (name, second) => {
    const between = (from: number, to: number): string =>
      verdict(name, second === 1 ? [from, to] : [from, 1 << 20, to]);
    expect([between(3, 4), between(FIRST_DRIVEN, 4), between(3, FIRST_DRIVEN)]).toEqual(['allow', 'notify', 'notify']);
  });

  test.each<SyscallName>(['pread64', 'pwrite64'])(
    'hands %s over at offsets of regions: BAR0, and 2^40 and up',
    (name) => {
      const offsets = [0n, 0xffffn, 0x10000n, 0xffff_ffffn, 1n << 32n, (1n << 40n) - 1n, 1n << 40n, 9n << 40n, -1n];
      expect(offsets.map((offset) => verdict(name, [3, 0, 4, offset]))).toEqual([
        ...['notify', 'notify', 'allow', 'allow', 'allow', 'allow', 'notify', 'notify', 'notify'],
      ]);
    },
  );

  test("lets the host's KVM run guests, and hands over what makes a kvm-vfio device and its attributes", () => {
    const run = 0xae80;
    const requests = [run, KVM_IOCTLS.CREATE_VM.request, KVM_VM_IOCTLS.SET_USER_MEMORY_REGION.request];
    const ours = [KVM_VM_IOCTLS.CREATE_DEVICE.request, ...Object.values(KVM_DEVICE_IOCTLS).map((it) => it.request)];
    const verdicts = (hostKvm: boolean) => [...requests, ...ours].map((it) => verdict('ioctl', [3, it], { hostKvm }));
    expect(verdicts(true)).toEqual([...requests.map(() => 'allow'), ...ours.map(() => 'notify')]);
    expect(verdicts(false)).toEqual([...requests, ...ours].map(() => 'notify'));
    expect(verdict('ioctl', [3, 0x3b64], { hostKvm: true })).toBe('notify');
  });

  test('hands every positioned read and write over where a device has a large BAR0', () => {
    const offsets = [0n, 0x10000n, 0xff_ffffn, 1n << 32n, 1n << 40n];
    expect(offsets.map((offset) => verdict('pread64', [3, 0, 4, offset], { largeBar0: true }))).toEqual(
      offsets.map(() => 'notify'),
    );
  });

  test('says that there is no io_uring, unless it is wanted', () => {
    expect([verdict('io_uring_setup'), verdict('io_uring_setup', [], { ioUring: true })]).toEqual(['ENOSYS', 'allow']);
  });

  test('is shorter than the kernel takes, and each jump lands inside', () => {
    const program = buildFilter(host, PLAIN);
    expect(program.length / 8).toBeLessThanOrEqual(4096);
    const code = new DataView(program.buffer);
    for (let at = 0; at < program.length; at += 8) {
      if (code.getUint16(at, true) === 0x06) continue;
      const far = Math.max(code.getUint8(at + 2), code.getUint8(at + 3));
      expect(at + 8 * (far + 1)).toBeLessThan(program.length);
    }
  });

  test('leaves out what an architecture has not, and keeps the rest', () => {
    const { open: _, ...numbers } = host.numbers;
    const architecture: Architecture = { ...host, numbers };
    const without = buildFilter(architecture, PLAIN);
    const full = buildFilter(host, PLAIN);
    expect(full.length - without.length).toBe(host.numbers.open === undefined ? 0 : 8);
    expect(verdict('openat', [], { architecture })).toBe('notify');
  });
});
