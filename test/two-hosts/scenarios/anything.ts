/** Calls of /dev/ioasid and of devices, drawn at random. */
import { ioctls } from '../../../src/index.js';
import { random } from '../../random.js';
import { attempt, IOVA, PAGE, type Scenarios, started } from './common.js';

const { IOASID_IOCTLS, VFIO_IOCTLS } = ioctls;

export const ANYTHING: Scenarios = {
  'anything: six hundred calls drawn at random': (stage) => {
    const it = started(stage);
    const { process, fd } = it;
    const draw = random(20211013);
    const names = ['vfio0', 'vfio1', 'vfio2', 'vfio3', 'vfio4', 'vfio5'];
    const engines = names.map((name) => it.bind(name));
    const memory = process.memory.mmap(16n * PAGE);
    const events = process.ioctl(fd, IOASID_IOCTLS.EVENT_FD.request, 0o4000);
    const buffer = process.memory.mmap(PAGE);
    const any = () => engines[draw(engines.length)] ?? it.engine(-1);
    const id = () => draw(6);
    const address = () => IOVA + BigInt(draw(8)) * PAGE;
    const size = () => BigInt(1 + draw(3)) * PAGE;
    const calls: readonly (() => unknown)[] = [
      () => it.alloc(draw(3)),
      () => it.child(id()),
      () => process.ioctl(fd, IOASID_IOCTLS.FREE.request, id()),
      () => it.attach(any(), id()),
      () => it.attach(any(), id(), draw(3)),
      () => it.detach(any(), id()),
      () => it.detach(any(), id(), draw(3)),
      () => {
        const vaddr = draw(2) ? memory + BigInt(draw(12)) * PAGE : address();
        process.call(fd, IOASID_IOCTLS.MAP_DMA, { ioasid: id(), flags: draw(4), vaddr, iova: address(), size: size() });
      },
      () => process.call(fd, IOASID_IOCTLS.UNMAP_DMA, { ioasid: id(), iova: address(), size: size() }),
      () => any().fill(address() + BigInt(draw(4096)), BigInt(draw(255)), draw(2) ? undefined : draw(3), draw(2) === 1),
      () => any().fill(address(), BigInt(draw(255))),
      () => process.call(fd, IOASID_IOCTLS.GET_INFO, { ioasid: id() }),
      () => process.call(fd, IOASID_IOCTLS.DIRTY_TRACKING, { ioasid: id(), flags: 1 + draw(2) }),
      () => process.ioctl(fd, IOASID_IOCTLS.EXECUTE_WBINVD.request),
      () => process.read(events, buffer, 4096),
      () => process.memory.read(buffer, new Uint8Array(24)),
      () => process.memory.read(memory + BigInt(draw(16)) * PAGE, new Uint8Array(16)),
      () => process.ioctl(any().fd, VFIO_IOCTLS.DEVICE_RESET.request),
    ];
    for (let i = 0; i < 600; i++) attempt(() => calls[draw(calls.length)]?.());
  },
};
