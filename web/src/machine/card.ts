/** What a card says of an object in one line, and what colours it: by facts that objects of any kind may have. */
import type { ObjectView } from '../../../src/inspect/source.js';

const counted = (value: string | number, what: string): string =>
  `${value.toLocaleString('en')} ${what}${value === 1 ? '' : 's'}`;

/** Facts as they are, in the order in which they are worth a place on the card. */
const SHORT: readonly (readonly [fact: string, words: (value: string | number) => string])[] = [
  ['function', (value) => String(value)],
  ['mappings', (value) => counted(value, 'mapping')],
  ['group', (value) => `group ${value}`],
  ['hostDriver', (value) => `driver ${value}`],
  ['addressWidth', (value) => `${value} bits`],
  ['descriptors', (value) => counted(value, 'descriptor')],
];

export function subtitle({ facts }: ObjectView): string {
  const parts = SHORT.flatMap(([fact, words]) => {
    const value = facts[fact];
    return typeof value === 'string' || typeof value === 'number' ? [words(value)] : [];
  });
  if (facts.mayFlush === true || facts.guestMayFlush === true) parts.unshift('may flush');
  else if (facts.mayFlush === false) parts.unshift('may not flush');
  else if (facts.guestMayFlush === false) parts.unshift(facts.forcedOff ? 'forced off' : 'WBINVD is a no-op');
  return parts.slice(0, 2).join(' · ');
}

/** Names of classes. */
export function looks({ facts }: ObjectView): string {
  const names: string[] = [];
  if (facts.mayFlush === true || facts.guestMayFlush === true) names.push('lit');
  if (facts.nonCoherent === true || facts.box === 3) names.push('bypassing');
  else if (facts.enforceSnoop === true || typeof facts.box === 'number') names.push('snooped');
  if (facts.pluggedIn === false) names.push('absent');
  return names.join(' ');
}

/** What the user calls a device. @param function its PCI address */
export function deviceName(objects: readonly ObjectView[], device: string): string {
  return objects.find(({ kind, facts }) => kind === 'device' && facts.function === device)?.name ?? device;
}
