/**
 * The objects of an iommufd context and their one space of ids (linux-iommufd.md, 3). An id is reserved before its object is
 * complete, and cannot be looked up until it is; an object that others use cannot be destroyed.
 */
import { Errno } from '../abi/errno.js';
import { allocation } from '../memory/allocation.js';

export abstract class IommufdObject {
  /** 0 until it is reserved. */
  id = 0;
  /** Objects, open files and mappings that need it. */
  users = 0;
  /** What it is, for errors and traces. */
  abstract readonly kind: string;

  /** Its id is gone, or the context ends: it lets go of what it holds. */
  abstract destroy(): void;
}

/** A class of objects, as a look-up names it. */
type Kind<T extends IommufdObject> = abstract new (...args: never[]) => T;

/** Largest id: ids are positive signed 32-bit numbers. */
const MAX_ID = 0x7fffffff;

export class ObjectTable {
  /** undefined: reserved, not complete; or a tombstone. */
  readonly #objects = new Map<number, IommufdObject | undefined>();
  /** No id below is free. */
  #lowest = 1;

  /** No id is in use, tombstones among them. */
  get empty(): boolean {
    return this.#objects.size === 0;
  }

  /** The complete objects, in rising order of their ids. */
  *[Symbol.iterator](): Generator<IommufdObject> {
    for (const id of [...this.#objects.keys()].sort((a, b) => a - b)) {
      const object = this.#objects.get(id);
      if (object) yield object;
    }
  }

  /** Gives an object the lowest free id. @throws ENOSPC, ENOMEM; the object has let go of what it holds then */
  reserve<T extends IommufdObject>(object: T): T {
    try {
      allocation(object.kind);
      while (this.#objects.has(this.#lowest)) this.#lowest++;
      if (this.#lowest > MAX_ID) throw new Errno('ENOSPC', 'the context has no id left');
    } catch (error) {
      object.destroy();
      throw error;
    }
    object.id = this.#lowest;
    this.#objects.set(object.id, undefined);
    return object;
  }

  /** The object is complete: its id means it from now on. */
  finalize<T extends IommufdObject>(object: T): T {
    this.#objects.set(object.id, object);
    return object;
  }

  /** Gives a reserved id back; the object lets go of what it holds already. */
  abort(object: IommufdObject): void {
    this.#free(object.id);
    object.destroy();
  }

  /** @throws ENOENT no such object, or not of this kind */
  get<T extends IommufdObject>(id: number, kind: Kind<T>): T {
    const object = this.#objects.get(id);
    if (object instanceof kind) return object;
    throw new Errno('ENOENT', object ? `object ${id} is a ${object.kind}` : `there is no object ${id}`);
  }

  /** Any object. */
  find(id: number): IommufdObject | undefined {
    return this.#objects.get(id);
  }

  /**
   * Destroys an object on the user's demand.
   * @throws ENOENT no such object; EBUSY something uses it
   */
  destroy(id: number): IommufdObject {
    const object = this.#objects.get(id);
    if (!object) throw new Errno('ENOENT', `there is no object ${id}`);
    if (object.users > 0) throw new Errno('EBUSY', `the ${object.kind} ${id} has ${object.users} users`);
    this.remove(object);
    return object;
  }

  /** Destroys an object that nothing uses. */
  remove(object: IommufdObject): void {
    this.#free(object.id);
    object.destroy();
  }

  /** Destroys an object; its id stays taken, so that it never means something else. */
  bury(object: IommufdObject): void {
    this.#objects.set(object.id, undefined);
    object.destroy();
  }

  /** Destroys everything, an object after those that use it. */
  destroyAll(): void {
    for (let progress = true; progress; ) {
      progress = false;
      for (const object of this) {
        if (object.users > 0 || this.#objects.get(object.id) !== object) continue;
        this.remove(object);
        progress = true;
      }
    }
  }

  #free(id: number): void {
    this.#objects.delete(id);
    if (id < this.#lowest) this.#lowest = id;
  }
}
