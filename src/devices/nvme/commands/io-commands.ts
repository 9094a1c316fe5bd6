/** Commands of I/O queues (NVM Command Set Specification 1.0, section 3.2; Flush: Base Specification 2.0, 7.1). */
import { flushAll } from '../../block-store.js';
import { BROADCAST, type Command, refuseFused } from '../command.js';
import { CommandError, STATUS } from '../status.js';
import { FEATURE, type Features } from './features.js';
import type { Logs } from './log-pages.js';
import type { Namespace } from './namespace.js';
import type { Transfer } from './transfer.js';
import { medium, settled, type Wait, type Work } from './work.js';

const FORCE_UNIT_ACCESS = 0x4000_0000;
const DEALLOCATE = 4;
const RANGE_SIZE = 16;

export interface Disk {
  readonly namespaces: readonly Namespace[];
  readonly transfer: Transfer;
  readonly features: Features;
  readonly logs: Logs;
}

/** The namespace that a command is for. @throws CommandError */
export function namespaceOf({ namespaces }: Disk, command: Command): Namespace {
  const namespace = namespaces[command.namespace - 1];
  if (!namespace) throw new CommandError(STATUS.INVALID_NAMESPACE, `there is no namespace ${command.namespace}`);
  return namespace;
}

/** Where a command's blocks are. @throws CommandError */
function blocks(disk: Disk, command: Command): { namespace: Namespace; offset: number; size: number } {
  const namespace = namespaceOf(disk, command);
  const count = (command.dword(12) & 0xffff) + 1;
  const offset = namespace.offset(command.quad(10), count);
  return { namespace, offset, size: count * namespace.blockSize };
}

/** Writes are to survive a loss of power before they complete: Force Unit Access, or no write cache. */
function settle({ features }: Disk, command: Command, { store }: Namespace): Wait | undefined {
  const cached = (features.value(FEATURE.WRITE_CACHE) & 1) !== 0;
  return !cached || command.dword(12) & FORCE_UNIT_ACCESS ? settled((done) => store.flush(done)) : undefined;
}

function read(disk: Disk, command: Command): Work {
  const { transfer, logs } = disk;
  const { namespace, offset, size } = blocks(disk, command);
  const { store } = namespace;
  const copy = (): Uint8Array[] => {
    const bytes = transfer.buffer(size);
    store.read(offset, bytes);
    return [bytes];
  };
  const data = (): Uint8Array[] => medium(STATUS.READ_ERROR, () => store.peek?.(offset, size) ?? copy());
  return {
    move: transfer.toHost(command, size, data),
    finish: () => void logs.count(false, size),
  };
}

function write(disk: Disk, command: Command): Work {
  const { namespace, offset, size } = blocks(disk, command);
  const bytes = disk.transfer.buffer(size);
  return {
    move: disk.transfer.fromHost(command, bytes),
    finish: () => {
      medium(STATUS.WRITE_FAULT, () => namespace.store.write(offset, bytes));
      disk.logs.count(true, size);
      return settle(disk, command, namespace);
    },
  };
}

function compare(disk: Disk, command: Command): Work {
  const { namespace, offset, size } = blocks(disk, command);
  const given = disk.transfer.buffer(size);
  return {
    move: disk.transfer.fromHost(command, given),
    finish: () => {
      const bytes = new Uint8Array(size);
      medium(STATUS.READ_ERROR, () => namespace.store.read(offset, bytes));
      if (bytes.some((byte, i) => byte !== given[i]))
        throw new CommandError(STATUS.COMPARE_FAILURE, 'the blocks on the disk are others');
      return undefined;
    },
  };
}

function writeZeroes(disk: Disk, command: Command): Work {
  const { namespace, offset, size } = blocks(disk, command);
  return {
    finish: () => {
      medium(STATUS.WRITE_FAULT, () => namespace.store.zero(offset, size));
      return settle(disk, command, namespace);
    },
  };
}

/** Only deallocation has an effect; the other attributes are hints. All ranges are looked at before one is let go. */
function datasetManagement(disk: Disk, command: Command): Work {
  const namespace = namespaceOf(disk, command);
  const deallocate = (command.dword(11) & DEALLOCATE) !== 0;
  const count = (command.dword(10) & 0xff) + 1;
  const bytes = disk.transfer.buffer(count * RANGE_SIZE);
  return {
    move: disk.transfer.fromHost(command, bytes),
    finish: () => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const ranges = Array.from({ length: count }, (_, i) => {
        const length = view.getUint32(i * RANGE_SIZE + 4, true);
        const offset = namespace.offset(view.getBigUint64(i * RANGE_SIZE + 8, true), length);
        return { offset, size: length * namespace.blockSize };
      });
      if (!deallocate) return undefined;
      for (const { offset, size } of ranges) medium(STATUS.WRITE_FAULT, () => namespace.store.zero(offset, size));
      return undefined;
    },
  };
}

function flush(disk: Disk, command: Command): Work {
  const all = command.namespace === BROADCAST ? disk.namespaces : [namespaceOf(disk, command)];
  const stores = all.map(({ store }) => store);
  return { finish: () => settled((done) => flushAll(stores, done)) };
}

const COMMANDS: ReadonlyMap<number, (disk: Disk, command: Command) => Work> = new Map([
  [0x00, flush],
  [0x01, write],
  [0x02, read],
  [0x05, compare],
  [0x08, writeZeroes],
  [0x09, datasetManagement],
]);

/** Operation codes that there are. */
export const IO_OPCODES: readonly number[] = [...COMMANDS.keys()];

/** Judges a command of an I/O queue. Returns what is left to do. @throws CommandError */
export function judgeIo(disk: Disk, command: Command): Work {
  const run = COMMANDS.get(command.opcode);
  if (!run)
    throw new CommandError(STATUS.INVALID_OPCODE, `I/O command 0x${command.opcode.toString(16)} does not exist`);
  refuseFused(command);
  return run(disk, command);
}
