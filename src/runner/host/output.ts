/** Writes text to a descriptor that is shared with the program: blocking or not, a pipe with nobody behind it, full. */
import { writeSync } from 'node:fs';
import { addressOf, libc } from './libc.js';

const POLLOUT = 4;

/** Writes all of it, and waits where the descriptor does not. @throws the system's error */
export function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      const waits = new DataView(new ArrayBuffer(8));
      waits.setInt32(0, fd, true);
      waits.setInt16(4, POLLOUT, true);
      libc.poll(addressOf(waits), 1, -1);
    }
  }
}

/** Tells the user something on stderr. Nobody may be listening. */
export function say(text: string): void {
  try {
    writeAll(2, `ioasid: ${text}\n`);
  } catch {
    // There is nobody to tell.
  }
}
