/** /dev/ioasid as an open file: a context, whose last close frees everything in it (uapi-ioasid.md, section 1). */
import { Errno } from '../abi/errno.js';
import { Facet } from '../kernel/file/facet.js';
import { type Caller, type FileTable, OpenFile } from '../kernel/file/open-file.js';
import { PROOF, type Proof, WORK_QUEUES } from '../kernel/proof.js';
import { IoasidContext, type IoasidHost } from './context.js';
import { IOASID_TABLE } from './table.js';

/** The context that an open file of /dev/ioasid is. */
export const IOASID_CONTEXT = new Facet<IoasidContext>('/dev/ioasid');

/** A context has one record, for as long as it is open. */
function proof(context: IoasidContext): Proof {
  return {
    kind: 'ioasid',
    // It changes when an older context closes.
    get label() {
      return context.host.label(context);
    },
    record: () => context.record,
    returned: () => {},
  };
}

const FILE: FileTable<IoasidContext> = {
  name: () => '/dev/ioasid',
  ioctl: (context, caller, request, argument, detail) =>
    IOASID_TABLE.dispatch(context, caller, request, argument, detail),
  release: (context) => context.release(),
  facets: [
    IOASID_CONTEXT.from((context: IoasidContext) => context),
    PROOF.from(proof),
    WORK_QUEUES.from((context: IoasidContext) => context.queues),
  ],
};

/** open(2) of /dev/ioasid. */
export function openIoasid(host: IoasidHost): OpenFile {
  return new OpenFile(new IoasidContext(host), FILE);
}

/**
 * The IOASID context behind a descriptor.
 * @throws EBADF no such descriptor; EINVAL another kind of file
 */
export function contextOf(caller: Caller, fd: number): IoasidContext {
  const file = caller.file(fd);
  const context = file?.facet(IOASID_CONTEXT);
  if (!context) throw new Errno('EINVAL', `descriptor ${fd} is ${file?.name ?? 'a file'}, not /dev/ioasid`);
  return context;
}
