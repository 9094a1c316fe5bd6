/**
 * Facets: typed views that a kind of open file offers to other parts of the kernel, so that nobody asks for its class.
 * A part that needs one defines the key; the table of a kind of file (open-file.ts) says how its object gives it.
 */

/** The key of a facet. Two keys are the same only if they are the same object. */
export class Facet<V> {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** How an object gives this facet. @param view undefined: this object has none now */
  from<T>(view: (object: T) => V | undefined): FacetOf<T> {
    return { key: this, view };
  }
}

/** One facet of a kind of file. */
export interface FacetOf<T> {
  readonly key: object;
  view(object: T): unknown;
}
