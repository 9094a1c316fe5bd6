/**
 * The priority of the thread that serves. A program's call can be interrupted by a signal as long as it waits to be
 * received, so on a busy host it is received at once where this process may say so (RLIMIT_NICE, CAP_SYS_NICE). On Linux
 * a priority is a thread's own: the program, which another thread starts, keeps what the shell gave.
 */
import { constants, getPriority, setPriority } from 'node:os';

/** How many steps before others. */
const STEPS = 10;

/** What the shell gave. */
const usual = getPriority(0);

/** This thread goes before others, where the host allows it. */
export function goFirst(): void {
  try {
    setPriority(0, Math.max(usual - STEPS, constants.priority.PRIORITY_HIGHEST));
  } catch {
    // It may not: then it is as any other.
  }
}

/** A process that this thread started, and that is nobody's call, goes as any other. */
export function goAsUsual(pid: number): void {
  setPriority(pid, usual);
}
