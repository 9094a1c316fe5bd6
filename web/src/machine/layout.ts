/**
 * Where the objects of a machine stand in the picture. A kind is a column; the columns follow the links, from those who
 * hold to what is held, so a kind that nobody has thought of finds its place.
 */
import type { ObjectView } from '../../../src/inspect/source.js';

/** Objects of a kind that are shown one by one; more are folded, those without links first. */
export const FOLD = 24;
export const CARD = { width: 170, height: 44, gapX: 54, gapY: 10 } as const;
const HEAD = 34;

export interface Placed {
  readonly object: ObjectView;
  readonly x: number;
  readonly y: number;
}

export interface Column {
  readonly kind: string;
  readonly x: number;
  /** How many objects there are, and how many of them are folded away. */
  readonly count: number;
  readonly folded: number;
}

export interface Wire {
  readonly from: string;
  readonly to: string;
  readonly as: string;
}

export interface Layout {
  readonly columns: readonly Column[];
  readonly placed: ReadonlyMap<string, Placed>;
  readonly wires: readonly Wire[];
  readonly width: number;
  readonly height: number;
}

/** The kinds in an order in which links lead to the right, as far as they can: each as far right as its holders ask. */
export function columnsOf(objects: readonly ObjectView[]): string[] {
  const kindOf = new Map(objects.map(({ id, kind }) => [id, kind]));
  const kinds = [...new Set(kindOf.values())];
  const holders = new Map(kinds.map((kind) => [kind, new Set<string>()]));
  for (const { kind, links } of objects) {
    for (const { to } of links) {
      const held = kindOf.get(to);
      if (held !== undefined && held !== kind) holders.get(held)?.add(kind);
    }
  }
  const rank = new Map<string, number>();
  const rankOf = (kind: string, path: ReadonlySet<string>): number => {
    const known = rank.get(kind);
    if (known !== undefined) return known;
    if (path.has(kind)) return 0;
    const on = new Set([...path, kind]);
    const above = [...(holders.get(kind) ?? [])].map((holder) => rankOf(holder, on) + 1);
    const found = Math.max(0, ...above);
    // Inside a circle the answer depends on where it was entered: only the first asker keeps it.
    if (path.size === 0) rank.set(kind, found);
    return found;
  };
  for (const kind of kinds) rankOf(kind, new Set());
  return kinds.sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0));
}

/** Which objects are shown: what the search names, with its neighbours; an empty search means all. */
export function searched(objects: readonly ObjectView[], search: string): ObjectView[] {
  const text = search.trim().toLowerCase();
  if (text === '') return [...objects];
  const says = ({ kind, name, facts }: ObjectView): string =>
    `${kind} ${name} ${Object.values(facts).join(' ')}`.toLowerCase();
  const found = new Set(objects.filter((object) => says(object).includes(text)).map(({ id }) => id));
  return objects.filter(({ id, links }) => {
    if (found.has(id) || links.some(({ to }) => found.has(to))) return true;
    return objects.some((other) => found.has(other.id) && other.links.some(({ to }) => to === id));
  });
}

/**
 * Places the objects.
 * @param unfolded kinds of which every object is shown
 * @param chosen id of an object that is never folded away
 */
export function layoutOf(objects: readonly ObjectView[], unfolded: ReadonlySet<string>, chosen: string): Layout {
  const linked = new Set(
    objects.flatMap(({ id, links }) => (links.length > 0 ? [id, ...links.map(({ to }) => to)] : [])),
  );
  const held = new Set(objects.flatMap(({ links }) => links.map(({ to }) => to)));
  const placed = new Map<string, Placed>();
  const columns: Column[] = [];
  let height = 0;
  columnsOf(objects).forEach((kind, column) => {
    const x = column * (CARD.width + CARD.gapX);
    const all = objects.filter((object) => object.kind === kind);
    const interesting = ({ id }: ObjectView): number =>
      (id === chosen ? 3 : 0) + (held.has(id) ? 2 : 0) + (linked.has(id) ? 1 : 0);
    const kept =
      unfolded.has(kind) || all.length <= FOLD
        ? all
        : [...all].sort((a, b) => interesting(b) - interesting(a)).slice(0, FOLD);
    const shown = new Set(kept);
    // Next to what holds them, so that wires cross little.
    const weight = (object: ObjectView): number => {
      const ys = objects.flatMap(({ id, links }) =>
        links.some(({ to }) => to === object.id) ? (placed.get(id)?.y ?? []) : [],
      );
      return ys.length > 0 ? ys.reduce((a, b) => a + b, 0) / ys.length : Number.POSITIVE_INFINITY;
    };
    const order = all.filter((object) => shown.has(object)).map((object) => ({ object, at: weight(object) }));
    order.sort((a, b) => (a.at === b.at ? 0 : a.at - b.at));
    order.forEach(({ object }, row) => {
      placed.set(object.id, { object, x, y: HEAD + row * (CARD.height + CARD.gapY) });
    });
    columns.push({ kind, x, count: all.length, folded: all.length - order.length });
    height = Math.max(height, HEAD + order.length * (CARD.height + CARD.gapY));
  });
  const wires = [...placed.values()].flatMap(({ object }) =>
    object.links.filter(({ to }) => placed.has(to)).map(({ to, as }) => ({ from: object.id, to, as })),
  );
  return { columns, placed, wires, width: columns.length * (CARD.width + CARD.gapX) - CARD.gapX, height };
}
