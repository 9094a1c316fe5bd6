/**
 * The virtual kernel: its file system, and the system calls on open files, with a trace of each. It knows no clock and no I/O but
 * what it is handed; everything is synchronous.
 */
import { Errno } from '../abi/errno.js';
import type { Memory } from '../memory/memory.js';
import { Mm } from '../memory/mm.js';
import type { FaultInjection } from './fault-injection.js';
import { IoctlDetail } from './file/ioctl-detail.js';
import type { Caller, MmapGrant, MmapRequest, OpenFile } from './file/open-file.js';
import { FileSystem, type Located } from './fs/file-system.js';
import type { Credentials } from './fs/permission.js';
import { ServedCall } from './served-call.js';
import type { CallStep, SideStep, StepRecorder } from './steps.js';
import { type CallRecord, type Watcher, Watchers } from './watchers.js';

/** Biggest piece that one pread or pwrite moves, bytes: a region is never larger in one call. */
const MAX_IO = 1 << 20;

export class VirtualKernel {
  readonly fs: FileSystem;
  /** Allocations can be made to fail; undefined: the kernel is built without that. */
  faults: FaultInjection | undefined;
  /** Who records all that this kernel is given and does; undefined: nobody, and it costs nothing. */
  recorder: StepRecorder | undefined;
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
    return this.beside({ call: 'opened', file: found.path, flags, who }, () => {
      if (this.#watchers.enters) this.#watchers.entered({ call: 'open', file: found.path });
      return this.fs.open(found, flags, who);
    });
  }

  /** One more descriptor of an open file. */
  dup(file: OpenFile): OpenFile {
    return this.beside({ call: 'shared', file }, () => file.get());
  }

  /** A descriptor of an open file is closed: after the last the file is released, unless something else holds it. */
  close(file: OpenFile): void {
    this.beside({ call: 'released', file }, () => file.put());
  }

  /** The memory of a new program image. */
  newMm(memory: Memory): Mm {
    return new Mm(this.recorder?.memory(memory) ?? memory);
  }

  /** A process ended or executed another program. @param act what else ends with its memory */
  endMm(mm: Mm, act?: () => void): void {
    this.beside({ call: 'gone', mm }, () => {
      mm.end();
      act?.();
    });
  }

  /** Something that moves the machine and is no call on an open file. */
  beside<T>(step: SideStep, serve: () => T): T {
    return this.recorder ? this.recorder.beside(step, serve) : serve();
  }

  /** ioctl(2). Returns the result, ≥ 0. @throws Errno */
  ioctl(caller: Caller, fd: number, file: OpenFile, request: number, argument: bigint): number {
    const { recorder } = this;
    if (!recorder) return this.#failing(caller, fd, file, request, argument);
    const step: CallStep = { call: 'ioctl', fd, raw: [BigInt(request), argument] };
    return recorder.during(step, caller, file, (seen) => this.#failing(seen, fd, file, request, argument));
  }

  #failing(caller: Caller, fd: number, file: OpenFile, request: number, argument: bigint): number {
    const { faults } = this;
    if (!faults) return this.#ioctl(caller, fd, file, request, argument);
    return faults.during(caller.tid, () => this.#ioctl(caller, fd, file, request, argument));
  }

  #ioctl(caller: Caller, fd: number, file: OpenFile, request: number, argument: bigint): number {
    if (!this.#watched) return file.ioctl(caller, request, argument);
    const watchers = this.#watchers;
    const { pid, tid } = caller;
    const entered = (name: string): void => watchers.entered({ pid, tid, call: 'ioctl', name, file: file.name });
    const detail = new IoctlDetail(watchers.enters ? entered : undefined);
    return this.#traced(caller, 'ioctl', fd, file, request, detail, () =>
      file.ioctl(caller, request, argument, detail),
    );
  }

  /** pread(2) from a region of a device. */
  pread(caller: Caller, fd: number, file: OpenFile, address: bigint, count: bigint, offset: bigint): number {
    return this.#served('pread64', caller, fd, file, [address, count, offset], { count, offset }, (seen) => {
      const buffer = new Uint8Array(Number(count < MAX_IO ? count : MAX_IO));
      const got = file.pread(seen, buffer, offset);
      seen.mm.copyOut(address, buffer.subarray(0, got));
      return got;
    });
  }

  /** pwrite(2) into a region of a device. */
  pwrite(caller: Caller, fd: number, file: OpenFile, address: bigint, count: bigint, offset: bigint): number {
    return this.#served('pwrite64', caller, fd, file, [address, count, offset], { count, offset }, (seen) => {
      const buffer = new Uint8Array(Number(count < MAX_IO ? count : MAX_IO));
      seen.mm.copyIn(address, buffer);
      return file.pwrite(seen, buffer, offset);
    });
  }

  /** read(2) of a stream of records. @throws EINVAL for a file that is no stream; EAGAIN */
  read(caller: Caller, fd: number, file: OpenFile, address: bigint, count: bigint): number {
    return this.#served('read', caller, fd, file, [address, count], { count }, (seen) => {
      const buffer = new Uint8Array(Number(count < MAX_IO ? count : MAX_IO));
      const got = file.read(seen, buffer);
      const bytes = buffer.subarray(0, got);
      try {
        seen.mm.copyOut(address, bytes);
      } catch (error) {
        file.putBack(bytes);
        throw error;
      }
      return got;
    });
  }

  /** write(2). @throws EINVAL for a file that takes nothing */
  write(caller: Caller, fd: number, file: OpenFile, address: bigint, count: bigint): number {
    return this.#served('write', caller, fd, file, [address, count], { count }, (seen) => {
      const buffer = new Uint8Array(Number(count < MAX_IO ? count : MAX_IO));
      seen.mm.copyIn(address, buffer);
      return file.write(seen, buffer);
    });
  }

  /** mmap(2): says which memory is meant. @throws ENODEV for a file without mappings */
  mmap(caller: Caller, fd: number, file: OpenFile, request: MmapRequest): MmapGrant {
    let grant: MmapGrant | undefined;
    const { size, offset, shared, prot } = request;
    const raw = [size, offset, BigInt(shared), BigInt(prot)];
    this.#served('mmap', caller, fd, file, raw, { size, offset }, (seen) => {
      grant = file.mmap(seen, request);
      this.recorder?.mapped(grant.memory);
      return 0;
    });
    if (!grant) throw new Error('unreachable: mmap without a grant');
    return grant;
  }

  #served(
    call: CallStep['call'],
    caller: Caller,
    fd: number,
    file: OpenFile,
    raw: readonly bigint[],
    input: Record<string, bigint>,
    serve: (caller: Caller) => number,
  ): number {
    const { recorder } = this;
    if (!recorder && !this.#watched) return serve(caller);
    const traced = (seen: Caller): number =>
      this.#traced(seen, call, fd, file, undefined, new IoctlDetail(undefined, input), () => serve(seen));
    return recorder ? recorder.during({ call, fd, raw }, caller, file, traced) : traced(caller);
  }

  /** Somebody watches calls, or is asked before they are carried out. */
  get #watched(): boolean {
    return this.#watchers.calls || this.#watchers.enters;
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
    const record = (result: number, error: Errno | undefined): ServedCall =>
      new ServedCall(caller, call, fd, file, request, detail, result, error);
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
