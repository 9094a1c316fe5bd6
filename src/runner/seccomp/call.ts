/** The kernel's own: a call that a signal interrupts, and that may start again (include/linux/errno.h). */
export const ERESTARTSYS = 512;

/** A system call of a program that waits for us: who makes it, with what, and the answers that it can get. */
export interface Call {
  /** Thread that makes the call. */
  readonly tid: number;
  readonly nr: number;
  /** Where the caller's code is. */
  readonly instruction: number;
  /** What addDescriptor() returned last. */
  readonly added: number;
  /** An argument, all 64 bits of it. */
  argument(index: number): bigint;
  /** The low 32 bits of an argument, as a C int. */
  int(index: number): number;
  /** The low 32 bits of an argument, as a C unsigned int. */
  uint(index: number): number;
  /** A user address as a number: they are below 2^56. Anything larger stays invalid. */
  address(index: number): number;
  /** True while the caller still waits: what was read of it was its own. */
  valid(): boolean;
  /** valid(), as a function to hand on. */
  readonly stillWaits: () => boolean;
  /** Lets the host kernel do the call. */
  proceed(): void;
  /** Answers with a result ≥ 0, or -errno. */
  answer(result: number): void;
  /** A signal is there: the call starts again behind a handler with SA_RESTART, and answers EINTR behind others. */
  restart(): void;
  /**
   * Puts a copy of one of our descriptors into the caller.
   * @param how.send the number is the call's result, and the call ends
   * @param how.number the number that it gets, whatever that was; not given: the lowest free one
   * @returns the number, or -errno
   */
  addDescriptor(fd: number, how: { cloexec: boolean; send: boolean; number?: number }): number;
}

/**
 * How a call was served: a result ≥ 0 or -errno, left to the host kernel, answered already, or to be answered later.
 */
export type Served = number | 'host' | 'done' | 'later';
