/** Pieces that the tree of sysfs is made of (Documentation/filesystems/sysfs.rst): attributes, links, values as text. */
import { Errno } from '../abi/errno.js';
import { AttributeInode, type DirectoryInode, LinkInode } from '../kernel/fs/inode.js';

/** `0x` and at least so many digits: what most numbers of PCI look like in sysfs. */
export const hex = (value: number | bigint, digits: number): string => `0x${value.toString(16).padStart(digits, '0')}`;

export type Present = () => boolean;

/** An attribute that only shows. The newline at its end is added. */
export function shown(show: () => string | number, present?: Present): AttributeInode {
  return new AttributeInode({ show: () => `${show()}\n` }, { mode: 0o444 }, present);
}

/** An attribute that only takes: what is written, without the white space around it. */
export function taken(store: (text: string) => void, mode = 0o200, present?: Present): AttributeInode {
  return new AttributeInode({ store: (text) => store(text.trim()) }, { mode }, present);
}

/** An attribute that shows and takes. */
export function both(show: () => string | number, store: (text: string) => void, present?: Present): AttributeInode {
  return new AttributeInode(
    { show: () => `${show()}\n`, store: (text) => store(text.trim()) },
    { mode: 0o644 },
    present,
  );
}

/** An attribute that shows what it was given last. @param parse what a text means. @throws EINVAL */
export function kept(first: number, parse: (text: string) => number): AttributeInode {
  let value = first;
  return both(
    () => value,
    (text) => {
      value = parse(text);
    },
  );
}

/** The target that sysfs gives a link: relative, and as short as it can be. @param from path of the link */
export function relative(from: string, to: string): string {
  const [a, b] = [from.split('/').slice(1, -1), to.split('/').slice(1)];
  let same = 0;
  while (same < a.length && same < b.length - 1 && a[same] === b[same]) same++;
  return [...a.slice(same).map(() => '..'), ...b.slice(same)].join('/');
}

/** A link of sysfs. @param to path that it leads to */
export function linkTo(from: string, to: string | (() => string), present?: Present): LinkInode {
  const target = typeof to === 'string' ? relative(from, to) : () => relative(from, to());
  return new LinkInode(target, { mode: 0o777 }, present);
}

/** Adds entries to a directory. */
export function fill(directory: DirectoryInode, entries: Readonly<Record<string, AttributeInode | LinkInode>>): void {
  for (const [name, inode] of Object.entries(entries)) directory.add(name, inode);
}

/** A switch, as kstrtobool takes it. @throws EINVAL */
export function parseBoolean(text: string): boolean {
  if (/^([yt1]|on)/i.test(text)) return true;
  if (/^([nf0]|of)/i.test(text)) return false;
  throw new Errno('EINVAL', `'${text}' is neither yes nor no`);
}

/** A number, as kstrtoul with base 0 takes it. @throws EINVAL */
export function parseNumber(text: string): number {
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text)) throw new Errno('EINVAL', `'${text}' is no number`);
  return Number(text);
}

/** A trigger: only a true number does something. @throws EINVAL */
export function trigger(act: () => void): (text: string) => void {
  return (text) => {
    if (parseNumber(text) !== 0) act();
  };
}
