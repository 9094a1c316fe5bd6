/**
 * The host's file system as a walk sees it: its symbolic links, with those of /proc as the caller would find them
 * (proc(5)): /proc/self is the caller's, and /proc/PID/cwd, root and fd/N lead to the program's own idea of a path.
 */
import type { HostView } from '../../kernel/fs/walk.js';
import { threadGroup } from '../host/procfs.js';
import type { DescriptorTexts } from './descriptor-text.js';
import { hostLink } from './host-calls.js';

const MAGIC = /^\/proc\/\d+(\/task\/\d+)?\/(cwd|root|exe|fd\/\d+|map_files\/.*)$/;

/** Is it a link of /proc that leads to a file and not to a path? */
export function isMagicLink(path: string): boolean {
  return MAGIC.test(path);
}

export class CallerView implements HostView {
  readonly #texts: DescriptorTexts;
  readonly #owned: (path: string) => boolean;
  #tid = 0;
  #magicLinks = 0;

  /** @param owned may a path lead into the tree? */
  constructor(texts: DescriptorTexts, owned: (path: string) => boolean) {
    this.#texts = texts;
    this.#owned = owned;
  }

  /** A walk begins. @param tid the thread whose path it is */
  begin(tid: number): void {
    this.#tid = tid;
    this.#magicLinks = 0;
  }

  /** Was a magic link followed? */
  get magic(): boolean {
    return this.#magicLinks > 0;
  }

  link(path: string): string | undefined {
    if (path.startsWith('/proc/')) {
      if (path === '/proc/self') return String(threadGroup(this.#tid));
      if (path === '/proc/thread-self') return `${threadGroup(this.#tid)}/task/${this.#tid}`;
      if (isMagicLink(path)) return this.#magic(path);
    }
    return hostLink(path);
  }

  /** A magic link is followed only where it leads to the tree; else the host does it: it may name what has no path. */
  #magic(path: string): string | undefined {
    this.#magicLinks++;
    const link = hostLink(path);
    if (link === undefined) return undefined;
    const known = this.#texts.translate(link);
    if (known !== undefined) return known.startsWith('/') ? known : undefined;
    return link === '/' || this.#owned(link) ? link : undefined;
  }
}
