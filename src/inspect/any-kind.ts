/**
 * Objects of kinds that the page knows nothing of: what a personality says of itself becomes objects as it is. A list of
 * things within a thing are objects that it holds; a text that names an object is a link to it.
 */
import type { Plain, StateKinds } from '../machine/personality.js';
import type { Fact, Link, ObjectView } from './source.js';

type Things = readonly { readonly [name: string]: Plain }[];

const isThings = (value: Plain): value is Things =>
  Array.isArray(value) && value.every((each) => typeof each === 'object' && each !== null && !Array.isArray(each));

/** `iommufds` are each an `iommufd`. */
const singular = (kind: string): string => kind.replace(/s$/, '');

/** What each thing is called. */
function names(kind: string, things: Things): { own: string; number: string }[] {
  return things.map((thing, i) => {
    const own = typeof thing.kind === 'string' ? thing.kind : singular(kind);
    return { own, number: String(thing.id ?? thing[own] ?? i + 1) };
  });
}

const isTexts = (value: Plain): value is readonly string[] =>
  Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string');

function thingsOf(kind: string, things: Things, holder: string, known: ReadonlyMap<string, string>): ObjectView[] {
  const called = names(kind, things);
  // Those of one holder call each other by their names.
  const named = new Map(known);
  for (const { own, number } of called) named.set(`${own} ${number}`, `${holder}${own}:${number}`);
  return things.flatMap((thing, i) => {
    const { own, number } = called[i] as { own: string; number: string };
    const id = `${holder}${own}:${number}`;
    const facts: Record<string, Fact> = {};
    const links: Link[] = [];
    const held: ObjectView[] = [];
    for (const [name, value] of Object.entries(thing)) {
      if (isThings(value)) {
        const found = thingsOf(name, value, `${id}/`, named);
        for (const each of found)
          if (each.id.split('/').length === id.split('/').length + 1) links.push({ to: each.id, as: 'holds' });
        held.push(...found);
      } else if (isTexts(value)) {
        facts[name] = value.join(', ');
        for (const to of value.flatMap((text) => named.get(text) ?? [])) links.push({ to, as: name });
      } else if (typeof value !== 'object' || value === null) {
        facts[name] = value;
        const to = typeof value === 'string' ? named.get(value) : undefined;
        if (to !== undefined) links.push({ to, as: name });
      }
    }
    return [{ kind: own, id, name: `${own} ${number}`, facts, links }, ...held];
  });
}

/**
 * All objects of some kinds.
 * @param named ids of objects by the texts that name them, as devices by their PCI address
 */
export function objectsOf(kinds: StateKinds, named: ReadonlyMap<string, string>): ObjectView[] {
  return Object.entries(kinds).flatMap(([kind, things]) => thingsOf(kind, things, '', named));
}
