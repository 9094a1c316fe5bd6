/** Commands of I/O queues (NVM Command Set Specification 1.0, section 3.2; Flush: Base Specification 2.0, 7.1). */
import { BROADCAST, type Command, refuseFused } from '../command.js';
import { CommandError, STATUS, type Status } from '../status.js';
import { FEATURE, type Features } from './features.js';
import type { Logs } from './log-pages.js';
import type { Namespace } from './namespace.js';
import type { Transfer } from './transfer.js';

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

/** Lets the store do something. @throws CommandError the medium failed */
function medium<T>(status: Status, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(status, error instanceof Error ? error.message : String(error));
  }
}

/** Where a command's blocks are. @throws CommandError */
function blocks(disk: Disk, command: Command): { namespace: Namespace; offset: number; size: number } {
  const namespace = namespaceOf(disk, command);
  const count = (command.dword(12) & 0xffff) + 1;
  const offset = namespace.offset(command.quad(10), count);
  return { namespace, offset, size: count * namespace.blockSize };
}

/** What was written survives a loss of power, if it has to: Force Unit Access, or no write cache. */
function settle({ features }: Disk, command: Command, { store }: Namespace): void {
  const cached = (features.value(FEATURE.WRITE_CACHE) & 1) !== 0;
  if (!cached || command.dword(12) & FORCE_UNIT_ACCESS) medium(STATUS.WRITE_FAULT, () => store.flush());
}

function read(disk: Disk, command: Command): void {
  const { namespace, offset, size } = blocks(disk, command);
  const bytes = disk.transfer.buffer(size);
  const extents = disk.transfer.place(command, size);
  medium(STATUS.READ_ERROR, () => namespace.store.read(offset, bytes));
  disk.transfer.toHost(extents, bytes);
  disk.logs.count(false, size);
}

function write(disk: Disk, command: Command): void {
  const { namespace, offset, size } = blocks(disk, command);
  const bytes = disk.transfer.fromHost(command, size);
  medium(STATUS.WRITE_FAULT, () => namespace.store.write(offset, bytes));
  settle(disk, command, namespace);
  disk.logs.count(true, size);
}

function compare(disk: Disk, command: Command): void {
  const { namespace, offset, size } = blocks(disk, command);
  const given = disk.transfer.fromHost(command, size);
  const bytes = new Uint8Array(size);
  medium(STATUS.READ_ERROR, () => namespace.store.read(offset, bytes));
  if (bytes.some((byte, i) => byte !== given[i]))
    throw new CommandError(STATUS.COMPARE_FAILURE, `blocks at ${command.quad(10)} differ`);
}

function writeZeroes(disk: Disk, command: Command): void {
  const { namespace, offset, size } = blocks(disk, command);
  medium(STATUS.WRITE_FAULT, () => namespace.store.zero(offset, size));
  settle(disk, command, namespace);
}

/** Only deallocation has an effect; the other attributes are hints. All ranges are looked at before one is let go. */
function datasetManagement(disk: Disk, command: Command): void {
  const namespace = namespaceOf(disk, command);
  const count = (command.dword(10) & 0xff) + 1;
  const bytes = disk.transfer.fromHost(command, count * RANGE_SIZE);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const ranges = Array.from({ length: count }, (_, i) => {
    const length = view.getUint32(i * RANGE_SIZE + 4, true);
    const offset = namespace.offset(view.getBigUint64(i * RANGE_SIZE + 8, true), length);
    return { offset, size: length * namespace.blockSize };
  });
  if ((command.dword(11) & DEALLOCATE) === 0) return;
  for (const { offset, size } of ranges) medium(STATUS.WRITE_FAULT, () => namespace.store.zero(offset, size));
}

function flush(disk: Disk, command: Command): void {
  const all = command.namespace === BROADCAST ? disk.namespaces : [namespaceOf(disk, command)];
  for (const { store } of all) medium(STATUS.WRITE_FAULT, () => store.flush());
}

const COMMANDS: ReadonlyMap<number, (disk: Disk, command: Command) => void> = new Map([
  [0x00, flush],
  [0x01, write],
  [0x02, read],
  [0x05, compare],
  [0x08, writeZeroes],
  [0x09, datasetManagement],
]);

/** Operation codes that there are. */
export const IO_OPCODES: readonly number[] = [...COMMANDS.keys()];

/** Does a command of an I/O queue. @throws CommandError */
export function runIo(disk: Disk, command: Command): void {
  const run = COMMANDS.get(command.opcode);
  if (!run)
    throw new CommandError(STATUS.INVALID_OPCODE, `I/O command 0x${command.opcode.toString(16)} does not exist`);
  refuseFused(command);
  run(disk, command);
}
