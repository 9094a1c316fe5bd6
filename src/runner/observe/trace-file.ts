/** Writes the trace of a run: JSON Lines into a file, or text on stderr. */
import { closeSync, openSync } from 'node:fs';
import type { VirtualKernel } from '../../kernel/kernel.js';
import { callEvent, noteEvent } from '../../trace/json.js';
import { COLORS, formatCall, formatNote, PLAIN } from '../../trace/text.js';
import { say, writeAll } from '../host/output.js';

const STDERR = 2;
/** Characters that are held back at most. */
const BUFFER = 1 << 16;

export interface TraceFile {
  flush(): void;
  close(): void;
}

/**
 * Starts to trace.
 * @param file a path, or `-` for text on stderr
 * @throws the system's error if the file cannot be opened
 */
export function openTrace(file: string, kernel: VirtualKernel, color: boolean): TraceFile {
  const text = file === '-';
  const fd = text ? STDERR : openSync(file, 'w');
  const palette = color ? COLORS : PLAIN;
  let pending = '';
  let open = true;
  /** A trace that cannot be written is given up; the program runs on. */
  const attempt = (act: () => void): void => {
    if (!open) return;
    try {
      act();
    } catch (error) {
      open = false;
      say(`the trace ends here: ${(error as Error).message}`);
    }
  };
  const flush = (): void =>
    attempt(() => {
      if (pending !== '') writeAll(fd, pending);
      pending = '';
    });
  const write = (make: () => string): void => {
    attempt(() => {
      pending += `${make()}\n`;
    });
    // On a terminal the lines stand between the program's own.
    if (text || pending.length > BUFFER) flush();
  };
  const time = (): number => Math.round(performance.now() * 1000) / 1000;
  const unwatch = kernel.watch({
    called: (record) => write(() => (text ? formatCall(record, palette) : JSON.stringify(callEvent(time(), record)))),
    noted: (subject, what) =>
      write(() => (text ? formatNote(subject, what, palette) : JSON.stringify(noteEvent(time(), subject, what)))),
  });
  return {
    flush,
    close: () => {
      unwatch();
      flush();
      if (!text) closeSync(fd);
    },
  };
}
