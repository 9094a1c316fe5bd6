/** All objects of a machine as one list, with what links them. Physical PASIDs are not among the facts. */
import type { BootedMachine } from '../boot.js';
import { machineState } from '../state.js';
import { objectsOf } from './any-kind.js';
import { deviceId, fileId, spaceId, unitId, vmId } from './ids.js';
import type { Fact, Link, ObjectView, Snapshot } from './source.js';

/** Plain facts of an object: what is no list and no object. */
function factsOf(values: object): Record<string, Fact> {
  const plain = Object.entries(values).filter(([, value]) => typeof value !== 'object' || value === null);
  return Object.fromEntries(plain) as Record<string, Fact>;
}

/** The coherency matrix (section 4): can the device bypass the caches, and does its IOMMU enforce snoop? */
function boxOf(noSnoop: boolean, enforced: boolean): number {
  return noSnoop ? (enforced ? 1 : 3) : enforced ? 2 : 4;
}

function machineObjects(machine: BootedMachine): ObjectView[] {
  const { authority: _policy, flushes: _flushes, devices: _devices, contexts, vms, ...others } = machineState(machine);
  const named = new Map(machine.hardware.devices.map(({ requester: { name } }) => [name, deviceId(name)]));
  const objects: ObjectView[] = objectsOf(others, named);
  // A place among those that are open means another file tomorrow; the number does not.
  const numbers = [...machine.contexts].map(({ number }) => number);
  const numberOf = (place: number): number => numbers[place - 1] ?? 0;
  for (const context of contexts) {
    const number = numberOf(context.context);
    const id = fileId(number);
    const spaces = context.ioasids.map(({ ioasid }) => ({ to: spaceId(number, ioasid), as: 'holds' }));
    const bound = context.devices.map(({ name }) => ({ to: deviceId(name), as: 'bound' }));
    const attached = new Set(context.ioasids.flatMap((space) => space.attachments.map(({ device }) => device)));
    objects.push({
      kind: 'file',
      id,
      name: `/dev/ioasid #${number}`,
      facts: { ...factsOf(context), context: number },
      // A bound device is reached over its address space where it has one.
      links: [...spaces, ...bound.filter(({ to }) => ![...attached].some((name) => to === deviceId(name)))],
    });
    for (const space of context.ioasids) {
      const links: Link[] = space.attachments.map(({ device, pasid }) => ({
        to: deviceId(device),
        as: pasid === null ? 'attached' : `attached by PASID ${pasid}`,
      }));
      if (space.parent !== null) links.unshift({ to: spaceId(number, space.parent), as: 'nested in' });
      objects.push({
        kind: 'ioasid',
        id: spaceId(number, space.ioasid),
        name: `IOASID ${space.ioasid}`,
        facts: factsOf(space),
        links,
      });
    }
  }
  for (const vm of vms) {
    const links = vm.proofs.map((proof) => ({ to: fileId(numberOf(Number(proof.split(' ')[1]))), as: 'proof' }));
    objects.push({ kind: 'vm', id: vmId(vm.vm), name: `VM ${vm.vm}`, facts: factsOf(vm), links });
  }
  for (const device of machine.hardware.devices) {
    const { name, requester } = device;
    const { noSnoop, pasid, pri } = requester.capabilities;
    objects.push({
      kind: 'device',
      id: deviceId(requester.name),
      name,
      facts: {
        function: requester.name,
        path: `/dev/vfio/devices/${name}`,
        group: requester.group.id,
        hostDriver: requester.hostDriver ?? null,
        pluggedIn: requester.group.members.has(requester),
        noSnoop,
        pasid,
        pri,
        box: requester.route ? boxOf(noSnoop, requester.route.domain.enforceSnoop) : null,
      },
      links: [{ to: unitId(requester.unit.name), as: 'behind' }],
    });
  }
  for (const unit of machine.hardware.units.values()) {
    const { name, enforcesSnoop, hardwareNesting, softwareNesting, pasidBits, addressWidth, dirtyTracking } = unit;
    const facts = { enforcesSnoop, hardwareNesting, softwareNesting, pasidBits, addressWidth, dirtyTracking };
    objects.push({ kind: 'iommu', id: unitId(name), name, facts, links: [] });
  }
  return objects;
}

/**
 * All objects of a machine now.
 * @param processes the processes that use it, and what they hold: whoever runs them knows
 */
export function snapshotOf(machine: BootedMachine, processes: readonly ObjectView[] = []): Snapshot {
  return {
    time: machine.now(),
    facts: { authority: machine.authority.policy.name, flushes: machine.caches.flushes },
    objects: [...processes, ...machineObjects(machine)],
  };
}
