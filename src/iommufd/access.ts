/** An in-kernel user of an IOAS (Linux: iommufd_access): an emulated device, a hardware queue. It pins pages, or copies. */
import { PAGE_SIZE, U64_MAX } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import type { TableAccess } from '../iopt/io-page-table.js';
import type { Ioas } from './ioas/ioas.js';
import { IommufdObject } from './objects.js';

export class IommufdAccess extends IommufdObject implements TableAccess {
  readonly kind = 'access';
  readonly alignment: bigint;
  /** Drops what it pinned in [iova, iova+length); undefined: it locks what it pins. */
  readonly unmap: ((iova: bigint, length: bigint) => void) | undefined;
  #ioas: Ioas | undefined;

  /** @param pins it pins whole pages, so mappings must be made of them */
  constructor(pins: boolean, unmap?: (iova: bigint, length: bigint) => void) {
    super();
    this.alignment = pins ? BigInt(PAGE_SIZE) : 1n;
    this.unmap = unmap;
  }

  /** @throws ENOENT it is attached to none */
  get ioas(): Ioas {
    if (!this.#ioas) throw new Errno('ENOENT', `access ${this.id} is attached to no IOAS`);
    return this.#ioas;
  }

  /** Moves to another IOAS, or to none: what it pinned in the old one is dropped. @throws EADDRINUSE not aligned to pages */
  use(ioas: Ioas | undefined): void {
    const old = this.#ioas;
    if (old === ioas) return;
    if (ioas) {
      ioas.table.addAccess(this);
      ioas.users++;
    }
    if (old) {
      this.unmap?.(0n, U64_MAX);
      old.table.removeAccess(this);
      old.users--;
    }
    this.#ioas = ioas;
  }

  destroy(): void {
    this.use(undefined);
  }
}
