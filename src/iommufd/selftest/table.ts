/** IOMMU_TEST_CMD: the operations of Linux's own tests of iommufd (linux-iommufd.md, 15). */
import { hex, lastWraps } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { IOMMUFD_TEST_IOCTLS, iommu_test_cmd, TEST_OP } from '../../abi/iommufd-test.js';
import type { Fields } from '../../abi/layout.js';
import { IOMMUFD_SIZE } from '../../kernel/file/convention.js';
import { type IoctlRow, Rows } from '../../kernel/file/ioctl.js';
import type { Caller } from '../../kernel/file/open-file.js';
import type { IommufdContext } from '../context.js';
import { attach, detach, replace } from '../device/attach.js';
import { NO_PASID } from '../device/group.js';
import { Ioas } from '../ioas/ioas.js';
import { testAccess } from './access-file.js';
import { accessPages, accessRw, createAccess, replaceIoas } from './access-ops.js';
import { checkCache, checkIotlb, checkMap, checkPasid, checkRefs, markDirty } from './check-ops.js';
import { exportDmaBuf, revokeDmaBuf } from './dma-bufs.js';
import { triggerFault, triggerVevent } from './events.js';
import { MockObject, mockDomain } from './mock-object.js';

type Command = Fields<typeof iommu_test_cmd>;

/** One call: the command, who makes it, and where the command is in the program. */
interface Call {
  readonly context: IommufdContext;
  readonly caller: Caller;
  readonly command: Command;
  readonly address: bigint;
}

/** Least limit of temporary memory, bytes: one batch element. */
const LEAST_LIMIT = 12;

