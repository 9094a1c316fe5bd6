/**
 * The host's side of a record stream (kernel/record-stream.ts): a pipe in packet mode, one packet a record (pipe(2),
 * O_DIRECT). The program's end is an ordinary descriptor for read, poll and epoll; what is unread is asked of the pipe.
 */
import { closeSync, constants } from 'node:fs';
import type { OpenFile } from '../../kernel/open-file.js';
import { QUEUE_LENGTH, type RecordSink, type RecordStream } from '../../kernel/record-stream.js';
import { addressOf, check, libc } from './libc.js';

const O_NONBLOCK = 0o4000;
const { O_DIRECT } = constants;
const O_CLOEXEC = 0o2000000;
const F_SETFL = 4;
const F_SETPIPE_SZ = 1031;
const FIONREAD = 0x541b;
const PAGE = 4096;

export class StreamPipe implements RecordSink {
  /** The end that the program reads; ours until it has its own copy. */
  readonly readEnd: number;
  readonly writeEnd: number;
  readonly file: OpenFile;
  readonly #unread = new DataView(new ArrayBuffer(8));
  #recordSize = 1;

  /** @param records what the file is; @param flags O_NONBLOCK of the program's end */
  constructor(file: OpenFile, records: RecordStream, flags: number) {
    this.file = file;
    const ends = new DataView(new ArrayBuffer(8));
    check(libc.pipe2(addressOf(ends), O_DIRECT | O_NONBLOCK | O_CLOEXEC), 'pipe2');
    this.readEnd = ends.getInt32(0, true);
    this.writeEnd = ends.getInt32(4, true);
    // A packet takes a page of the pipe, however small it is.
    check(libc.fcntl(this.writeEnd, F_SETPIPE_SZ, QUEUE_LENGTH * PAGE), 'F_SETPIPE_SZ');
    check(libc.fcntl(this.readEnd, F_SETFL, flags & O_NONBLOCK), 'F_SETFL');
    records.use(this);
  }

  get waiting(): number {
    check(libc.ioctl(this.writeEnd, FIONREAD, addressOf(this.#unread)), 'FIONREAD');
    return this.#unread.getInt32(0, true) / this.#recordSize;
  }

  put(record: Uint8Array): void {
    this.#recordSize = record.length;
    // The reader may be gone (EPIPE): its last close is on its way to us.
    libc.write(this.writeEnd, addressOf(record), record.length);
  }

  /** The program's last close. */
  close(): void {
    closeSync(this.writeEnd);
    this.file.put();
  }
}
