/** Calls of a scenario's processes that take a struct or a sequence of registers. */
import { PAGE_SIZE } from '../abi/address.js';
import { DMAE } from '../abi/ioasid/constants.js';
import { KVM_IOASID_IOCTLS } from '../abi/ioasid/ioctls.js';
import type { Process } from '../kernel/process.js';

const PAGE = BigInt(PAGE_SIZE);
const FILL = 1n;
const NO_SNOOP = 1n;
const DONE = 2;

/** KVM_GUEST_OP. The call's own result is 0; what counts is in the struct. */
export function guestOperation(process: Process, vm: number, op: number): { result: number; arg1: bigint } {
  const { request, argument } = KVM_IOASID_IOCTLS.GUEST_OP;
  const bytes = new DataView(new ArrayBuffer(argument.size));
  argument.set.argsz(bytes, argument.size);
  argument.set.op(bytes, op);
  const pointer = process.memory.mmap(PAGE);
  process.memory.write(pointer, new Uint8Array(bytes.buffer));
  process.ioctl(vm, request, pointer);
  process.memory.read(pointer, new Uint8Array(bytes.buffer));
  process.memory.munmap(pointer, PAGE);
  return { result: argument.get.result(bytes), arg1: argument.get.arg1(bytes) };
}

/** Fills memory by no-snoop DMA of an engine. @throws Error the engine reports one */
export function fillByDma(process: Process, fd: number, iova: bigint, value: bigint, length: number): void {
  const word = process.memory.mmap(PAGE);
  const set = (register: number, content: bigint, size: number): void => {
    process.memory.write(word, new Uint8Array(new BigUint64Array([content]).buffer));
    process.pwrite(fd, word, size, BigInt(register));
  };
  set(DMAE.IOASID_DMAE_REG_COMMAND, FILL, 4);
  set(DMAE.IOASID_DMAE_REG_PATTERN, value, 8);
  set(DMAE.IOASID_DMAE_REG_DST, iova, 8);
  set(DMAE.IOASID_DMAE_REG_LENGTH, BigInt(length), 4);
  set(DMAE.IOASID_DMAE_REG_FLAGS, NO_SNOOP, 4);
  set(DMAE.IOASID_DMAE_REG_DOORBELL, 1n, 4);
  const status = new Uint8Array(4);
  process.pread(fd, word, 4, BigInt(DMAE.IOASID_DMAE_REG_STATUS));
  process.memory.read(word, status);
  process.memory.munmap(word, PAGE);
  if (status[0] !== DONE) throw new Error(`the DMA of the story failed: status ${status[0]}`);
}
