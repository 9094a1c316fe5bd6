/** Plays a scenario on the virtual kernel: each step is the real call of a simulated process. */
import { PAGE_SIZE } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { ALLOC, KVM } from '../abi/ioasid/constants.js';
import { IOASID_IOCTLS, KVM_IOASID_IOCTLS, VFIO_IOASID_IOCTLS } from '../abi/ioasid/ioctls.js';
import { KVM_DEVICE_IOCTLS, KVM_IOCTLS, KVM_VM_IOCTLS, LINUX_KVM } from '../abi/kvm.js';
import type { Policy } from '../authority/policy.js';
import { type BootedMachine, bootMachine } from '../boot.js';
import type { IoasidContext } from '../ioasid/context.js';
import { IOASID_CONTEXT } from '../ioasid/file.js';
import { changeMode, ROOT } from '../kernel/fs/permission.js';
import type { Process } from '../kernel/process.js';
import { fillByDma, guestOperation } from './calls.js';
import { Cast } from './cast.js';
import type { ScenarioStep } from './schema.js';

/** One tick of a scenario, milliseconds. */
export const TICK_MS = 1000;
const PAGE = BigInt(PAGE_SIZE);
const IOVA = 0x100000n;
const WORD = 8n;

interface DeviceState {
  readonly process: Process;
  readonly fd: number;
  readonly file: string;
  ioasid: number | undefined;
}
interface VmState {
  readonly process: Process;
  readonly vm: number;
  readonly kvmVfio: number;
}

export class Player {
  readonly machine: BootedMachine;
  #clock = 0;
  readonly #cast: Cast;
  /** The context that a file's name means now. */
  readonly #contexts = new Map<string, IoasidContext>();
  readonly #devices = new Map<string, DeviceState>();
  readonly #vms = new Map<string, VmState>();
  /** IOASIDs that were made in a context, by kind. */
  readonly #spaces = new Map<IoasidContext, Map<string, number>>();
  #mapped = false;
  #value = 1n;

  constructor(policy: string | Policy) {
    this.machine = bootMachine({ authority: policy, now: () => this.#clock, coherency: 'strict' });
    this.#cast = new Cast(this.machine);
  }

  /** Plays one step. Returns the answer: ok, an error name, flushed, no-op, fresh or stale. */
  play(step: ScenarioStep): string {
    try {
      return this.#do(step);
    } catch (error) {
      if (error instanceof Errno) return error.code;
      throw error;
    }
  }

  /** right(F) or right(V), by the file's name or the VM's number. */
  right(name: string): boolean {
    const context = this.#contexts.get(name);
    if (context) return this.machine.contexts.has(context) && this.machine.authority.mayFlush(context.record);
    const vm = this.#vms.get(name);
    if (!vm) return false;
    const file = vm.process.file(vm.vm);
    const found = [...this.machine.vms].find((each) => each.file === file);
    return found !== undefined && this.machine.authority.guestMayFlush(found.record);
  }

  #vm(number: string): VmState {
    const vm = this.#vms.get(number);
    if (!vm) throw new Error(`VM ${number} does not exist`);
    return vm;
  }

  #device(name: string): DeviceState {
    const device = this.#devices.get(name);
    if (!device) throw new Error(`${name} is not bound`);
    return device;
  }

