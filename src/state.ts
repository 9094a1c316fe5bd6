/** What is in a machine now: all objects as plain data, for `ioasid ctl state` and for tests. */
import type { BootedMachine } from './boot.js';
import type { StateKinds } from './machine/personality.js';

/** What every machine says of itself, whatever its personalities. */
function base(machine: BootedMachine) {
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
  };
}

/** The kinds of objects that a machine can have: each personality adds its own. */
export type MachineState = ReturnType<typeof base> &
  ReturnType<BootedMachine['ioasid']['state']> &
  ReturnType<BootedMachine['iommufd']['state']> &
  ReturnType<BootedMachine['kvm']['state']>;

/** All objects of a machine. Physical PASIDs are not among them. */
export function machineState(machine: BootedMachine): MachineState {
  const kinds = machine.personalities.map((personality) => personality.state?.() ?? {});
  // The personalities of the type are among those of the list.
  return Object.assign(base(machine), ...(kinds satisfies StateKinds[])) as MachineState;
}
