/** What is in a machine now: all objects as plain data, for `ioasid ctl state` and for tests. */
import { hex } from './abi/address.js';
import type { BootedMachine } from './boot.js';
import type { AddressSpace } from './ioasid/address-space.js';
import type { IoasidContext } from './ioasid/context.js';
import { IOASID_CONTEXT } from './ioasid/file.js';
import type { Vm } from './kvm/vm.js';

function spaceState(space: AddressSpace) {
  return {
    ioasid: space.id,
    parent: space.parent?.id ?? null,
    enforceSnoop: space.enforceSnoop,
    nonCoherent: space.nonCoherent,
    partialGroup: space.partial?.id ?? null,
    mappings: space.mappings.map.count,
    userTable: space.userTable ? (space.wholePasidSpace ? 'pasid table' : 'page table') : null,
    dirtyTracking: space.mappings.dirty !== undefined,
    faultFd: space.faults !== undefined,
    attachments: space.attachments.map(({ device, pasid }) => ({
      device: device.requester.name,
      pasid: pasid ?? null,
    })),
  };
}

function contextState(context: IoasidContext, number: number) {
  return {
    context: number,
    mayFlush: context.host.authority.mayFlush(context.record),
    ...context.facts(),
    devices: [...context.devices()].map(({ requester, cookie, inUse }) => ({
      name: requester.name,
      cookie: hex(cookie),
      group: requester.group.id,
      inUse: inUse?.id ?? null,
    })),
    ioasids: [...context.spaces()].map(spaceState),
  };
}

function vmState(vm: Vm, numbers: ReadonlyMap<unknown, number>) {
  return {
    vm: vm.id,
    guestMayFlush: vm.host.authority.guestMayFlush(vm.record),
    forcedOff: vm.record.disabled,
    proofs: vm.proofs().map((file) => {
      const number = numbers.get(file.facet(IOASID_CONTEXT));
      return number === undefined ? file.name : `context ${number}`;
    }),
  };
}

/** All objects of a machine. Physical PASIDs are not among them. */
export function machineState(machine: BootedMachine) {
  const numbers = new Map([...machine.contexts].map((context, i) => [context as unknown, i + 1]));
  return {
    authority: machine.authority.policy.name,
    flushes: machine.caches.flushes,
    devices: machine.hardware.devices.map(({ name, requester }) => ({
      name,
      requester: requester.name,
      iommu: requester.unit.name,
      group: requester.group.id,
      hostDriver: requester.hostDriver ?? null,
      pluggedIn: requester.group.members.has(requester),
    })),
    contexts: [...machine.contexts].map((context, i) => contextState(context, i + 1)),
    vms: [...machine.vms].map((vm) => vmState(vm, numbers)),
  };
}

export type MachineState = ReturnType<typeof machineState>;