  #do(step: ScenarioStep): string {
    switch (step.do) {
      case 'open': {
        const process = this.#cast.process(step.process);
        const fd = process.open('/dev/ioasid');
        this.#cast.fds(step.process, step.file).push(fd);
        const context = process.file(fd).facet(IOASID_CONTEXT);
        if (context) this.#contexts.set(step.file, context);
        return 'ok';
      }
      case 'dup':
        this.#cast
          .fds(step.process, step.file)
          .push(this.#cast.process(step.process).dup(this.#cast.fd(step.process, step.file)));
        return 'ok';
      case 'close': {
        const fd = this.#cast.fd(step.process, step.file);
        this.#cast.fds(step.process, step.file).shift();
        this.#cast.process(step.process).close(fd);
        this.#dropUnbound();
        return 'ok';
      }
      case 'pass': {
        const to = this.#cast.process(step.to);
        this.#cast
          .fds(step.to, step.file)
          .push(this.#cast.process(step.process).send(this.#cast.fd(step.process, step.file), to));
        return 'ok';
      }
      case 'chmod': {
        const { path, inode } = this.machine.kernel.fs.find('/dev/ioasid');
        changeMode(path, inode, ROOT, Number.parseInt(step.mode, 8));
        return 'ok';
      }
      case 'bind': {
        const process = this.#cast.process(step.process);
        const fd = process.open(`/dev/vfio/devices/${step.device}`);
        process.call(fd, VFIO_IOASID_IOCTLS.BIND_IOASID_FD, {
          ioasid_fd: this.#cast.fd(step.process, step.file),
          cookie: BigInt(fd),
        });
        this.#devices.set(step.device, { process, fd, file: step.file, ioasid: undefined });
        return 'ok';
      }
      case 'unbind': {
        const { process, fd } = this.#device(step.device);
        process.ioctl(fd, VFIO_IOASID_IOCTLS.UNBIND_IOASID_FD.request);
        process.close(fd);
        this.#devices.delete(step.device);
        return 'ok';
      }
      case 'attach': {
        const device = this.#device(step.device);
        const ioasid = this.#space(device.file, step.ioasid);
        device.process.call(device.fd, VFIO_IOASID_IOCTLS.ATTACH_IOASID, { ioasid });
        device.ioasid = ioasid;
        return 'ok';
      }
      case 'detach': {
        const device = this.#device(step.device);
        device.process.call(device.fd, VFIO_IOASID_IOCTLS.DETACH_IOASID, { ioasid: device.ioasid ?? 0 });
        device.ioasid = undefined;
        return 'ok';
      }
      case 'unplug':
        this.machine.unplug(step.device);
        this.#dropUnbound();
        return 'ok';
      case 'plug':
        this.machine.plug(step.device);
        return 'ok';
      case 'create-vm': {
        const process = this.#cast.process(step.process);
        const kvm = process.open('/dev/kvm');
        const vm = process.ioctl(kvm, KVM_IOCTLS.CREATE_VM.request);
        process.close(kvm);
        const { fd } = process.call(vm, KVM_VM_IOCTLS.CREATE_DEVICE, { type: LINUX_KVM.KVM_DEV_TYPE_VFIO });
        this.#vms.set(step.vm, { process, vm, kvmVfio: fd });
        const page = this.#cast.page();
        if (page.process === process) {
          process.call(vm, KVM_VM_IOCTLS.SET_USER_MEMORY_REGION, { memory_size: PAGE, userspace_addr: page.address });
        }
        return 'ok';
      }
      case 'add':
      case 'delete':
        return this.#proof(step.vm, step.file, step.do === 'add' ? KVM.KVM_DEV_IOASID_ADD : KVM.KVM_DEV_IOASID_DEL);
      case 'enable': {
        const { process, vm } = this.#vm(step.vm);
        process.ioctl(
          vm,
          KVM_IOASID_IOCTLS.ENABLE_WBINVD.request,
          this.#cast.fd(this.#cast.nameOf(process), step.file),
        );
        return 'ok';
      }
      case 'disable': {
        const { process, vm } = this.#vm(step.vm);
        process.call(vm, KVM_VM_IOCTLS.ENABLE_CAP, { cap: KVM.KVM_CAP_DISABLE_WBINVD });
        return 'ok';
      }
      case 'close-vm': {
        const { process, vm, kvmVfio } = this.#vm(step.vm);
        process.close(kvmVfio);
        process.close(vm);
        this.#vms.delete(step.vm);
        this.#dropUnbound();
        return 'ok';
      }
      case 'tick':
        this.#clock += TICK_MS;
        this.machine.tick();
        return 'ok';
      case 'load':
        this.#load(step.vm);
        return 'ok';
      case 'guest-flush':
        return this.#guestFlush(step.vm);
      case 'flush-and-look':
        this.#guestFlush(step.vm);
        return this.#load(step.vm) === this.#value ? 'fresh' : 'stale';
      case 'map':
        this.#mapped = true;
        for (const { process, file, ioasid } of this.#devices.values())
          if (ioasid !== undefined) this.#map(process, file, ioasid);
        return 'ok';
      case 'dma-write':
        return this.#dmaWrite(this.#device(step.device));
      case 'flush':
        this.#cast
          .process(step.process)
          .ioctl(this.#cast.fd(step.process, step.file), IOASID_IOCTLS.EXECUTE_WBINVD.request);
        return 'flushed';
      default:
        throw new Error(
          `step '${step.do}' is a mechanism of the checker: the virtual kernel flushes on every CPU, and on map`,
        );
    }
  }

  /** The IOASID of a kind in a file; made when it is needed first. */
  #space(file: string, kind: 'plain' | 'enforcing'): number {
    const context = this.#contexts.get(file);
    if (!context) throw new Error(`${file} is not open`);
    const spaces = this.#spaces.get(context) ?? new Map<string, number>();
    this.#spaces.set(context, spaces);
    const flags = kind === 'plain' ? ALLOC.IOASID_ALLOC_NO_ENFORCE_SNOOP : ALLOC.IOASID_ALLOC_ENFORCE_SNOOP;
    const id = spaces.get(kind) ?? context.alloc(flags).id;
    spaces.set(kind, id);
    return id;
  }

  /** Bindings that ended by themselves: the last close of their file, or an unplugged device. */
  #dropUnbound(): void {
    for (const [name, { process, fd, file }] of [...this.#devices]) {
      const context = this.#contexts.get(file);
      if (context && [...context.devices()].some((device) => this.#isDevice(name, device.requester.name))) continue;
      process.close(fd);
      this.#devices.delete(name);
    }
  }

  #isDevice(name: string, requester: string): boolean {
    return this.machine.hardware.devices.some((device) => device.name === name && device.requester.name === requester);
  }

  #proof(number: string, file: string, attribute: number): string {
    const { process, kvmVfio } = this.#vm(number);
    const pointer = process.memory.mmap(PAGE);
    const word = new Uint8Array(new Int32Array([this.#cast.fd(this.#cast.nameOf(process), file)]).buffer);
    process.memory.write(pointer, word);
    process.call(kvmVfio, KVM_DEVICE_IOCTLS.SET_DEVICE_ATTR, {
      group: KVM.KVM_DEV_IOASID,
      attr: BigInt(attribute),
      addr: pointer,
    });
    return 'ok';
  }

  #guestFlush(number: string): string {
    const { process, vm } = this.#vm(number);
    const { result } = guestOperation(process, vm, KVM.KVM_GUEST_OP_WBINVD);
    return result === KVM.KVM_GUEST_OP_EMULATED ? 'flushed' : 'no-op';
  }

  #load(number: string): bigint {
    const { process, vm } = this.#vm(number);
    return guestOperation(process, vm, KVM.KVM_GUEST_OP_LOAD).arg1;
  }

  #map(process: Process, file: string, ioasid: number): void {
    const page = this.#cast.page();
    const space = this.#contexts.get(file)?.space(ioasid);
    if (page.process !== process || !space || space.mappings.map.count > 0) return;
    const fd = this.#cast.fd(this.#cast.nameOf(process), file);
    process.call(fd, IOASID_IOCTLS.MAP_DMA, { ioasid, flags: 3, vaddr: page.address, iova: IOVA, size: PAGE });
  }

  /** The device writes a new value by no-snoop DMA; the guest reads it as fresh or not. */
  #dmaWrite({ process, fd, file, ioasid }: DeviceState): string {
    if (this.#mapped && ioasid !== undefined) this.#map(process, file, ioasid);
    this.#value++;
    fillByDma(process, fd, IOVA, this.#value, Number(WORD));
    return 'ok';
  }
}
