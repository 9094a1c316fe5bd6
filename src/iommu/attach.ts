/**
 * The one primitive of ownership and routing (Linux: iommu_device_claim_dma_owner, iommu_attach_group,
 * iommu_attach_device_pasid). A group's DMA has one owner; the owner routes the group, or a function, or a PASID of either,
 * to a domain. Requests without a route are blocked. Functions come and go here too (plug, unplug), and so do the host
 * drivers that do DMA. A call that fails has changed nothing.
 */
import { Errno } from '../abi/errno.js';
import type { Route, SharedPasids } from './pasid-table.js';
import { IommuGroup, type Requester } from './requester.js';

/** The owner of the groups whose functions are used by drivers of the host. */
const HOST: object = { name: 'a driver of the host' };

function ownedByOther(group: IommuGroup): Errno {
  const member = [...group.members].find((each) => each.hostDriver !== undefined);
  if (group.owner !== HOST || !member) {
    return new Errno('EPERM', `the DMA of group ${group.id} is owned by another`);
  }
  const { name, hostDriver } = member;
  return new Errno('EPERM', `${name} of group ${group.id} is bound to the host driver ${hostDriver}, which does DMA`);
}

/**
 * Takes the DMA of a group for an owner; as often as it likes, each time to be given back.
 * @param onChange told when a function comes to the group, or goes from it
 * @throws EPERM somebody else has it
 */
export function claim(group: IommuGroup, owner: object, onChange?: (group: IommuGroup) => void): void {
  if (group.owner && group.owner !== owner) throw ownedByOther(group);
  group.owner = owner;
  group.claims++;
  group.onChange = onChange;
}

/** Gives one claim back. With the last, the group's DMA is blocked and nobody's. */
export function release(group: IommuGroup, owner: object): void {
  if (group.owner !== owner) throw new Error(`group ${group.id} is not owned by who gives it back`);
  if (--group.claims > 0) return;
  for (const member of group.members) blockAll(member);
  group.owner = undefined;
  group.onChange = undefined;
}

/** A driver of the host binds to a function and does DMA with it. @throws EBUSY the group's DMA is owned by another */
export function bindHostDriver(who: Requester, driver: string): void {
  if (who.group.owner && who.group.owner !== HOST) {
    throw new Errno('EBUSY', `group ${who.group.id} of ${who.name} is in use: ${driver} cannot do DMA with it`);
  }
  claim(who.group, HOST);
  who.hostDriver = driver;
}

/** The driver of the host leaves a function. */
export function unbindHostDriver(who: Requester): void {
  if (who.hostDriver === undefined) return;
  who.hostDriver = undefined;
  release(who.group, HOST);
}

/** A function comes to the machine. Its DMA is blocked until the group's owner says otherwise. */
export function plug(who: Requester): void {
  who.group.members.add(who);
  who.group.onChange?.(who.group);
}

/** A function is taken out of the machine, with its routes. */
export function unplug(who: Requester): void {
  blockAll(who);
  unbindHostDriver(who);
  who.group.members.delete(who);
  who.group.onChange?.(who.group);
}

/** Whose requests: those of a whole group, or of one function. */
export type Target = IommuGroup | Requester;

function functionsOf(target: Target): readonly Requester[] {
  return target instanceof IommuGroup ? [...target.members] : [target];
}

/**
 * Routes requests that have no route.
 * @param pasid as the user numbers it; undefined: requests without one
 * @throws EBUSY they have one; EEXIST the PASID is in use for another domain; ENOSPC no number is left
 */
export function attach(target: Target, pasid: number | undefined, route: Route): void {
  const functions = functionsOf(target);
  for (const who of functions) if (routeOf(who, pasid)) throw new Errno('EBUSY', `${named(who, pasid)} has a route`);
  change(functions, pasid, route);
}

/**
 * Routes requests elsewhere.
 * @throws EINVAL they have no route; EEXIST, ENOSPC as attach() says
 */
export function replace(target: Target, pasid: number | undefined, route: Route): void {
  const functions = functionsOf(target);
  for (const who of functions) if (!routeOf(who, pasid)) throw new Errno('EINVAL', `${named(who, pasid)} has no route`);
  change(functions, pasid, route);
}

/** Blocks requests; those that have no route are blocked already. */
export function detach(target: Target, pasid: number | undefined): void {
  change(functionsOf(target), pasid, undefined);
}

