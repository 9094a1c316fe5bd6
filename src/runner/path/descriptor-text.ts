/**
 * What a descriptor of a program is, told from its link under /proc: the directory or file of the tree that it stands for
 * on the host. Directories are copies in the run's own directory; files are memfds that are named after their path.
 */

const MEMFD = '/memfd:';
const DELETED = ' (deleted)';

/** The path that a memfd of ours is named after; undefined for any other link. */
export function memfdPath(link: string): string | undefined {
  if (!link.startsWith(MEMFD) || !link.endsWith(DELETED)) return undefined;
  const name = link.slice(MEMFD.length, -DELETED.length);
  return name.startsWith('/') || name.startsWith('anon_inode:') ? name : undefined;
}

/** Translates links of the host into paths that the program knows. */
export class DescriptorTexts {
  /** Where the copies of directories are, without a slash at the end. */
  readonly #copies: string;

  constructor(copies: string) {
    this.#copies = copies;
  }

  /** The path of the tree's directory that a path of the host is the copy of. */
  directory(link: string): string | undefined {
    if (!link.startsWith(this.#copies)) return undefined;
    const path = link.slice(this.#copies.length);
    return path === '' ? '/' : path.startsWith('/') ? path : undefined;
  }

  /** The path that the program knows for what a magic link of /proc names; undefined: the host's own answer is right. */
  translate(link: string): string | undefined {
    return this.directory(link) ?? memfdPath(link);
  }
}
