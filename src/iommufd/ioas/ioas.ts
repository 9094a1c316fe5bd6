/** An I/O address space of iommufd (IOAS): its page table, and the hardware page tables that show it. */
import { IoPageTable } from '../../iopt/io-page-table.js';
import { unmapAll } from '../../iopt/unmap.js';
import { IommufdObject } from '../objects.js';

export class Ioas extends IommufdObject {
  readonly kind = 'IOAS';
  readonly table = new IoPageTable();
  /** Its paging hardware page tables, in the order of their creation. */
  readonly hwpts = new Set<IommufdObject>();

  destroy(): void {
    unmapAll(this.table);
  }
}
