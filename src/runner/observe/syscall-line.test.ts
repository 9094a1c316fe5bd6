import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Registers, readRegisters } from './syscall-line.js';

function read(text: string): Registers | undefined {
  const into = { stack: 0, instruction: 0 };
  const line = new Uint8Array(256);
  const bytes = new TextEncoder().encode(text);
  line.set(bytes);
  return readRegisters(line, bytes.length, into) ? into : undefined;
}

test('the last two words of a line are the stack pointer and the instruction', () => {
  const address = fc.integer({ min: 0, max: 2 ** 48 });
  fc.assert(
    fc.property(
      fc.nat(500),
      fc.array(address, { minLength: 6, maxLength: 6 }),
      address,
      address,
      (nr, args, sp, ip) => {
        const words = [...args, sp, ip].map((word) => `0x${word.toString(16)}`);
        expect(read(`${nr} ${words.join(' ')}\n`)).toEqual({ stack: sp, instruction: ip });
      },
    ),
  );
});

test('a thread that waits outside of a call has both too', () => {
  expect(read('-1 0x7ffd0 0x401000\n')).toEqual({ stack: 0x7ffd0, instruction: 0x401000 });
});

test.each(['running\n', '', '\n', '16 0x3', '16 0x 0x3', '16 0xg 0x3', '16 12 0x3', '0x1'])(
  '%j says nothing of them',
  (text) => {
    expect(read(text)).toBeUndefined();
  },
);