/** Two words of the command as one. */
function wide(low: number, high: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

/** Writes words of the answer, from a field on. @throws EFAULT after `undo` */
function answer({ caller, address }: Call, field: 'a' | 'b' | 'h', words: readonly number[], undo: () => void): number {
  const view = new DataView(new ArrayBuffer(words.length * 4));
  words.forEach((word, i) => {
    view.setUint32(i * 4, word, true);
  });
  try {
    caller.mm.copyOut(address + BigInt(iommu_test_cmd.offset[field]), new Uint8Array(view.buffer));
  } catch (error) {
    undo();
    throw error;
  }
  return 0;
}

function makeMock(call: Call, flags: number): number {
  const { context, command } = call;
  const { object, hwpt } = mockDomain(context, command.id, flags);
  answer(call, 'a', [object.id, hwpt, object.device.id], () => context.objects.abort(object));
  context.objects.finalize(object);
  return 0;
}

function addReserved({ context, command: { id, a, b, c, d } }: Call): number {
  const [start, length] = [wide(a, b), wide(c, d)];
  if (length === 0n) throw new Errno('EINVAL', 'length is 0');
  if (lastWraps(start, length)) throw new Errno('EOVERFLOW', `${hex(start)}+${hex(length)} wraps`);
  context.objects.get(id, Ioas).table.reserve(start, start + length - 1n, undefined);
  return 0;
}

function pin(call: Call): number {
  const { caller, command } = call;
  const { id, a, c, d, e, f } = command;
  const [test, item] = accessPages(caller, { fd: id, iova: wide(c, d), length: e, address: f, flags: a });
  return answer(call, 'b', [item], () => test.forgetLast());
}

function dirty(call: Call): number {
  const { context, caller, command } = call;
  const { id, c, d, e, f, g } = command;
  const bits = markDirty(context, caller, id, { iova: wide(c, d), length: e, pageSize: f, address: g });
  return answer(call, 'h', [bits, 0], () => {});
}

function changePasid(call: Call, change: typeof attach): number {
  const { context, command } = call;
  const { device } = context.objects.get(command.id, MockObject);
  return answer(call, 'b', [change(device, command.a, command.b)], () => {
    if (change === attach) detach(device, command.a);
  });
}

/** What has no answer but its result. */
function done(): number {
  return 0;
}

const OPERATIONS: Readonly<Record<number, (call: Call) => number>> = {
  [TEST_OP.ADD_RESERVED]: addReserved,
  [TEST_OP.MOCK_DOMAIN]: (call) => makeMock(call, 0),
  [TEST_OP.MOCK_DOMAIN_FLAGS]: (call) => makeMock(call, call.command.d),
  [TEST_OP.MOCK_DOMAIN_REPLACE]: (call) => {
    const { device } = call.context.objects.get(call.command.id, MockObject);
    return answer(call, 'a', [replace(device, NO_PASID, call.command.a)], done);
  },
  [TEST_OP.MD_CHECK_MAP]: ({ context, caller, command: { id, a, b, c, d, e } }) => {
    checkMap(context, caller, id, wide(a, b), wide(c, d), e);
    return 0;
  },
  [TEST_OP.MD_CHECK_REFS]: ({ caller, command: { a, b, c, d, e } }) => {
    checkRefs(caller, wide(c, d), wide(a, b), Number(e & 0xffff_ffffn));
    return 0;
  },
  [TEST_OP.MD_CHECK_IOTLB]: ({ context, command: { id, a, b } }) => {
    checkIotlb(context, id, a, b);
    return 0;
  },
  [TEST_OP.DEV_CHECK_CACHE]: ({ context, command: { id, a, b } }) => {
    checkCache(context, id, a, b);
    return 0;
  },
  [TEST_OP.CREATE_ACCESS]: (call) => {
    const fd = createAccess(call.context, call.caller, call.command.id, call.command.b);
    return answer(call, 'a', [fd], done);
  },
  [TEST_OP.ACCESS_REPLACE_IOAS]: ({ caller, command }) => {
    replaceIoas(caller, command.id, command.a);
    return 0;
  },
  [TEST_OP.ACCESS_PAGES]: pin,
  [TEST_OP.DESTROY_ACCESS_PAGES]: ({ caller, command }) => {
    testAccess(caller, command.id).destroyItem(command.a);
    return 0;
  },
  [TEST_OP.ACCESS_RW]: ({ caller, command: { id, a, b, c, d, e, f } }) => {
    accessRw(caller, { fd: id, iova: wide(a, b), length: wide(c, d), address: e, flags: Number(f & 0xffff_ffffn) });
    return 0;
  },
  [TEST_OP.SET_TEMP_MEMORY_LIMIT]: ({ command }) => {
    if (command.a < LEAST_LIMIT)
      throw new Errno('EINVAL', `a limit of ${command.a} bytes holds no element of ${LEAST_LIMIT}`);
    return 0;
  },
  [TEST_OP.DIRTY]: dirty,
  [TEST_OP.TRIGGER_IOPF]: ({ context, command: { a, b, c, d, e } }) => {
    triggerFault(context, a, { pasid: b, grpid: c, perm: d, addr: e });
    return 0;
  },
  [TEST_OP.TRIGGER_VEVENT]: ({ context, command }) => {
    triggerVevent(context, command.a);
    return 0;
  },
  [TEST_OP.PASID_ATTACH]: (call) => changePasid(call, attach),
  [TEST_OP.PASID_REPLACE]: (call) => changePasid(call, replace),
  [TEST_OP.PASID_DETACH]: ({ context, command }) => {
    detach(context.objects.get(command.id, MockObject).device, command.a);
    return 0;
  },
  [TEST_OP.PASID_CHECK_HWPT]: ({ context, command: { id, a, b } }) => {
    checkPasid(context, id, a, b);
    return 0;
  },
  [TEST_OP.DMABUF_GET]: ({ caller, command }) => exportDmaBuf(caller, command.a, command.b),
  [TEST_OP.DMABUF_REVOKE]: ({ caller, command }) => {
    revokeDmaBuf(caller, command.a | 0, command.b !== 0);
    return 0;
  },
};

export const TEST_ROW: IoctlRow<IommufdContext> = new Rows<IommufdContext>(IOMMUFD_SIZE).struct(
  IOMMUFD_TEST_IOCTLS.TEST_CMD,
  {
    through: 'last',
    reserved: [],
    run(context, command, caller, address) {
      const operation = OPERATIONS[command.op];
      if (!operation) throw new Errno('EOPNOTSUPP', `unknown test operation ${command.op}`);
      return operation({ context, caller, command, address });
    },
  },
);
