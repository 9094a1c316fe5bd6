import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { numberOf } from '../seccomp/syscalls.js';
import { Registers, registerLayout } from './registers.js';
import { Tracee } from './tracee.js';

/** Runs something while a real thread stands still in its sleep. */
async function withSleeper(look: (tid: number, tracee: Tracee) => void): Promise<void> {
  const child = spawn('sleep', ['30']);
  const tid = child.pid ?? 0;
  await expect.poll(() => readFileSync(`/proc/${tid}/syscall`, 'latin1')).toMatch(/^\d+ 0x/);
  try {
    const tracee = new Tracee(tid);
    expect(tracee.seize() && tracee.stopped()).toBe(true);
    look(tid, tracee);
    tracee.leave();
  } finally {
    child.kill('SIGKILL');
  }
}

test('number, arguments and instruction of a call are those that /proc tells', async () => {
  await withSleeper((tid) => {
    const registers = new Registers(tid);
    expect(registers.load()).toBe(true);
    const told = readFileSync(`/proc/${tid}/syscall`, 'latin1').trim().split(' ').map(BigInt);
    expect(BigInt(registers.nr)).toBe(told[0]);
    expect([1, 2, 3, 4, 5].map((i) => registers.argument(i))).toEqual(told.slice(2, 7));
    expect(registers.instruction).toBe(told[8]);
  });
});

test('a thread makes a call in our place, and then sleeps on', async () => {
  await withSleeper((tid, tracee) => {
    const before = new Registers(tid);
    before.load();
    expect(tracee.call(numberOf('gettid'), 0)).toBe(BigInt(tid));
    const after = new Registers(tid);
    after.load();
    expect(after.save()).toEqual(before.save());
  });
});

test('registers of a thread that runs cannot be had', () => {
  expect(new Registers(process.pid).load()).toBe(false);
});

test('an architecture that is not known is named', () => {
  expect(() => registerLayout('riscv64')).toThrow('threads are traced on x64 and arm64, not on riscv64');
});

test('arm64 has its registers where struct user_pt_regs has them', () => {
  const { size, instruction, result, number, arguments: places, call } = registerLayout('arm64');
  // regs[31], sp, pc, pstate.
  expect({ size, instruction, result, number }).toEqual({
    size: 34 * 8,
    instruction: 32 * 8,
    result: 0,
    number: 8 * 8,
  });
  expect(places).toEqual([0, 1, 2, 3, 4, 5].map((i) => i * 8));
  expect(new DataView(Uint8Array.from(call).buffer).getUint32(0, true)).toBe(0xd4000001);
});
