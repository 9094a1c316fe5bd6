import { describe, expect, test } from 'vitest';
import { io, ioc } from './ioctl.js';
import { decodeStruct, sizeThrough, struct } from './layout.js';

const layout = struct('sample', { a: 'u8', b: 'u32', c: 'u16', d: 'u64', e: 's32', list: 'u16[3]', rest: 'u8[]' });

describe('a struct by the rules of C', () => {
  test('has each field at a multiple of its width, and a size that is a multiple of the widest', () => {
    expect(layout.offset).toEqual({ a: 0, b: 4, c: 8, d: 16, e: 24, list: 28, rest: 34 });
    expect([layout.size, layout.align]).toEqual([40, 8]);
  });

  test('reads and writes little-endian integers, also at a base; a value is taken modulo its width', () => {
    const view = new DataView(new ArrayBuffer(2 * layout.size));
    layout.set.b(view, 0x1_2345_6789, layout.size);
    layout.set.e(view, -2, layout.size);
    layout.set.d(view, (1n << 64n) + 5n, layout.size);
    expect([layout.get.b(view, 40), layout.get.e(view, 40), layout.get.d(view, 40)]).toEqual([0x23456789, -2, 5n]);
    expect([view.getUint8(44), view.getUint8(47), layout.get.b(view)]).toEqual([0x89, 0x23, 0]);
  });

  test('has elements of arrays side by side', () => {
    const view = new DataView(new ArrayBuffer(48));
    layout.setItem.list(view, 2, 0xbeef);
    layout.setItem.rest(view, 3, 7);
    expect([view.getUint16(32, true), layout.item.list(view, 2), view.getUint8(37), layout.item.rest(view, 3)]).toEqual(
      [...[0xbeef, 0xbeef, 7, 7]],
    );
  });

  test('is as long as its last required field, which must be one of its own', () => {
    expect([sizeThrough(layout, 'b'), sizeThrough(layout, 'list')]).toEqual([8, 34]);
    expect(() => sizeThrough(layout, 'z')).toThrow(RangeError);
  });

  test('is told field by field, as far as there are bytes', () => {
    const view = new DataView(new ArrayBuffer(layout.size));
    layout.set.c(view, 9);
    expect(decodeStruct(layout, view)).toEqual({ a: 0, b: 0, c: 9, d: 0n, e: 0 });
    expect(decodeStruct(layout, view, 20)).toEqual({ a: 0, b: 0, c: 9 });
  });
});

test('numbers of ioctls are those of asm-generic/ioctl.h', () => {
  // KVM_CREATE_VM; KVM_CREATE_DEVICE, a struct of 12 bytes both ways; KVM_SET_DEVICE_ATTR, 24 bytes in.
  expect([io(0xae, 1), ioc(3, 0xae, 0xe0, 12), ioc(1, 0xae, 0xe1, 24)]).toEqual([0xae01, 0xc00caee0, 0x4018aee1]);
});
