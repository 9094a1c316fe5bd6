/** What changed in the machine: the difference of two snapshots, and what each object went through. */
import type { Fact, ObjectView, Snapshot } from '../../../src/inspect/source.js';

/** Changes that are kept for one object. */
const KEPT = 200;

export interface Change {
  /** Milliseconds. */
  readonly time: number;
  readonly what: string;
}

const told = (value: Fact | undefined): string => (value === null || value === undefined ? 'none' : String(value));

/** The changes of one object; undefined if there are none. */
function changesOf(before: ObjectView | undefined, after: ObjectView | undefined): string[] | undefined {
  if (!before) return ['appeared'];
  if (!after) return ['went away'];
  const facts = Object.keys(after.facts).filter((name) => before.facts[name] !== after.facts[name]);
  const what = facts.map((name) => `${name}: ${told(before.facts[name])} → ${told(after.facts[name])}`);
  const text = (object: ObjectView): string[] => object.links.map(({ to, as }) => `${as} ${to}`);
  const [old, now] = [new Set(text(before)), new Set(text(after))];
  for (const link of now) if (!old.has(link)) what.push(`now ${link}`);
  for (const link of old) if (!now.has(link)) what.push(`no longer ${link}`);
  return what.length > 0 ? what : undefined;
}

export class History {
  #objects = new Map<string, ObjectView>();
  readonly #changes = new Map<string, Change[]>();
  /** Ids of what changed with the last snapshot that was different. */
  recent: ReadonlySet<string> = new Set();

  add({ time, objects }: Snapshot): void {
    const now = new Map(objects.map((object) => [object.id, object]));
    const first = this.#objects.size === 0;
    const recent = new Set<string>();
    for (const id of new Set([...this.#objects.keys(), ...now.keys()])) {
      const what = changesOf(this.#objects.get(id), now.get(id));
      if (!what || first) continue;
      recent.add(id);
      const changes = this.#changes.get(id) ?? [];
      for (const each of what) changes.push({ time, what: each });
      this.#changes.set(id, changes.slice(-KEPT));
    }
    this.#objects = now;
    if (recent.size > 0) this.recent = recent;
  }

  of(id: string): readonly Change[] {
    return this.#changes.get(id) ?? [];
  }
}
