/**
 * The virtual kernel: its file system, and the system calls on open files, with a trace of each. It knows no clock and no I/O but
 * what it is handed; everything is synchronous.
 */
import { Errno } from '../abi/errno.js';
import type { FaultInjection } from './fault-injection.js';
import type { Caller, IoctlDetail, MmapGrant, MmapRequest, OpenFile } from './file/open-file.js';
import { FileSystem, type Located } from './fs/file-system.js';
import type { Credentials } from './fs/permission.js';
import { type CallRecord, type Watcher, Watchers } from './watchers.js';

/** Biggest piece that one pread or pwrite moves, bytes: a region is never larger in one call. */
const MAX_IO = 1 << 20;

export class VirtualKernel {
  readonly fs: FileSystem;
  /** Allocations can be made to fail; undefined: the kernel is built without that. */
  faults: FaultInjection | undefined;
  readonly #watchers = new Watchers();

  constructor(fs = new FileSystem()) {
    this.fs = fs;
  }

  /** Tells a watcher of what happens from now on. Returns what ends that. */
  watch(watcher: Watcher): () => void {
    return this.#watchers.add(watcher);
  }

  /** Somebody is told of calls: report() is worth its record. */
  get traced(): boolean {
    return this.#watchers.calls;
  }

  /** Reports a call that was served elsewhere. */
  report(record: CallRecord): void {
    this.#watchers.called(record);
  }

  /** Reports something that is no call. @param text is made only if somebody is told */
  note(subject: string, text: string | (() => string)): void {
    if (this.#watchers.notes) this.#watchers.noted(subject, typeof text === 'string' ? text : text());
  }

  /**
   * Opens a file of the virtual kernel: by its path, or as a walk found it.
   * @throws ENOENT no such path; EISDIR; EACCES; and what the file's own open answers
   */
  open(file: string | Located, flags: number, who: Credentials): OpenFile {
    const found = typeof file === 'string' ? this.fs.find(file, true, who) : file;
    if (this.#watchers.enters) this.#watchers.entered({ call: 'open', file: found.path });
    return this.fs.open(found, flags, who);
  }

  /** ioctl(2). Returns the result, ≥ 0. @throws Errno */
  ioctl(caller: Caller, fd: number, file: OpenFile, request: number, argument: bigint): number {
    const { faults } = this;
    if (!faults) return this.#ioctl(caller, fd, file, request, argument);
    return faults.during(caller.tid, () => this.#ioctl(caller, fd, file, request, argument));
  }

  #ioctl(caller: Caller, fd: number, file: OpenFile, request: number, argument: bigint): number {
    const watchers = this.#watchers;
    if (!watchers.calls && !watchers.enters) return file.ioctl(caller, request, argument);
    const { pid, tid } = caller;
    const detail: IoctlDetail = watchers.enters
      ? { entered: (name) => watchers.entered({ pid, tid, call: 'ioctl', name, file: file.name }) }
      : {};
    return this.#traced(caller, 'ioctl', fd, file, request, detail, () =>
      file.ioctl(caller, request, argument, detail),
    );
  }

  /** pread(2) from a region of a device. */
  pread(caller: Caller, fd: number, file: OpenFile, address: bigint, count: bigint, offset: bigint): number {
    return this.#traced(caller, 'pread64', fd, file, undefined, { input: { count, offset } }, () => {
      const buffer = new Uint8Array(Number(count < MAX_IO ? count : MAX_IO));
      const got = file.pread(caller, buffer, offset);
      caller.mm.copyOut(address, buffer.subarray(0, got));
      return got;
    });
  }

  /** pwrite(2) into a region of a device. */
  pwrite(caller: Caller, fd: number, file: OpenFile, address: bigint, count: bigint, offset: bigint): number {
    return this.#traced(caller, 'pwrite64', fd, file, undefined, { input: { count, offset } }, () => {
      const buffer = new Uint8Array(Number(count < MAX_IO ? count : MAX_IO));
      caller.mm.copyIn(address, buffer);
      return file.pwrite(caller, buffer, offset);
    });
  }

  /** read(2) of a stream of records. @throws EINVAL for a file that is no stream; EAGAIN */
  read(caller: Caller, fd: number, file: OpenFile, address: bigint, count: bigint): number {
    return this.#traced(caller, 'read', fd, file, undefined, { input: { count } }, () => {
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
    return this.#traced(caller, 'write', fd, file, undefined, { input: { count } }, () => {
      const buffer = new Uint8Array(Number(count < MAX_IO ? count : MAX_IO));
      caller.mm.copyIn(address, buffer);
      return file.write(caller, buffer);
    });
  }

  /** mmap(2): says which memory is meant. @throws ENODEV for a file without mappings */
  mmap(caller: Caller, fd: number, file: OpenFile, request: MmapRequest): MmapGrant {
    let grant: MmapGrant | undefined;
    const { size, offset } = request;
    this.#traced(caller, 'mmap', fd, file, undefined, { input: { size, offset } }, () => {
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
    request: number | undefined,
    detail: IoctlDetail,
    serve: () => number,
  ): number {
    const watchers = this.#watchers;
    if (!watchers.calls && !watchers.enters) return serve();
    // All records have one shape: many are made, and few are looked at.
    const record = (result: number, error: Errno | undefined): CallRecord => {
      const { pid, tid } = caller;
      const { name, input, output } = detail;
      return { pid, tid, call, fd, file: file.name, open: file.id, request, name, input, output, result, error };
    };
    try {
      // An ioctl is entered when its name is known.
      if (!detail.entered && watchers.enters) {
        const { offset } = detail.input ?? {};
        const { pid, tid } = caller;
        watchers.entered({ pid, tid, call, file: file.name, ...(typeof offset === 'bigint' && { offset }) });
      }
      const result = serve();
      if (watchers.calls) watchers.called(record(result, undefined));
      return result;
    } catch (error) {
      if (error instanceof Errno && watchers.calls) watchers.called(record(-1, error));
      throw error;
    }
  }
}
