// Areas of an IOAS: whole calls of /dev/iommu on the virtual kernel, without the host's part of a system call.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { bootMachine, linuxIommufd } from '../../dist/index.js';

const { IOMMUFD, IOMMUFD_IOCTLS } = linuxIommufd;
const FLAGS = IOMMUFD.IOMMU_IOAS_MAP_FIXED_IOVA | IOMMUFD.IOMMU_IOAS_MAP_READABLE | IOMMUFD.IOMMU_IOAS_MAP_WRITEABLE;
const PAGE = 4096n;

/** A permutation of 0 to n - 1, n a power of ten: steps of a number that shares no factor with it. */
function* shuffled(n) {
  const step = Math.floor(n * 0.618) | 1;
  for (let i = 0, at = 0; i < n; i++, at = (at + step) % n) yield at;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

function heap() {
  collect();
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
}

function us(count, act) {
  const start = process.hrtime.bigint();
  act();
  return Number(process.hrtime.bigint() - start) / count / 1000;
}

/** @returns microseconds of a map, a map in a hole that is chosen, a copy, an unmap, of closing all; and bytes an area */
export function areas(n) {
  const program = bootMachine().spawn();
  const iommufd = program.open('/dev/iommu');
  const { out_ioas_id: ioas } = program.call(iommufd, IOMMUFD_IOCTLS.IOAS_ALLOC, { size: 12 });
  const { out_ioas_id: other } = program.call(iommufd, IOMMUFD_IOCTLS.IOAS_ALLOC, { size: 12 });
  const user = program.memory.mmap(PAGE);
  const map = { size: 40, flags: FLAGS, ioas_id: ioas, user_va: user, length: PAGE, iova: 0n };
  const before = heap();
  const mapped = us(n, () => {
    for (const i of shuffled(n)) {
      map.iova = BigInt(i + 1) * 2n * PAGE;
      program.call(iommufd, IOMMUFD_IOCTLS.IOAS_MAP, map);
    }
  });
  const bytes = (heap() - before) / n;
  const some = Math.min(n, 10_000);
  const chosen = us(some, () => {
    for (let i = 0; i < some; i++)
      program.call(iommufd, IOMMUFD_IOCTLS.IOAS_MAP, { ...map, flags: FLAGS & ~1, iova: 0n });
  });
  const copied = us(some, () => {
    const copy = { size: 40, flags: FLAGS, dst_ioas_id: other, src_ioas_id: ioas, length: PAGE };
    for (let i = 0; i < some; i++) {
      const iova = BigInt(i + 1) * 2n * PAGE;
      program.call(iommufd, IOMMUFD_IOCTLS.IOAS_COPY, { ...copy, src_iova: iova, dst_iova: iova });
    }
  });
  const unmapped = us(n / 2, () => {
    let left = n / 2;
    for (const i of shuffled(n)) {
      if (left-- <= 0) break;
      const unmap = { size: 24, ioas_id: ioas, iova: BigInt(i + 1) * 2n * PAGE, length: PAGE };
      program.call(iommufd, IOMMUFD_IOCTLS.IOAS_UNMAP, unmap);
    }
  });
  const closed = us(n / 2, () => program.close(iommufd));
  return [mapped, chosen, copied, unmapped, closed, bytes];
}
