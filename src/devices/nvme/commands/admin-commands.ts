/** Commands of the admin queue (Base Specification 2.0, section 5; Format NVM: NVM Command Set Specification 1.0, 4.1.2). */

import { flushAll } from '../../block-store.js';
import { BROADCAST, type Command, refuseFused } from '../command.js';
import type { QueueSet } from '../queue-set.js';
import type { Configuration } from '../registers.js';
import { CommandError, STATUS } from '../status.js';
import type { AsyncEvents } from './async-events.js';
import {
  activeNamespaces,
  BLOCK_SHIFTS,
  type ControllerFacts,
  IDENTIFY_SIZE,
  identifyController,
  identifyNamespace,
  namespaceDescriptors,
} from './identify.js';
import { type Disk, namespaceOf } from './io-commands.js';
import { LOG } from './log-pages.js';
import { medium, settled, type Wait } from './work.js';

export interface Admin extends Disk {
  readonly facts: ControllerFacts;
  readonly queues: QueueSet;
  readonly events: AsyncEvents;
  readonly config: Configuration;
}

/** Dword 0 of the completion; 'held': an event completes it; or what is to be waited for. */
type Result = number | 'held' | Wait;
type Run = (admin: Admin, command: Command) => Result;

/** Gives data to the host, as much as it asks for. */
function give({ transfer }: Admin, command: Command, bytes: Uint8Array): number {
  const [error] = transfer.run([transfer.toHost(command, bytes.length, () => [bytes])]);
  transfer.release();
  if (error) throw error;
  return 0;
}

const identify: Run = (admin, command) => {
  const cns = command.dword(10) & 0xff;
  const { namespaces } = admin;
  switch (cns) {
    case 0x00:
      return give(admin, command, identifyNamespace(namespaceOf(admin, command)));
    case 0x01:
      return give(admin, command, identifyController(admin.facts));
    case 0x02:
    case 0x07:
      if (command.namespace >= BROADCAST - 1)
        throw new CommandError(STATUS.INVALID_NAMESPACE, 'no namespace can come after this one');
      return give(admin, command, activeNamespaces(namespaces, command.namespace));
    case 0x03:
      return give(admin, command, namespaceDescriptors(namespaceOf(admin, command)));
    case 0x05:
      namespaceOf(admin, command);
      return give(admin, command, commandSetData(command));
    case 0x06:
      return give(admin, command, commandSetData(command));
    default:
      throw new CommandError(STATUS.INVALID_FIELD, `CNS 0x${cns.toString(16)} is not supported`);
  }
};

/** What the NVM command set adds to namespaces and controllers: nothing that is limited. */
function commandSetData(command: Command): Uint8Array {
  const set = command.dword(11) >>> 24;
  if (set !== 0) throw new CommandError(STATUS.INVALID_FIELD, `command set ${set} is not supported`);
  return new Uint8Array(IDENTIFY_SIZE);
}

const RETAIN_EVENT = 0x8000;

const getLogPage: Run = (admin, command) => {
  const [id, offset] = [command.dword(10) & 0xff, command.quad(12)];
  const size = ((command.dword(10) >>> 16) + (command.dword(11) & 0xffff) * 0x1_0000 + 1) * 4;
  const page = admin.logs.page(id);
  // There is one health log, of the controller.
  if (id === LOG.HEALTH && command.namespace !== 0 && command.namespace !== BROADCAST)
    throw new CommandError(STATUS.INVALID_FIELD, 'namespaces have no health log of their own');
  if (offset % 4n !== 0n || offset > BigInt(page.length))
    throw new CommandError(STATUS.INVALID_FIELD, `offset ${offset} of a log page of ${page.length} bytes`);
  const bytes = admin.transfer.buffer(size);
  bytes.fill(0);
  bytes.set(page.subarray(Number(offset), Number(offset) + size));
  give(admin, command, bytes);
  if ((command.dword(10) & RETAIN_EVENT) === 0) admin.events.logRead(id);
  return 0;
};

/** Commands are done when they are fetched: only an event request can still be waiting. */
const abort: Run = ({ queues, events }, command) => {
  const [queue, id] = [command.dword(10) & 0xffff, command.dword(10) >>> 16];
  if (!queues.submission.has(queue))
    throw new CommandError(STATUS.INVALID_FIELD, `submission queue ${queue} does not exist`);
  const NOT_ABORTED = 1;
  return queue === 0 && events.abort(id) ? 0 : NOT_ABORTED;
};

const formatNvm: Run = (admin, command) => {
  const format = command.dword(10) & 0xf;
  const protection = (command.dword(10) >>> 5) & 7;
  if (format >= BLOCK_SHIFTS.length || protection !== 0)
    throw new CommandError(STATUS.INVALID_FORMAT, `format ${format} with protection ${protection}`);
  const erase = (command.dword(10) >>> 9) & 7;
  const USER_DATA = 1;
  if (erase > USER_DATA) throw new CommandError(STATUS.INVALID_FIELD, `secure erase ${erase} is not supported`);
  const all = command.namespace === BROADCAST ? admin.namespaces : [namespaceOf(admin, command)];
  for (const namespace of all) {
    medium(STATUS.WRITE_FAULT, () => namespace.store.zero(0, namespace.store.size));
    namespace.format = format;
  }
  const stores = all.map(({ store }) => store);
  return settled((done) => flushAll(stores, done));
};

const COMMANDS: ReadonlyMap<number, Run> = new Map<number, Run>([
  [0x00, ({ queues }, command) => queues.deleteSubmission(command)],
  [0x01, ({ queues, config, features }, command) => queues.createSubmission(command, config, features.granted)],
  [0x02, getLogPage],
  [0x04, ({ queues }, command) => queues.deleteCompletion(command)],
  [0x05, ({ queues, config, features }, command) => queues.createCompletion(command, config, features.granted)],
  [0x06, identify],
  [0x08, abort],
  [0x09, ({ features, queues }, command) => features.set(command, queues.hasIo)],
  [0x0a, ({ features }, command) => features.get(command)],
  [0x0c, ({ events }, command) => events.request(command.id)],
  [0x80, formatNvm],
]);

/** Operation codes that there are. */
export const ADMIN_OPCODES: readonly number[] = [...COMMANDS.keys()];

/** Does a command of the admin queue. @returns dword 0 of the completion, or what completes it. @throws CommandError */
export function runAdmin(admin: Admin, command: Command): Result {
  const run = COMMANDS.get(command.opcode);
  if (!run)
    throw new CommandError(STATUS.INVALID_OPCODE, `admin command 0x${command.opcode.toString(16)} does not exist`);
  refuseFused(command);
  if (command.pointerKind !== 0) throw new CommandError(STATUS.INVALID_FIELD, 'admin commands use PRPs');
  return run(admin, command);
}
