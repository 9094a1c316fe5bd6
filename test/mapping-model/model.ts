/** A naive model of two address spaces, page by page and byte by byte: a root, and a child that is nested in it. */

export const PAGES = 48;
/** RLIMIT_MEMLOCK, pages. */
export const LIMIT = 40;
export const READ = 1;
export const WRITE = 2;

interface Run {
  readonly start: number;
  readonly pages: number;
  readonly target: number;
  readonly flags: number;
}

/** A list of mappings, searched from one end to the other. Answers are `ok`, `ok PAGES`, or the name of an error. */
export class Runs {
  runs: Run[] = [];

  get pages(): number {
    return this.runs.reduce((sum, run) => sum + run.pages, 0);
  }

  overlaps(start: number, pages: number): Run[] {
    return this.runs.filter((run) => run.start < start + pages && start < run.start + run.pages);
  }

  /** What is wrong with a mapping, before its target is looked at. */
  refusal({ start, pages, flags }: Run): string | undefined {
    if (flags === 0 || pages === 0) return 'EINVAL';
    return this.overlaps(start, pages).length > 0 ? 'EEXIST' : undefined;
  }

  unmap(start: number, pages: number): string {
    if (pages === 0) return 'EINVAL';
    const hit = this.overlaps(start, pages);
    if (hit.length === 0) return 'ENOENT';
    if (hit.some((run) => run.start < start || run.start + run.pages > start + pages)) return 'EINVAL';
    this.runs = this.runs.filter((run) => !hit.includes(run));
    return `ok ${hit.reduce((sum, run) => sum + run.pages, 0)}`;
  }

  /** Page and flags behind a page. */
  at(page: number): { page: number; flags: number } | undefined {
    const run = this.runs.find((each) => each.start <= page && page < each.start + each.pages);
    return run && { page: run.target + page - run.start, flags: run.flags };
  }
}

export class Model {
  readonly root = new Runs();
  readonly child = new Runs();
  /** The first byte of each page of memory. */
  readonly bytes = new Uint8Array(PAGES);
  /** Pages of the root that devices wrote. */
  readonly dirty = new Set<number>();
  /** The device uses the child. */
  inChild = false;

  mapRoot(run: Run): string {
    const refusal = this.root.refusal(run);
    if (refusal) return refusal;
    if (this.root.pages + run.pages > LIMIT) return 'ENOMEM';
    this.root.runs.push(run);
    return 'ok';
  }

  unmapRoot(start: number, pages: number): string {
    const before = this.root.runs;
    const answer = this.root.unmap(start, pages);
    for (const run of before) {
      if (this.root.runs.includes(run)) continue;
      for (let page = run.start; page < run.start + run.pages; page++) this.dirty.delete(page);
    }
    return answer;
  }

  mapChild(run: Run): string {
    if (!this.inChild) return 'ENODEV';
    const refusal = this.child.refusal(run);
    if (refusal) return refusal;
    for (let i = 0; i < run.pages; i++) {
      const hit = this.root.at(run.target + i);
      if (!hit || (hit.flags & run.flags) !== run.flags) return 'EFAULT';
    }
    this.child.runs.push(run);
    return 'ok';
  }

  unmapChild(start: number, pages: number): string {
    return this.inChild ? this.child.unmap(start, pages) : 'ENODEV';
  }

  /** The device writes the first byte of a page; `error N` is RESULT of the engine. */
  write(page: number, value: number): string {
    const hit = this.#translate(page, WRITE);
    if (typeof hit === 'number') return `error ${hit}`;
    this.bytes[hit.page] = value;
    this.dirty.add(hit.iova);
    return 'ok';
  }

  read(page: number): string {
    const hit = this.#translate(page, READ);
    return typeof hit === 'number' ? `error ${hit}` : `sum ${this.bytes[hit.page]}`;
  }

  /** The bits of a bitmap in which each stands for `unit` pages. */
  dirtyBits(start: number, pages: number, unit: number, keep: boolean): string {
    const inside = [...this.dirty].filter((page) => page >= start && page < start + pages);
    if (!keep) for (const page of inside) this.dirty.delete(page);
    const bits = new Set(inside.map((page) => Math.floor((page - start) / unit)));
    return [...bits].sort((a, b) => a - b).join();
  }

  /** The page of memory and of the root, or why there is none: 1 not mapped, 2 no permission. */
  #translate(page: number, flag: number): number | { page: number; iova: number } {
    let iova = page;
    if (this.inChild) {
      const hit = this.child.at(page);
      if (!hit) return 1;
      if (!(hit.flags & flag)) return 2;
      iova = hit.page;
    }
    const hit = this.root.at(iova);
    if (!hit) return 1;
    return hit.flags & flag ? { page: hit.page, iova } : 2;
  }
}
