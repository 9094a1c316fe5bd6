/** The string of VFIO_GROUP_GET_DEVICE_FD: a device's name, and options behind it (linux-vfio.md, 2). */
import { PAGE_SIZE } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import type { Mm } from '../memory/mm.js';

/**
 * Reads a string of the caller.
 * @throws EFAULT; EINVAL it does not end within a page's length
 */
export function readString(mm: Mm, address: bigint): string {
  const bytes = new Uint8Array(PAGE_SIZE);
  const got = mm.memory.read(address, bytes);
  const end = bytes.subarray(0, got).indexOf(0);
  if (end >= 0) return String.fromCharCode(...bytes.subarray(0, end));
  if (got < PAGE_SIZE) throw new Errno('EFAULT', 'the name of the device cannot be read');
  throw new Errno('EINVAL', `the name of the device does not end within ${PAGE_SIZE} bytes`);
}

const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
const TOKEN = 'vf_token=';

/** What follows the name: only a token is known. @throws EINVAL */
export function parseOptions(options: string): string | undefined {
  let token: string | undefined;
  for (const option of options.split(' ')) {
    if (option === '') continue;
    const value = option.startsWith(TOKEN) ? option.slice(TOKEN.length) : undefined;
    if (value === undefined) throw new Errno('EINVAL', `unknown option '${option}' behind the name of the device`);
    if (token !== undefined) throw new Errno('EINVAL', 'two tokens are given');
    if (!UUID.test(value)) throw new Errno('EINVAL', `'${value}' is not a UUID`);
    token = value.toLowerCase();
  }
  return token;
}
