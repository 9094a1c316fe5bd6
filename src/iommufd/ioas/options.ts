/** IOMMU_OPTION and IOMMU_IOAS_CHANGE_PROCESS (linux-iommufd.md, 5 and 6). */
import { Errno } from '../../abi/errno.js';
import { IOMMUFD_IOCTLS as IOCTL, IOMMUFD } from '../../abi/iommufd.js';
import type { SharedPages } from '../../iopt/shared-pages.js';
import { IOMMUFD_SIZE } from '../../kernel/file/convention.js';
import { type IoctlRow, Rows } from '../../kernel/file/ioctl.js';
import type { Caller } from '../../kernel/file/open-file.js';
import { CAP } from '../../kernel/fs/permission.js';
import { type Account, type AccountMode, charge, uncharge } from '../../memory/account.js';
import type { IommufdContext } from '../context.js';
import { Ioas } from './ioas.js';

/** @throws EOPNOTSUPP, EPERM, EBUSY, EINVAL */
function rlimitMode(context: IommufdContext, caller: Caller, op: number, object: number, value: bigint): bigint {
  if (object !== 0) throw new Errno('EOPNOTSUPP', `RLIMIT_MODE is an option of the context, not of object ${object}`);
  if (op === IOMMUFD.IOMMU_OPTION_OP_GET) return context.perProcess ? 1n : 0n;
  if (op !== IOMMUFD.IOMMU_OPTION_OP_SET) throw new Errno('EOPNOTSUPP', `unknown operation ${op}`);
  if (!caller.capable(CAP.SYS_RESOURCE)) throw new Errno('EPERM', 'setting RLIMIT_MODE takes CAP_SYS_RESOURCE');
  if (!context.objects.empty) throw new Errno('EBUSY', 'the context has objects already');
  if (value > 1n) throw new Errno('EINVAL', `RLIMIT_MODE is 0 or 1, not ${value}`);
  context.perProcess = value === 1n;
  return value;
}

/** @throws ENOENT, EOPNOTSUPP, EINVAL, EADDRINUSE */
function hugePages(context: IommufdContext, op: number, object: number, value: bigint): bigint {
  const { table } = context.objects.get(object, Ioas);
  if (op === IOMMUFD.IOMMU_OPTION_OP_GET) return table.largePages ? 1n : 0n;
  if (op !== IOMMUFD.IOMMU_OPTION_OP_SET) throw new Errno('EOPNOTSUPP', `unknown operation ${op}`);
  if (value > 1n) throw new Errno('EINVAL', `HUGE_PAGES is 0 or 1, not ${value}`);
  table.setLargePages(value === 1n);
  return value;
}

/** Every pages object of the context, once. @throws EINVAL one is not of a file */
function filePages(context: IommufdContext): Set<SharedPages> {
  const all = new Set<SharedPages>();
  for (const ioas of context.objects) {
    if (!(ioas instanceof Ioas)) continue;
    for (const { pages } of ioas.table.areas) {
      if (pages.source.kind !== 'file') throw new Errno('EINVAL', `IOAS ${ioas.id} maps memory that is not a file's`);
      all.add(pages);
    }
  }
  return all;
}

const MODES: readonly AccountMode[] = ['none', 'user', 'mm'];

/** Makes the caller the owner of all file mappings: charged first, then the old owners uncharged. @throws EINVAL, ENOMEM */
function changeProcess(context: IommufdContext, caller: Caller): void {
  const { mm } = caller;
  const user = context.host.users.of(caller.uid);
  const moving = [...filePages(context)].filter(
    ({ account }) =>
      account.mode !== 'none' && (account.mm !== mm || (account.mode === 'user' && account.user !== user)),
  );
  const charged: [Account, number][] = [];
  try {
    for (const mode of MODES) {
      let pages = 0;
      for (const each of moving) if (each.account.mode === mode) pages += each.pinnedPages;
      if (pages === 0) continue;
      charge({ mm, user, mode }, pages);
      charged.push([{ mm, user, mode }, pages]);
    }
  } catch (error) {
    for (const [account, pages] of charged) uncharge(account, pages);
    throw error;
  }
  for (const each of moving) uncharge(each.account, each.pinnedPages);
  for (const each of filePages(context)) each.account = { mm, user, mode: each.account.mode };
}

const rows = new Rows<IommufdContext>(IOMMUFD_SIZE);

export const OPTION_ROWS: readonly IoctlRow<IommufdContext>[] = [
  rows.struct(IOCTL.OPTION, {
    reserved: ['__reserved'],
    out: 'val64',
    run(context, args, caller) {
      const { option_id, op, object_id, val64 } = args;
      if (option_id === IOMMUFD.IOMMU_OPTION_RLIMIT_MODE) {
        args.val64 = rlimitMode(context, caller, op, object_id, val64);
      } else if (option_id === IOMMUFD.IOMMU_OPTION_HUGE_PAGES) {
        args.val64 = hugePages(context, op, object_id, val64);
      } else throw new Errno('EOPNOTSUPP', `unknown option ${option_id}`);
      return 0;
    },
  }),
  rows.struct(IOCTL.IOAS_CHANGE_PROCESS, {
    reserved: ['__reserved'],
    run(context, _args, caller) {
      changeProcess(context, caller);
      return 0;
    },
  }),
];