/** Where requests go now; undefined: they are blocked. */
export function routeOf(who: Requester, pasid: number | undefined): Route | undefined {
  return pasid === undefined ? who.route : who.entry(who.wire.get(pasid))?.route;
}

const named = (who: Requester, pasid: number | undefined): string =>
  pasid === undefined ? who.name : `PASID ${pasid} of ${who.name}`;

/** Sets one function after the other; if one cannot be set, those before it go back. */
function change(functions: readonly Requester[], pasid: number | undefined, route: Route | undefined): void {
  const before: { who: Requester; route: Route | undefined }[] = [];
  try {
    for (const who of functions) {
      const old = routeOf(who, pasid);
      setRoute(who, pasid, route);
      before.push({ who, route: old });
    }
  } catch (error) {
    for (const { who, route: old } of before.reverse()) setRoute(who, pasid, old);
    throw error;
  }
  for (const group of new Set(functions.map((who) => who.group))) tellRoutes(group);
}

function tellRoutes({ routeWatchers }: IommuGroup): void {
  for (const tell of routeWatchers) tell();
}

function setRoute(who: Requester, pasid: number | undefined, route: Route | undefined): void {
  const before = routeOf(who, pasid);
  if (pasid === undefined) who.route = route;
  else if (route) enterPasid(who, pasid, route);
  else leavePasid(who, pasid);
  const { caches } = who.unit;
  if (!caches || !who.capabilities.noSnoop) return;
  if (route && !route.domain.enforceSnoop) route.domain.follow?.(caches, 1);
  if (before && !before.domain.enforceSnoop) before.domain.follow?.(caches, -1);
}

/** No request of the function goes anywhere. */
function blockAll(who: Requester): void {
  for (const pasid of [undefined, ...who.wire.keys()]) setRoute(who, pasid, undefined);
  tellRoutes(who.group);
}

function enterPasid(who: Requester, pasid: number, route: Route): void {
  const { entries } = who.table;
  const known = who.wire.get(pasid);
  const wire = known ?? takeNumber(who, pasid);
  const entry = entries.get(wire);
  const others = entry !== undefined && (entry.requesters.size > 1 || !entry.requesters.has(who));
  if (entry && others && entry.route.domain !== route.domain) {
    if (known === undefined) giveNumber(who, pasid, wire);
    throw new Errno('EEXIST', `${named(who, pasid)} is in use for another domain by a device of the same parent`);
  }
  if (entry && others) entry.requesters.add(who);
  else entries.set(wire, { route, user: pasid, requesters: new Set([who]) });
  who.wire.set(pasid, wire);
}

function leavePasid(who: Requester, pasid: number): void {
  const wire = who.wire.get(pasid);
  if (wire === undefined) return;
  const entry = who.entry(wire);
  entry?.requesters.delete(who);
  if (entry?.requesters.size === 0) who.table.entries.delete(wire);
  who.wire.delete(pasid);
  giveNumber(who, pasid, wire);
}

/** Numbers that the owner's mediated devices have in common, if the function's parent takes ENQCMD. */
function sharedNumbers({ table: { shared }, group: { owner } }: Requester): ReturnType<SharedPasids['get']> {
  if (!shared || !owner) return undefined;
  const known = shared.get(owner) ?? new Map<number, { wire: number; users: number }>();
  shared.set(owner, known);
  return known;
}

/** The number on the wire for a user's PASID. @throws ENOSPC no number is left */
function takeNumber(who: Requester, pasid: number): number {
  const { pool } = who.table;
  if (!pool) return pasid;
  const shared = sharedNumbers(who);
  const known = shared?.get(pasid);
  if (known) {
    known.users++;
    return known.wire;
  }
  const number = pool.allocate();
  if (number === undefined) throw new Errno('ENOSPC', 'no PASID is left');
  shared?.set(pasid, { wire: number, users: 1 });
  return number;
}

function giveNumber(who: Requester, pasid: number, wire: number): void {
  const { pool, shared: all } = who.table;
  if (!pool) return;
  const shared = sharedNumbers(who);
  const known = shared?.get(pasid);
  if (known && --known.users > 0) return;
  shared?.delete(pasid);
  if (shared?.size === 0 && who.group.owner) all?.delete(who.group.owner);
  pool.free(wire);
}
