/** A source: the kernel in the page, a live run, or a trace file. */
import type { Command, SpaceWindow, WindowQuery } from '../../../src/inspect/source.js';

/** Where a machine is looked at. */
export interface Source {
  readonly title: string;
  /** The kernel in the page, a run, or a trace file, which has no machine. */
  readonly kind: 'kernel' | 'live' | 'file';
  /** @throws Error the source has no such address space */
  window(query: WindowQuery): Promise<SpaceWindow>;
  /** @throws Error what was asked for cannot be done */
  command(command: Command): Promise<void>;
  stop(): void;
}
