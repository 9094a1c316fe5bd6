/** /dev/ioasid as an open file: a context, whose last close frees everything in it (uapi-ioasid.md, section 1). */
import { Errno } from '../abi/errno.js';
import { Facet } from '../kernel/facet.js';
import { type Caller, type FileTable, OpenFile } from '../kernel/open-file.js';
import { PROOF } from '../kernel/proof.js';
import { IoasidContext, type IoasidHost } from './context.js';
import { IOASID_TABLE } from './table.js';

/** The context that an open file of /dev/ioasid is. */
export const IOASID_CONTEXT = new Facet<IoasidContext>('/dev/ioasid');

const FILE: FileTable<IoasidContext> = {
  name: () => '/dev/ioasid',
  ioctl: (context, caller, request, argument, detail) =>
    IOASID_TABLE.dispatch(context, caller, request, argument, detail),
  release: (context) => context.release(),
  facets: [
    IOASID_CONTEXT.from((context: IoasidContext) => context),
    PROOF.from((context: IoasidContext) => ({ kind: 'ioasid', record: () => context.record, returned: () => {} })),
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
