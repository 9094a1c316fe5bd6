import { describe, expect, test } from 'vitest';
import { Errno } from '../../abi/errno.js';
import { ours } from '../../abi/ioctl.js';
import { struct } from '../../abi/layout.js';
import { VirtualKernel } from '../kernel.js';
import { Process } from '../process.js';
import { ARGSZ, type Convention, FIXED_SIZE, IOMMUFD_SIZE } from './convention.js';
import { IoctlTable, Rows, type StructRules } from './ioctl.js';
import { OpenFile } from './open-file.js';

const layout = struct('sample', {
  argsz: 'u32',
  flags: 'u32',
  value: 'u32',
  resv: 'u32',
  answer: 'u64',
  list: 'u16[3]',
});
type Fields = { argsz: 'u32'; flags: 'u32'; value: 'u32'; resv: 'u32'; answer: 'u64'; list: 'u16[3]' };
type Sample = StructRules<string[], Fields>;
const IOCTL = ours('SAMPLE', 0x3b, 0x90, layout);

/** A process with a file of one ioctl, and room for its argument at the end of a page. */
function setup(convention: Convention, rules: Partial<Sample>) {
  const calls: string[] = [];
  const rows = new Rows<string[]>(convention);
  const table = new IoctlTable<string[]>('a sample', [
    rows.struct(IOCTL, {
      run(log, args) {
        log.push(`value ${args.value}`);
        args.answer = 0x1122334455667788n;
        return 0;
      },
      ...rules,
    }),
  ]);
  const process = new Process(new VirtualKernel(), () => 1);
  const fd = process.install(
    new OpenFile(calls, {
      name: () => 'a sample',
      ioctl: (log, caller, request, argument) => table.dispatch(log, caller, request, argument),
    }),
    0,
  );
  const page = process.memory.mmap(4096);
  /** Puts the first `size` bytes of the fields at the end of the page. */
  const place = (fields: Partial<Record<'argsz' | 'flags' | 'value' | 'resv', number>>, size: number): bigint => {
    const view = new DataView(new ArrayBuffer(layout.size));
    for (const [name, value] of Object.entries(fields))
      layout.set[name as 'argsz' | 'flags' | 'value' | 'resv'](view, value);
    const at = page + 4096n - BigInt(size);
    process.memory.write(at, new Uint8Array(view.buffer).subarray(0, Math.min(size, layout.size)));
    return at;
  };
  const call = (address: bigint, request = IOCTL.request): string => {
    try {
      return String(process.ioctl(fd, request, address));
    } catch (error) {
      if (error instanceof Errno) return error.code;
      throw error;
    }
  };
  const read = (address: bigint, size: number): Uint8Array => {
    const bytes = new Uint8Array(size);
    process.memory.read(address, bytes);
    return bytes;
  };
  return { calls, place, call, read, process, page };
}

describe('ARGSZ, the convention of VFIO and /dev/ioasid', () => {
  test('argsz below the least size is EINVAL, a struct that ends before argsz EFAULT', () => {
    const { place, call } = setup(ARGSZ, { through: 'value' });
    expect(call(place({ argsz: 11 }, 32))).toBe('EINVAL');
    expect(call(place({ argsz: 12 }, 12))).toBe('0');
    expect(call(place({ argsz: 32 }, 12))).toBe('EFAULT');
    expect(call(0n)).toBe('EFAULT');
  });

  test('a longer argsz is taken; its tail is not looked at', () => {
    const { place, call } = setup(ARGSZ, {});
    expect(call(place({ argsz: 4000 }, 32))).toBe('0');
  });

  test('no more than argsz bytes are written back', () => {
    const { place, call, read } = setup(ARGSZ, { through: 'value', out: true });
    const at = place({ argsz: 20, value: 7 }, 32);
    expect(call(at)).toBe('0');
    expect([...read(at + 16n, 8)]).toEqual([0x88, 0x77, 0x66, 0x55, 0, 0, 0, 0]);
  });

  test('an unknown flag comes before a reserved field, both EINVAL, and the handler does not run', () => {
    const { place, call, calls } = setup(ARGSZ, { flags: 1 });
    expect(call(place({ argsz: 32, flags: 3 }, 32))).toBe('EINVAL');
    expect(call(place({ argsz: 32, flags: 1, resv: 1 }, 32))).toBe('EINVAL');
    expect(calls).toEqual([]);
  });
});

