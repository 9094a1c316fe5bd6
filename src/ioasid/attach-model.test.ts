/** Bind, attach, detach, unplug and plug of devices and their group mates, against the rules of 3.1 to 3.3 as a model. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { refused } from '../../test/refused.js';
import { type Engine, user } from '../../test/simulated.js';
import { constants, ioctls } from '../index.js';

const { IOASID_IOCTLS, VFIO_IOCTLS } = ioctls;
const NAMES = ['vfio1', 'vfio3', 'vfio4'] as const;
type Name = (typeof NAMES)[number];
/** Two of them cannot be isolated from each other. */
const MATES: Readonly<Record<Name, readonly Name[]>> = {
  vfio1: ['vfio1'],
  vfio3: ['vfio3', 'vfio4'],
  vfio4: ['vfio3', 'vfio4'],
};
/** Two roots, and two children of the first: the parent of each by its index. */
const PARENTS = [undefined, undefined, 0, 0] as const;
const [BLOCKED, NOT_MAPPED] = [3, 1];

class Device {
  plugged = true;
  bound = false;
  /** Address spaces from the root down; the last is in use. */
  chain: number[] = [];
}

class Model {
  readonly devices: Readonly<Record<Name, Device>> = { vfio1: new Device(), vfio3: new Device(), vfio4: new Device() };

  mates(name: Name): Device[] {
    return MATES[name].map((mate) => this.devices[mate]).filter(({ plugged }) => plugged);
  }

  attach(name: Name, space: number): string {
    const device = this.devices[name];
    if (!device.plugged) return 'ENODEV';
    if (!device.bound) return 'EINVAL';
    const parent = PARENTS[space];
    if (device.chain.includes(space)) return 'EBUSY';
    if (parent !== undefined && !device.chain.includes(parent)) return 'EINVAL';
    if (device.chain.at(-1) !== parent) return 'EBUSY';
    const depth = device.chain.length;
    if (this.mates(name).some((mate) => mate.chain[depth] !== undefined && mate.chain[depth] !== space))
      return 'EINVAL';
    device.chain.push(space);
    return 'ok';
  }

  detach(name: Name, space: number): string {
    const device = this.devices[name];
    if (!device.plugged) return 'ENODEV';
    if (!device.bound) return 'EINVAL';
    if (!device.chain.includes(space)) return 'ENOENT';
    if (device.chain.at(-1) !== space) return 'EBUSY';
    device.chain.pop();
    return 'ok';
  }

  bind(name: Name): string {
    const device = this.devices[name];
    if (!device.plugged) return 'ENODEV';
    if (device.bound) return 'EBUSY';
    device.bound = true;
    return 'ok';
  }

  unbind(name: Name): string {
    const device = this.devices[name];
    if (!device.plugged) return 'ENODEV';
    if (!device.bound) return 'EINVAL';
    if (device.chain.length > 0) return 'EBUSY';
    device.bound = false;
    return 'ok';
  }

  take(name: Name, plugged: boolean): void {
    Object.assign(this.devices[name], { plugged, bound: false, chain: [] });
  }

  /** What a command on an address space answers, whatever it is about. */
  space(space: number): string {
    const attached = NAMES.filter((name) => this.devices[name].chain.includes(space));
    if (attached.length === 0) return 'ENODEV';
    const partial = attached.some((name) => this.mates(name).some((mate) => !mate.chain.includes(space)));
    return partial ? 'EBUSY' : 'ok';
  }

  /** RESULT of a DMA to where nothing is mapped. */
  dma(name: Name): number {
    const use = this.devices[name].chain.at(-1);
    const whole = use !== undefined && this.mates(name).every((mate) => mate.chain.at(-1) === use);
    return whole ? NOT_MAPPED : BLOCKED;
  }
}

class Real {
  readonly it = user();
  readonly spaces: readonly number[];
  readonly #engines = new Map<Name, Engine>();

  constructor() {
    const { it } = this;
    const spaces: number[] = [];
    for (const parent of PARENTS) spaces.push(parent === undefined ? it.alloc() : it.child(spaces[parent] ?? 0));
    this.spaces = spaces;
  }

  /** A descriptor of the device: the last one that was opened. */
  engine(name: Name): Engine {
    const known = this.#engines.get(name);
    if (known) return known;
    const opened = this.it.engine(this.it.process.open(`/dev/vfio/devices/${name}`));
    this.#engines.set(name, opened);
    return opened;
  }

  attach(name: Name, space: number): string {
    return refused(() => this.it.attach(this.engine(name), this.spaces[space] ?? 0));
  }

  detach(name: Name, space: number): string {
    return refused(() => this.it.detach(this.engine(name), this.spaces[space] ?? 0));
  }

  bind(name: Name): string {
    const { process, fd } = this.it;
    const bind = () => process.call(this.engine(name).fd, VFIO_IOCTLS.BIND_IOASID_FD, { ioasid_fd: fd, cookie: 1n });
    return refused(bind);
  }

  unbind(name: Name): string {
    return refused(() => this.it.process.ioctl(this.engine(name).fd, VFIO_IOCTLS.UNBIND_IOASID_FD.request));
  }

  /** The descriptor of a device that is gone answers ENODEV, also when the device is back: then another is opened. */
  take(name: Name, plugged: boolean): void {
    const engine = this.engine(name);
    if (!plugged) {
      this.it.machine.unplug(name);
      return;
    }
    this.it.process.close(engine.fd);
    this.#engines.delete(name);
    this.it.machine.plug(name);
  }

  space(space: number): string {
    const { process, fd } = this.it;
    const flags = constants.DIRTY.IOASID_DIRTY_TRACKING_STOP;
    return refused(() => process.call(fd, IOASID_IOCTLS.DIRTY_TRACKING, { ioasid: this.spaces[space] ?? 0, flags }));
  }
}

type Act = 'attach' | 'detach' | 'bind' | 'unbind' | 'take';

const command = fc
  .record({
    act: fc.constantFrom<Act>('attach', 'attach', 'attach', 'detach', 'bind', 'bind', 'unbind', 'take'),
    name: fc.constantFrom(...NAMES),
    space: fc.nat(PARENTS.length - 1),
  })
  .map(
    ({ act, name, space }): fc.Command<Model, Real> => ({
      check: () => true,
      run(model, real) {
        if (act === 'take') {
          const plugged = !model.devices[name].plugged;
          real.take(name, plugged);
          model.take(name, plugged);
        } else expect(real[act](name, space)).toBe(model[act](name, space));
        for (const each of NAMES) {
          if (model.devices[each].bound)
            expect([each, real.engine(each).fill(0x10000n, 1n)]).toEqual([each, model.dma(each)]);
        }
        // A child has no dirty tracking of its own: only roots are asked.
        for (const root of [0, 1]) expect([root, real.space(root)]).toEqual([root, model.space(root)]);
      },
      toString: () => `${act} ${name}${act === 'attach' || act === 'detach' ? ` ${space}` : ''}`,
    }),
  );

test('what a group may do follows from what all of its functions are attached to, as they come and go', () => {
  fc.assert(
    fc.property(fc.commands([command], { maxCommands: 40, size: 'max' }), (commands) => {
      fc.modelRun(() => ({ model: new Model(), real: new Real() }), commands);
    }),
    { numRuns: 30 },
  );
});
