import { describe, expect, test } from 'vitest';
import { BarImage } from './bar-image.js';

type Told = [offset: number, bytes: number[]][];

function setup() {
  const mapped = new Uint8Array(4096);
  const image = new BarImage('vfio2', 0, 4096, mapped);
  const step = (device: () => void): { into: Told; out: Told } => {
    const [into, out]: [Told, Told] = [[], []];
    image.takeIn((offset, bytes) => into.push([offset, [...bytes]]));
    device();
    image.stored((offset, bytes) => out.push([offset, [...bytes]]));
    return { into, out };
  };
  return { image, mapped, step };
}

describe('an image of a BAR', () => {
  test('takes in what programs stored, once', () => {
    const { image, mapped, step } = setup();
    mapped.set([1, 2, 3], 8);
    expect(step(() => expect(image.view.getUint32(8, true)).toBe(0x030201))).toEqual({
      into: [[8, [1, 2, 3]]],
      out: [],
    });
    expect(step(() => {})).toEqual({ into: [], out: [] });
  });

  test('shows at once what the device stores, and does not take it for a program’s store', () => {
    const { image, mapped, step } = setup();
    expect(step(() => image.view.setUint16(4, 0x1234, true)).out).toEqual([[4, [0x34, 0x12]]]);
    expect([...mapped.subarray(4, 6)]).toEqual([0x34, 0x12]);
    expect(step(() => {})).toEqual({ into: [], out: [] });
  });

  test('does not show the device a store of this very step', () => {
    const { image, mapped, step } = setup();
    step(() => {
      mapped[0] = 5;
      expect(image.view.getUint8(0)).toBe(0);
    });
    expect(step(() => expect(image.view.getUint8(0)).toBe(5)).into).toEqual([[0, [5]]]);
  });

  test('leaves a store alone that a program makes beside the device’s', () => {
    const { image, mapped, step } = setup();
    step(() => {
      image.view.setUint16(0, 0x1234, true);
      mapped[2] = 7;
    });
    expect([...mapped.subarray(0, 4)]).toEqual([0x34, 0x12, 7, 0]);
    expect(step(() => {}).into).toEqual([[2, [7]]]);
  });

  test('shows stores of every width', () => {
    const { image, mapped } = setup();
    const { view } = image;
    view.setInt8(0, -1);
    view.setUint8(1, 2);
    view.setInt16(2, -3, true);
    view.setUint16(4, 4);
    view.setInt32(8, -5, true);
    view.setUint32(12, 6, true);
    view.setFloat32(16, 1.5, true);
    view.setFloat64(24, 2.5, true);
    view.setBigInt64(32, -7n, true);
    view.setBigUint64(40, 8n, true);
    image.write(48, new Uint8Array([9, 10]));
    const seen = new Uint8Array(4096);
    image.read(0, seen);
    expect(mapped).toEqual(seen);
    expect(new DataView(mapped.buffer).getBigInt64(32, true)).toBe(-7n);
    expect([...mapped.subarray(48, 50)]).toEqual([9, 10]);
  });
});
