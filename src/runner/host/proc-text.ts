/**
 * Small files of /proc as text: they are read for every open of a virtual file and for the first call of every process,
 * and Node's own reading
 * would be half of the work.
 */
import { addressOf, check, errno, LibcError, libc } from './libc.js';

const AT_FDCWD = -100;
const O_CLOEXEC = 0o2000000;
const NAME_SIZE = 256;
const PIECE = 16384;

const name = new Uint8Array(new ArrayBuffer(NAME_SIZE));
const nameAddress = addressOf(name);
const nameBuffer = Buffer.from(name.buffer);
const piece = new Uint8Array(new ArrayBuffer(PIECE));
const pieceAddress = addressOf(piece);
const pieceBuffer = Buffer.from(piece.buffer);

/** The whole file, one character a byte. @throws LibcError */
export function procText(path: string): string {
  name[nameBuffer.write(path, 0, NAME_SIZE - 1, 'latin1')] = 0;
  const fd = libc.openat(AT_FDCWD, nameAddress, O_CLOEXEC, 0);
  if (fd < 0) throw new LibcError(path, errno());
  try {
    let text = '';
    for (;;) {
      const got = check(libc.read(fd, pieceAddress, PIECE), path);
      if (got === 0) return text;
      text += pieceBuffer.toString('latin1', 0, got);
    }
  } finally {
    libc.close(fd);
  }
}

/** What stands behind a name and a colon, at the start of a line of /proc/PID/status and its like. */
export function procField(text: string, field: string): string | undefined {
  const start = text.startsWith(`${field}:`) ? 0 : text.indexOf(`\n${field}:`) + 1;
  if (start === 0 && !text.startsWith(`${field}:`)) return undefined;
  const end = text.indexOf('\n', start);
  return text.slice(start + field.length + 1, end < 0 ? text.length : end).trim();
}
