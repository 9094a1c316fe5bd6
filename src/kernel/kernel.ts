/**
 * The virtual kernel: its file system, and the system calls on open files, with a trace of each. It knows no clock and no I/O but
 * what it is handed; everything is synchronous.
 */
import { Errno } from '../abi/errno.js';
import type { FaultInjection } from './fault-injection.js';
import type { Caller, IoctlDetail, MmapGrant, MmapRequest, OpenFile } from './file/open-file.js';
import { FileSystem, type Located } from './fs/file-system.js';
import type { Credentials } from './fs/permission.js';

/** One served system call, as the trace sees it. */
export interface CallRecord extends IoctlDetail {
  readonly pid: number;
  readonly tid: number;
  readonly call: string;
  fd?: number;
  /** Name of the open file, or the path. */
  file?: string;
  /** Which open file: a number that no other has. */
  open?: number;
  request?: number;
  result: number;
  error?: Errno;
}

/** A call that is about to be carried out. */
export interface EnteredCall {
  /** Who makes it, where it is known already. */
  readonly pid?: number;
  readonly tid?: number;
  /** Name of the system call. */
  readonly call: string;
  /** Name of the ioctl. */
  readonly name?: string | undefined;
  /** Name of the open file, or the path. */
  readonly file: string;
  /** Where in the file, bytes, if the call says so. */
  readonly offset?: bigint;
}

/** Biggest piece that one pread or pwrite moves, bytes: a region is never larger in one call. */
const MAX_IO = 1 << 20;

export class VirtualKernel {
  readonly fs: FileSystem;
  /** Told of each call after it was served. */
  onCall: ((record: CallRecord) => void) | undefined;
  /** Asked before a call on a virtual file is carried out. It may throw an Errno: the call fails with it, and had no effect. */
  onEnter: ((call: EnteredCall) => void) | undefined;
  /** Allocations can be made to fail; undefined: the kernel is built without that. */
  faults: FaultInjection | undefined;
  /** Told of what happened beside the calls: rights that come and go, devices that are unplugged. */
  onNote: ((subject: string, text: string) => void) | undefined;

  /** Reports something that is no call. */
  note(subject: string, text: string): void {
    this.onNote?.(subject, text);
  }

  constructor(fs = new FileSystem()) {
    this.fs = fs;
  }

  /** Reports a call that was served elsewhere. */
  report(record: CallRecord): void {
    this.onCall?.(record);
  }

  /**
   * Opens a file of the virtual kernel: by its path, or as a walk found it.
   * @throws ENOENT no such path; EISDIR; EACCES; and what the file's own open answers
   */
  open(file: string | Located, flags: number, who: Credentials): OpenFile {
    const found = typeof file === 'string' ? this.fs.find(file, true, who) : file;
    this.onEnter?.({ call: 'open', file: found.path });
    return this.fs.open(found, flags, who);
  }

  /** ioctl(2). Returns the result, ≥ 0. @throws Errno */
  ioctl(caller: Caller, fd: number, file: OpenFile, request: number, argument: bigint): number {
    const { faults } = this;
    if (!faults) return this.#ioctl(caller, fd, file, request, argument);
    return faults.during(caller.tid, () => this.#ioctl(caller, fd, file, request, argument));
  }

  #ioctl(caller: Caller, fd: number, file: OpenFile, request: number, argument: bigint): number {
    const { onEnter } = this;
    if (!this.onCall && !onEnter) return file.ioctl(caller, request, argument);
    const { pid, tid } = caller;
    const detail: IoctlDetail = onEnter
      ? { entered: (name) => onEnter({ pid, tid, call: 'ioctl', name, file: file.name }) }
      : {};
    return this.#traced(caller, 'ioctl', fd, file, { request }, detail, () =>
      file.ioctl(caller, request, argument, detail),
    );
  }

  /** pread(2) from a region of a device. */
  pread(caller: Caller, fd: number, file: OpenFile, address: bigint, count: bigint, offset: bigint): number {
    return this.#traced(caller, 'pread64', fd, file, {}, { input: { count, offset } }, () => {
      const buffer = new Uint8Array(Number(count < MAX_IO ? count : MAX_IO));
      const got = file.pread(caller, buffer, offset);
      caller.mm.copyOut(address, buffer.subarray(0, got));
      return got;
    });
  }

  /** pwrite(2) into a region of a device. */
  pwrite(caller: Caller, fd: number, file: OpenFile, address: bigint, count: bigint, offset: bigint): number {
    return this.#traced(caller, 'pwrite64', fd, file, {}, { input: { count, offset } }, () => {
      const buffer = new Uint8Array(Number(count < MAX_IO ? count : MAX_IO));
      caller.mm.copyIn(address, buffer);
      return file.pwrite(caller, buffer, offset);
    });
  }

  /** read(2) of a stream of records. @throws EINVAL for a file that is no stream; EAGAIN */
  read(caller: Caller, fd: number, file: OpenFile, address: bigint, count: bigint): number {
    return this.#traced(caller, 'read', fd, file, {}, { input: { count } }, () => {
      const buffer = new Uint8Array(Number(count < MAX_IO ? count : MAX_IO));
      const got = file.read(caller, buffer);
      const bytes = buffer.subarray(0, got);
      try {
        caller.mm.copyOut(address, bytes);
      } catch (error) {
        file.putBack(bytes);
        throw error;
      }
      return got;
    });
  }

  /** write(2). @throws EINVAL for a file that takes nothing */
  write(caller: Caller, fd: number, file: OpenFile, address: bigint, count: bigint): number {
    return this.#traced(caller, 'write', fd, file, {}, { input: { count } }, () => {
      const buffer = new Uint8Array(Number(count < MAX_IO ? count : MAX_IO));
      caller.mm.copyIn(address, buffer);
      return file.write(caller, buffer);
    });
  }

  /** mmap(2): says which memory is meant. @throws ENODEV for a file without mappings */
  mmap(caller: Caller, fd: number, file: OpenFile, request: MmapRequest): MmapGrant {
    let grant: MmapGrant | undefined;
    const { size, offset } = request;
    this.#traced(caller, 'mmap', fd, file, {}, { input: { size, offset } }, () => {
      grant = file.mmap(caller, request);
      return 0;
    });
    if (!grant) throw new Error('unreachable: mmap without a grant');
    return grant;
  }

  #traced(
    caller: Caller,
    call: string,
    fd: number,
    file: OpenFile,
    more: { request?: number },
    detail: IoctlDetail,
    serve: () => number,
  ): number {
    const { onCall, onEnter } = this;
    if (!onCall && !onEnter) return serve();
    const record = (result: number, error?: Errno): CallRecord => {
      const { entered: _, ...seen } = detail;
      const { pid, tid } = caller;
      return {
        pid,
        tid,
        call,
        fd,
        file: file.name,
        open: file.id,
        ...more,
        ...seen,
        result,
        ...(error && { error }),
      };
    };
    try {
      // An ioctl is entered when its name is known.
      if (!detail.entered) {
        const { offset } = detail.input ?? {};
        onEnter?.({
          ...{ pid: caller.pid, tid: caller.tid },
          call,
          file: file.name,
          ...(typeof offset === 'bigint' && { offset }),
        });
      }
      const result = serve();
      onCall?.(record(result));
      return result;
    } catch (error) {
      if (error instanceof Errno) onCall?.(record(-1, error));
      throw error;
    }
  }
}
