/**
 * The token that a user of a physical function shares with the users of its virtual functions (linux-vfio.md, 2, token
 * rule): who does not know it cannot open either while the other is in use.
 */
import { Errno } from '../abi/errno.js';

/** Where a function stands in SR-IOV. */
export type TokenRole =
  /** A physical function with SR-IOV capability. @param vfsOpen its virtual functions that are open */
  | { readonly kind: 'physical'; readonly token: VfToken; readonly vfsOpen: number }
  /** A virtual function of a physical one that is under vfio-pci. */
  | { readonly kind: 'virtual'; readonly token: VfToken }
  | { readonly kind: 'other' };

/** A token: 16 bytes, as 32 hexadecimal digits. */
export class VfToken {
  #value: string;

  /** @param initial 16 bytes that nobody knows */
  constructor(initial: Uint8Array) {
    this.#value = tokenText(initial);
  }

  set(token: string): void {
    this.#value = token;
  }

  matches(token: string): boolean {
    return this.#value === token;
  }
}

/** A token of 16 bytes as text. */
export const tokenText = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** A token of a UUID's text form. */
export const tokenOfUuid = (uuid: string): string => uuid.replaceAll('-', '').toLowerCase();

/**
 * May the function be opened with this token, or without one? A PF without open VFs takes a given token as its new one.
 * @throws EINVAL no token is allowed; EACCES it is missing or wrong
 */
export function checkToken(name: string, role: TokenRole, token: string | undefined): void {
  if (role.kind === 'other') {
    if (token !== undefined) throw new Errno('EINVAL', `${name} is neither a PF nor a VF of one: it takes no token`);
    return;
  }
  if (role.kind === 'physical' && role.vfsOpen === 0) {
    if (token !== undefined) role.token.set(token);
    return;
  }
  if (token === undefined) throw new Errno('EACCES', `${name} needs the token of its physical function`);
  if (!role.token.matches(token)) throw new Errno('EACCES', `the token is not the one of ${name}'s physical function`);
}