describe('IOMMUFD_SIZE', () => {
  test('a request with the number and other bits is ENOTTY, after a bad pointer, before the size', () => {
    const { place, call } = setup(IOMMUFD_SIZE, {});
    const typed = (IOCTL.request | (3 << 30)) >>> 0;
    expect(call(place({ argsz: 1 }, 32), typed)).toBe('ENOTTY');
    expect(call(0n, typed)).toBe('EFAULT');
    expect(call(place({ argsz: 1 }, 32))).toBe('EINVAL');
  });

  test('a longer struct with a zero tail is as the known one; else E2BIG; an unreadable tail EFAULT', () => {
    const { place, call, process } = setup(IOMMUFD_SIZE, {});
    const at = place({ argsz: 40 }, 40);
    expect(call(at)).toBe('0');
    process.memory.write(at + 39n, new Uint8Array([1]));
    expect(call(at)).toBe('E2BIG');
    expect(call(place({ argsz: 48 }, 32))).toBe('EFAULT');
  });

  test('a shorter struct is filled with zeroes, and min(size, known) bytes are written back', () => {
    const { place, call, read, calls } = setup(IOMMUFD_SIZE, { through: 'flags', out: true });
    const at = place({ argsz: 8, value: 9 }, 32);
    expect(call(at)).toBe('0');
    expect(calls).toEqual(['value 0']);
    expect([...read(at + 8n, 4)]).toEqual([9, 0, 0, 0]);
  });

  test('unknown flags and reserved fields are EOPNOTSUPP', () => {
    const { place, call } = setup(IOMMUFD_SIZE, { flags: 0, reserved: ['resv', 'list'] });
    expect(call(place({ argsz: 32, flags: 1 }, 32))).toBe('EOPNOTSUPP');
    expect(call(place({ argsz: 32, resv: 1 }, 32))).toBe('EOPNOTSUPP');
  });

  test('a field alone is written back, and the struct after an error that says so', () => {
    const one = setup(IOMMUFD_SIZE, { out: 'answer' });
    const at = one.place({ argsz: 32, value: 5 }, 32);
    expect(one.call(at)).toBe('0');
    expect([...one.read(at + 16n, 2)]).toEqual([0x88, 0x77]);
    const two = setup(IOMMUFD_SIZE, {
      out: true,
      outOnError: ({ code }) => code === 'EMSGSIZE',
      run(_log, args) {
        args.value = 77;
        throw new Errno('EMSGSIZE', 'too small');
      },
    });
    const there = two.place({ argsz: 32 }, 32);
    expect(two.call(there)).toBe('EMSGSIZE');
    expect(two.read(there + 8n, 1)[0]).toBe(77);
  });

  test('an answer that cannot be written is EFAULT, and what the call made is taken back', () => {
    const undone: number[] = [];
    const { place, call, process, page } = setup(IOMMUFD_SIZE, {
      out: true,
      run(_log, args) {
        args.value = 3;
        process.memory.munmap(page, 4096n);
        return 0;
      },
      undo: (_log, { value }) => undone.push(value),
    });
    expect(call(place({ argsz: 32 }, 32))).toBe('EFAULT');
    expect(undone).toEqual([3]);
  });
});

describe('FIXED_SIZE, the convention of KVM', () => {
  test('the whole struct is read, and its first word is an ordinary field', () => {
    const { place, call } = setup(FIXED_SIZE, {});
    expect(call(place({ argsz: 1 }, 32))).toBe('0');
    expect(call(place({ argsz: 1 }, 31))).toBe('EFAULT');
  });
});

describe('every convention', () => {
  test('a NULL pointer is all zeroes where the argument is optional', () => {
    const { call, calls } = setup(ARGSZ, { optional: true });
    expect(call(0n)).toBe('0');
    expect(calls).toEqual(['value 0']);
  });

  test('a call that cannot be undone is not begun if its answer cannot be written', () => {
    const { place, call, calls, process, page } = setup(ARGSZ, { probe: true });
    const at = place({ argsz: 32 }, 32);
    const bytes = new Uint8Array(4096);
    process.memory.read(page, bytes);
    process.memory.mmap(4096, { at: page, writable: false });
    expect(call(at)).not.toBe('0');
    expect(calls).toEqual([]);
  });

  test('a table refuses a struct that does not fit its buffer, an unknown field, and a number twice', () => {
    const rows = new Rows<string[]>(ARGSZ);
    const large = ours('LARGE', 0x3b, 1, struct('large', { argsz: 'u32', rest: 'u8[1000]' }));
    expect(() => rows.struct(large, { run: () => 0 })).toThrow(RangeError);
    const row = rows.struct(IOCTL, { run: () => 0 });
    expect(() => new IoctlTable('twice', [row, row])).toThrow(RangeError);
  });
});
