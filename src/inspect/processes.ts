/** Processes as objects: what their descriptors lead to. */
import type { BootedMachine } from '../boot.js';
import { CONTAINER } from '../container/container-file.js';
import { IOASID_CONTEXT } from '../ioasid/file.js';
import { IOMMUFD } from '../iommufd/file.js';
import type { OpenFile } from '../kernel/file/open-file.js';
import { containerId, fileId, iommufdId, vmId } from './ids.js';
import type { Link, ObjectView } from './source.js';

/** A process that uses the machine. */
export interface Holder {
  readonly pid: number;
  /** Its open files by descriptor. */
  files(): Iterable<readonly [fd: number, file: OpenFile]>;
}

export function processViews(machine: BootedMachine, holders: readonly Holder[]): ObjectView[] {
  const iommufds = [...machine.iommufd.contexts];
  const containers = [...machine.containers.containers];
  return holders.map((holder) => {
    const { pid } = holder;
    const links: Link[] = [];
    let descriptors = 0;
    for (const [fd, file] of holder.files()) {
      descriptors++;
      const context = file.facet(IOASID_CONTEXT);
      if (context) links.push({ to: fileId(context.number), as: `fd ${fd}` });
      const iommufd = file.facet(IOMMUFD);
      if (iommufd) links.push({ to: iommufdId(iommufds.indexOf(iommufd) + 1), as: `fd ${fd}` });
      const container = file.facet(CONTAINER);
      if (container) links.push({ to: containerId(containers.indexOf(container) + 1), as: `fd ${fd}` });
      for (const vm of machine.vms) if (vm.file === file) links.push({ to: vmId(vm.id), as: `fd ${fd}` });
    }
    return { kind: 'process', id: `process:${pid}`, name: `process ${pid}`, facts: { pid, descriptors }, links };
  });
}
