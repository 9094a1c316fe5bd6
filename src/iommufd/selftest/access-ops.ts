/** Test operations on accesses: create, pin, compare, copy. */
import { hex, offsetInPage } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { O } from '../../abi/fcntl.js';
import { IOMMUFD_TEST as T } from '../../abi/iommufd-test.js';
import { copyMapped } from '../../iopt/pinned-access.js';
import { type Caller, OpenFile } from '../../kernel/file/open-file.js';
import { countFrames, firstDifference } from '../../memory/backing.js';
import type { IommufdContext } from '../context.js';
import { Ioas } from '../ioas/ioas.js';
import { TEST_ACCESS_FILE, TestAccess, testAccess } from './access-file.js';
import { nthArea } from './nth-area.js';

/** Most bytes of one pin or copy. */
const MAX_LENGTH = 16n << 20n;

/** @returns a new descriptor. @throws EOPNOTSUPP, ENOENT, EADDRINUSE, EMFILE */
export function createAccess(context: IommufdContext, caller: Caller, ioasId: number, flags: number): number {
  if (flags & ~T.MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES) throw new Errno('EOPNOTSUPP', `unknown flags ${hex(flags)}`);
  const { objects } = context;
  const made = new TestAccess(context, (flags & T.MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES) !== 0);
  const file = new OpenFile(made, TEST_ACCESS_FILE);
  try {
    objects.finalize(objects.reserve(made.access)).users = 1;
    made.access.use(objects.get(ioasId, Ioas));
  } catch (error) {
    file.put();
    throw error;
  }
  return caller.install(file, O.CLOEXEC);
}

/** @throws EBADFD, ENOENT, EADDRINUSE */
export function replaceIoas(caller: Caller, fd: number, ioasId: number): void {
  const { access, context } = testAccess(caller, fd);
  // An access that lost its IOAS answers ENOENT by itself.
  void access.ioas;
  access.use(context.objects.get(ioasId, Ioas));
}

export interface PinRequest {
  readonly fd: number;
  readonly iova: bigint;
  readonly length: bigint;
  /** Where the same memory is in the program; 0: not compared. */
  readonly address: bigint;
  readonly flags: number;
}

/**
 * Pins pages, and compares them with the program's.
 * @returns number of the item
 * @throws ENOMEM, EOPNOTSUPP, EBADFD, EBADE other pages, EFAULT, and what pinning answers
 */
export function accessPages(
  caller: Caller,
  { fd, length, address, flags, ...request }: PinRequest,
): [TestAccess, number] {
  if (length > MAX_LENGTH) throw new Errno('ENOMEM', `${hex(length)} bytes are too many for one pin`);
  if (flags & ~(T.MOCK_FLAGS_ACCESS_WRITE | T.MOCK_FLAGS_ACCESS_SYZ)) {
    throw new Errno('EOPNOTSUPP', `unknown flags ${hex(flags)}`);
  }
  const test = testAccess(caller, fd);
  if (!test.pins) throw new Errno('EOPNOTSUPP', 'the access was not made for pinning');
  const iova = flags & T.MOCK_FLAGS_ACCESS_SYZ ? nthArea(test.access.ioas.table, request.iova) : request.iova;
  const frames = test.pin(iova, length, (flags & T.MOCK_FLAGS_ACCESS_WRITE) !== 0);
  try {
    if (address !== 0n) {
      const at = BigInt.asUintN(64, address - BigInt(offsetInPage(iova)));
      const pages = countFrames(frames);
      const own = caller.mm.memory.frames(at - BigInt(offsetInPage(at)), pages, false);
      const different = firstDifference(frames, own);
      if (different !== undefined) throw new Errno('EBADE', `page ${different} is not the one at ${hex(at)}`);
      if (countFrames(own) < pages) throw new Errno('EFAULT', `${hex(at)} is not mapped in whole`);
    }
  } catch (error) {
    test.release(iova, length);
    throw error;
  }
  return [test, test.keep(iova, length)];
}

/** Copies between mapped memory and the program. @throws ENOMEM, EOPNOTSUPP, EBADFD, EFAULT, and what copying answers */
export function accessRw(caller: Caller, { fd, length, address, flags, ...request }: PinRequest): void {
  if (length > MAX_LENGTH) throw new Errno('ENOMEM', `${hex(length)} bytes are too many for one copy`);
  if (flags & ~(T.MOCK_ACCESS_RW_WRITE | T.MOCK_ACCESS_RW_SLOW_PATH | T.MOCK_FLAGS_ACCESS_SYZ)) {
    throw new Errno('EOPNOTSUPP', `unknown flags ${hex(flags)}`);
  }
  const { access } = testAccess(caller, fd);
  const bytes = new Uint8Array(Number(length));
  const write = (flags & T.MOCK_ACCESS_RW_WRITE) !== 0;
  if (write) caller.mm.copyIn(address, bytes);
  const iova = flags & T.MOCK_FLAGS_ACCESS_SYZ ? nthArea(access.ioas.table, request.iova) : request.iova;
  const mm = flags & T.MOCK_ACCESS_RW_SLOW_PATH ? undefined : caller.mm;
  copyMapped(access.ioas.table, iova, bytes, { write, mm });
  if (!write) caller.mm.copyOut(address, bytes);
}
