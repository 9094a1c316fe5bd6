/** How a program gets a descriptor of a new open file: what stands for it on the host, and at which number. */
import { closeSync } from 'node:fs';
import { Errno } from '../../abi/errno.js';
import { O } from '../../abi/fcntl.js';
import { BACKING, type OpenFile } from '../../kernel/file/open-file.js';
import { ATTRIBUTE, type AttributeFile } from '../../kernel/fs/attribute-file.js';
import type { VirtualKernel } from '../../kernel/kernel.js';
import { GROWING } from '../../kernel/plain-memory.js';
import type { DrivenFiles } from '../driven/driven-files.js';
import { countMappings } from '../memory/file-part.js';
import { SharedMemory } from '../memory/shared-memory.js';
import type { Call } from '../seccomp/call.js';
import type { HostFiles } from './host-files.js';
import type { Tasks } from './tasks.js';

const EBADF = 9;
const EMFILE = 24;

export interface FileGiverOptions {
  readonly kernel: VirtualKernel;
  readonly tasks: Tasks;
  readonly files: HostFiles;
  readonly driven: DrivenFiles;
  /** Told of each new driven file: an error of this end tells its last close. */
  readonly watchEnd: (writeEnd: number) => void;
  /** The number from which on read and write are handed over. */
  readonly firstDriven: number;
}

export class FileGiver {
  readonly #options: FileGiverOptions;
  readonly #memories = new Set<SharedMemory>();
  /** Files whose descriptors must have driven numbers. */
  readonly #atDriven = new WeakSet<OpenFile>();
  /** Attributes whose text lies in a memfd. */
  readonly #withText = new WeakSet<OpenFile>();

  constructor(options: FileGiverOptions) {
    this.#options = options;
    options.files.onMemoryGone = (fd) => {
      for (const memory of this.#memories) memory.leave(fd);
    };
  }

  /** Are reads or writes of the file to be handed over? */
  isDriven(file: OpenFile): boolean {
    return this.#atDriven.has(file);
  }

  /** Is reading the file the host kernel's work? */
  readByHost(file: OpenFile): boolean {
    return !file.driven || this.#withText.has(file);
  }

  /**
   * Puts a descriptor of a new open file into the caller.
   * @param flags access mode, O_NONBLOCK, O_CLOEXEC
   * @param send the number is the call's result, and the call ends
   * @returns the number
   * @throws EMFILE and what else the host answers; the open file is released then
   */
  give(n: Call, file: OpenFile, flags: number, send: boolean): number {
    const { files, kernel } = this.#options;
    const attribute = file.facet(ATTRIBUTE);
    if (attribute) return this.#giveAttribute(n, file, attribute, flags, send);
    const backing = file.facet(BACKING);
    if (file.driven && !backing) return this.#giveDriven(n, file, flags, send);
    let end = 0n;
    for (const { memory, at } of backing ?? []) {
      if (!(memory instanceof SharedMemory)) continue;
      this.#memories.add(memory);
      end = at + BigInt(memory.size);
    }
    const growing = file.facet(GROWING);
    const ours = files.make(file, flags & (O.ACCMODE | O.NONBLOCK), growing ? 'growing' : end);
    if (growing) {
      const count = (offset: bigint): number => countMappings(files.memoryOf(file), offset);
      growing.count = kernel.recorder?.counting(file, count) ?? count;
    }
    if (file.driven) {
      this.#atDriven.add(file);
      return this.addDriven(n, ours, flags, send);
    }
    return this.#hand(n, ours, flags, send);
  }

  /**
   * Gives the caller a driven number for a descriptor of ours, and closes ours.
   * @param flags O_CLOEXEC
   * @throws EMFILE
   */
  addDriven(n: Call, ours: number, flags: number, send: boolean): number {
    const how = { cloexec: (flags & O.CLOEXEC) !== 0, send };
    let fd = n.addDescriptor(ours, { ...how, number: this.#freeNumber(n.tid) });
    // Over its limit of descriptors the program has no such number: any will do.
    if (fd === -EBADF) fd = n.addDescriptor(ours, how);
    closeSync(ours);
    return given(fd);
  }

  #giveDriven(n: Call, file: OpenFile, flags: number, send: boolean): number {
    const { fd: ours, writeEnd } = this.#options.driven.make(file, flags & (O.ACCMODE | O.NONBLOCK));
    this.#atDriven.add(file);
    const fd = this.addDriven(n, ours, flags, send);
    this.#options.watchEnd(writeEnd);
    return fd;
  }

  /** Reading an attribute is the host kernel's work; writing it is driven. */
  #giveAttribute(n: Call, file: OpenFile, attribute: AttributeFile, flags: number, send: boolean): number {
    const access = flags & O.ACCMODE;
    const bytes = access === O.WRONLY ? new Uint8Array() : attribute.text();
    // Its read fails: with the right number.
    if (!bytes) return this.#giveDriven(n, file, flags, send);
    this.#withText.add(file);
    const written = (from: Uint8Array): void => this.#writeUnasked(file, attribute, from);
    const content = { bytes, written: access === O.RDONLY ? undefined : written };
    const ours = this.#options.files.make(file, flags & (O.ACCMODE | O.NONBLOCK), 0n, content);
    if (access === O.RDONLY) return this.#hand(n, ours, flags, send);
    this.#atDriven.add(file);
    return this.addDriven(n, ours, flags, send);
  }

  /** A write that the host kernel has done already: its failure is in the trace only. */
  #writeUnasked(file: OpenFile, attribute: AttributeFile, from: Uint8Array): void {
    const { kernel } = this.#options;
    const record = { pid: 0, tid: 0, call: 'write', file: attribute.name, input: { count: from.length } };
    try {
      const result = kernel.beside({ call: 'stored', file, bytes: from }, () => attribute.write(from));
      kernel.report({ ...record, result });
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      kernel.report({ ...record, result: -1, error });
    }
  }

  /** Gives the caller the lowest free number. If the caller did not get it, our close is the last and releases the file. */
  #hand(n: Call, ours: number, flags: number, send: boolean): number {
    const fd = n.addDescriptor(ours, { cloexec: (flags & O.CLOEXEC) !== 0, send });
    closeSync(ours);
    return given(fd);
  }

  /** The lowest free number of a thread that is driven. */
  #freeNumber(tid: number): number {
    let number = this.#options.firstDriven;
    while (this.#options.tasks.inodeOf(tid, number)) number++;
    return number;
  }
}

/** @throws EMFILE, ESRCH the caller has no room for a descriptor, or is gone */
function given(fd: number): number {
  if (fd < 0) throw new Errno(fd === -EMFILE ? 'EMFILE' : 'ESRCH', `the host gives the caller no descriptor (${fd})`);
  return fd;
}
