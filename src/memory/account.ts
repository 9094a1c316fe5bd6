/**
 * Who pays for pinned pages (Linux: account_locked_vm, user_struct.locked_vm and mm.pinned_vm). In every mode the mm that
 * mapped them counts them as pinned: VmPin of /proc/PID/status.
 */

import { PAGE_SIZE } from '../abi/address.js';
import { type Mm, overLimit } from './mm.js';

/** `none`: the task held CAP_IPC_LOCK; `user`: against the user, across processes; `mm`: against the process, VmLck. */
export type AccountMode = 'none' | 'user' | 'mm';

/** What a user has locked, over all processes. */
export interface UserAccount {
  readonly uid: number;
  lockedPages: number;
}

/** The user of pins that count against nobody. */
export const NOBODY: UserAccount = { uid: -1, lockedPages: 0 };

/** The users of a machine. */
export class UserAccounts {
  readonly #users = new Map<number, UserAccount>();

  of(uid: number): UserAccount {
    const user = this.#users.get(uid) ?? { uid, lockedPages: 0 };
    this.#users.set(uid, user);
    return user;
  }
}

/** The owner of pins: fixed when memory is mapped, or moved to another process as a whole. */
export interface Account {
  readonly mm: Mm;
  readonly user: UserAccount;
  readonly mode: AccountMode;
}

/**
 * Charges pages that were pinned.
 * @throws ENOMEM over RLIMIT_MEMLOCK of the task that mapped them; nothing is charged then
 */
export function charge({ mm, user, mode }: Account, pages: number): void {
  if (mode === 'user') {
    const limit = mm.memory.lockLimit();
    if (limit !== undefined && BigInt(user.lockedPages + pages) * BigInt(PAGE_SIZE) > limit) {
      throw overLimit(pages, user.lockedPages, limit);
    }
    user.lockedPages += pages;
  } else if (mode === 'mm') mm.chargeWithin(pages);
  mm.addPinned(pages);
}

/** Gives pages back. */
export function uncharge({ mm, user, mode }: Account, pages: number): void {
  if (mode === 'user') user.lockedPages -= pages;
  else if (mode === 'mm') mm.uncharge(pages);
  mm.addPinned(-pages);
}
