/** Where the things that the kernel looks at while it is recorded note what it saw. */
import type { Backing } from '../../memory/backing.js';
import type { Input } from '../trace/format.js';

export interface Tape {
  /** The kernel got to see something. */
  input(input: Input): void;
  /** The kernel wrote bytes. */
  wrote(target: string, address: bigint, bytes: Uint8Array): void;
  /** The kernel signalled an eventfd. */
  signalled(eventfd: string): void;
  /** A name that nothing else has. @param kind its first letters */
  newName(kind: string): string;
  /** The object that stands for a backing object while it is recorded. */
  backing(inner: Backing): Backing & { readonly key: string };
}
