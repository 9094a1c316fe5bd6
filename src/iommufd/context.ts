/**
 * An iommufd context: what an open file of /dev/iommu is (linux-iommufd.md, 1). It owns the objects; it lives as long as its
 * file, or another file or device that belongs to it.
 */
import type { Caller } from '../kernel/file/open-file.js';
import { type Account, NOBODY, type UserAccounts } from '../memory/account.js';
import type { Ioas } from './ioas/ioas.js';
import { Mmaps } from './mmaps.js';
import { ObjectTable } from './objects.js';

/** What a context needs of the machine. */
export interface IommufdHost {
  /** Who has locked how much. */
  readonly users: UserAccounts;
  /** The contexts that live. */
  readonly contexts: Set<IommufdContext>;
  /** The kernel is built with its own tests: IOMMU_TEST_CMD is there. */
  readonly selftest: boolean;
  /** Number of the next mock device. */
  nextMock(): number;
}

export class IommufdContext {
  readonly host: IommufdHost;
  readonly objects = new ObjectTable();
  readonly mmaps = new Mmaps();
  /** Pins are charged to the process, not to the user. */
  perProcess = false;
  /** The IOAS that VFIO's ioctls act on. */
  compat: Ioas | undefined;
  /** Its file, and what else keeps it. */
  #references = 1;

  constructor(host: IommufdHost) {
    this.host = host;
    host.contexts.add(this);
  }

  /** Something else keeps the context alive. */
  get(): this {
    this.#references++;
    return this;
  }

  /** It lets go; the last one ends the context. */
  put(): void {
    if (--this.#references > 0) return;
    this.objects.destroyAll();
    this.host.contexts.delete(this);
  }

  /** Destroys an object on the user's demand. @throws ENOENT, EBUSY */
  destroy(id: number): void {
    // A mapping that was undone since is noticed when it would be in the way.
    const object = this.objects.find(id);
    if (object && object.users > 0) this.mmaps.refresh(object);
    this.objects.destroy(id);
    if (this.compat && this.compat === object) this.compat = undefined;
  }

  /** Who pays for what the caller maps. */
  account(caller: Caller): Account {
    if (caller.mm.memory.mayExceedLockLimit()) return { mm: caller.mm, user: NOBODY, mode: 'none' };
    return { mm: caller.mm, user: this.host.users.of(caller.uid), mode: this.perProcess ? 'mm' : 'user' };
  }
}
