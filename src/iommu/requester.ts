/**
 * Requesters and groups: who can issue DMA, and who cannot be told apart (Linux: struct iommu_group).
 * A requester is a PCI function, or a mediated device that its parent function isolates by PASID. Ownership and routes
 * are changed in attach.ts only.
 */
import type { PasidEntry, PasidTable, Route } from './pasid-table.js';
import type { IommuUnit } from './unit.js';

/** Devices that the IOMMU cannot isolate from each other: they are handed out together. */
export class IommuGroup {
  readonly id: number;
  /** The requesters that are plugged in. */
  readonly members = new Set<Requester>();
  /** Who owns the group's DMA; undefined: nobody. */
  owner: object | undefined;
  /** How often its owner claimed it. */
  claims = 0;
  /** Told when a member comes or goes. */
  onChange: ((group: IommuGroup) => void) | undefined;
  /** Told when requests of a member go elsewhere. */
  readonly routeWatchers = new Set<() => void>();

  constructor(id: number) {
    this.id = id;
  }
}

export interface RequesterCapabilities {
  /** The device can issue no-snoop requests (PCI Express Base Specification 2.2.6.5). */
  readonly noSnoop: boolean;
  /** The device can tag requests with a PASID. */
  readonly pasid: boolean;
  /** The device can ask for pages (Page Request Interface). */
  readonly pri: boolean;
  /** Mediated devices: the parent takes ENQCMD, so their PASIDs are global. */
  readonly enqcmd: boolean;
}

export class Requester {
  /** PCI address, or the name of a mediated device. */
  readonly name: string;
  readonly unit: IommuUnit;
  readonly group: IommuGroup;
  readonly capabilities: RequesterCapabilities;
  /** Mediated: the PCI address of the parent function. */
  readonly parent: string | undefined;
  /** The host driver that does DMA with it; undefined: it can be assigned. */
  hostDriver: string | undefined;
  /** Where DMA without PASID goes; undefined: blocked. */
  route: Route | undefined;
  /** The table that routes its PASIDs: its own, or its parent's. */
  readonly table: PasidTable;
  /** The number on the wire, by the number that the user gave. */
  readonly wire = new Map<number, number>();

  constructor(
    name: string,
    unit: IommuUnit,
    group: IommuGroup,
    capabilities: RequesterCapabilities,
    table: PasidTable,
    options: { parent?: string | undefined } = {},
  ) {
    this.name = name;
    this.unit = unit;
    this.group = group;
    this.capabilities = capabilities;
    this.table = table;
    this.parent = options.parent;
    group.members.add(this);
  }

  /** Its no-snoop requests pass by the CPU's caches: it can issue them, and some route of it does not enforce snooping. */
  get passesCaches(): boolean {
    if (!this.capabilities.noSnoop) return false;
    if (this.route && !this.route.domain.enforceSnoop) return true;
    for (const wire of this.wire.values()) if (this.entry(wire)?.route.domain.enforceSnoop === false) return true;
    return false;
  }

  /** The entry of a PASID on the wire, if it is this requester's. */
  entry(wire: number | undefined): PasidEntry | undefined {
    const entry = wire === undefined ? undefined : this.table.entries.get(wire);
    return entry?.requesters.has(this) ? entry : undefined;
  }
}
