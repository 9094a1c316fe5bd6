/**
 * A small SAT solver: conflict-driven clause learning with two watched literals, first unique implication points and
 * activities (MiniSat's method: Eén and Sörensson, "An Extensible SAT-solver", 2003). Clauses may be added between
 * questions; a question may assume literals.
 *
 * A literal is a variable's number, 1 and up, or its negative.
 */

const code = (literal: number): number => (literal > 0 ? 2 * literal : -2 * literal + 1);

interface Clause {
  readonly literals: number[];
}

export class Solver {
  #variables = 0;
  /** 1 true, -1 false, 0 open; by variable. */
  readonly #value: number[] = [0];
  readonly #level: number[] = [0];
  readonly #reason: (Clause | undefined)[] = [undefined];
  readonly #activity: number[] = [0];
  /** What a variable is when nothing says otherwise. */
  readonly #preferred: number[] = [-1];
  readonly #watches: Clause[][] = [[], []];
  readonly #trail: number[] = [];
  readonly #limits: number[] = [];
  #next = 0;
  #bump = 1;
  /** The clauses contradict one another, whatever is assumed. */
  #contradiction = false;

  /** A new variable. @param preferred its value when nothing says otherwise */
  variable(preferred: boolean): number {
    this.#variables++;
    this.#value.push(0);
    this.#level.push(0);
    this.#reason.push(undefined);
    this.#activity.push(0);
    this.#preferred.push(preferred ? 1 : -1);
    this.#watches.push([], []);
    return this.#variables;
  }

  /** Adds a clause: one of the literals is true. */
  add(literals: readonly number[]): void {
    this.#back(0);
    const open = [...new Set(literals)].filter((literal) => this.#of(literal) !== -1);
    if (open.some((literal) => this.#of(literal) === 1 || open.includes(-literal))) return;
    const [first] = open;
    if (first === undefined) this.#contradiction = true;
    else if (open.length === 1)
      this.#contradiction ||= !this.#assign(first, undefined) || this.#propagate() !== undefined;
    else this.#watch({ literals: open });
  }

  /** Values of all variables, by number, with which every clause and assumption holds; undefined: there are none. */
  solve(assumptions: readonly number[] = []): readonly boolean[] | undefined {
    this.#back(0);
    while (!this.#contradiction) {
      const conflict = this.#propagate();
      if (conflict) {
        if (this.#limits.length === 0) this.#contradiction = true;
        else this.#learn(conflict);
        continue;
      }
      const depth = this.#limits.length;
      const assumed = assumptions[depth];
      if (assumed !== undefined && this.#of(assumed) === -1) return undefined;
      const decision = assumed ?? this.#decide();
      if (decision === 0) return this.#value.map((value) => value === 1);
      this.#limits.push(this.#trail.length);
      if (this.#of(decision) === 0) this.#assign(decision, undefined);
    }
    return undefined;
  }

  #of(literal: number): number {
    return literal > 0 ? (this.#value[literal] as number) : -(this.#value[-literal] as number);
  }

  #watch(clause: Clause): void {
    for (const literal of clause.literals.slice(0, 2)) this.#watches[code(-literal)]?.push(clause);
  }

  /** False if the literal is false already. */
  #assign(literal: number, reason: Clause | undefined): boolean {
    if (this.#of(literal) !== 0) return this.#of(literal) === 1;
    const variable = Math.abs(literal);
    this.#value[variable] = Math.sign(literal);
    this.#level[variable] = this.#limits.length;
    this.#reason[variable] = reason;
    this.#trail.push(literal);
    return true;
  }

  #back(level: number): void {
    const from = this.#limits[level];
    if (from === undefined) return;
    for (const literal of this.#trail.splice(from)) this.#value[Math.abs(literal)] = 0;
    this.#limits.length = level;
    this.#next = this.#trail.length;
  }

  /** Draws conclusions. Returns a clause of which every literal is false, if there is one. */
  #propagate(): Clause | undefined {
    while (this.#next < this.#trail.length) {
      const literal = this.#trail[this.#next++] as number;
      const watching = this.#watches[code(literal)] as Clause[];
      let kept = 0;
      for (let i = 0; i < watching.length; i++) {
        const clause = watching[i] as Clause;
        if (this.#moved(clause, -literal)) continue;
        watching[kept++] = clause;
        if (this.#assign(clause.literals[0] as number, clause)) continue;
        while (++i < watching.length) watching[kept++] = watching[i] as Clause;
        watching.length = kept;
        return clause;
      }
      watching.length = kept;
    }
    return undefined;
  }

  /** Finds another literal to watch than the one that became false; puts that one second. */
  #moved(clause: Clause, lost: number): boolean {
    const { literals } = clause;
    if (literals[0] === lost) [literals[0], literals[1]] = [literals[1] as number, lost];
    if (this.#of(literals[0] as number) === 1) return false;
    for (let k = 2; k < literals.length; k++) {
      const other = literals[k] as number;
      if (this.#of(other) === -1) continue;
      [literals[1], literals[k]] = [other, lost];
      this.#watches[code(-other)]?.push(clause);
      return true;
    }
    return false;
  }

  /** Learns from a conflict what must not be tried again, and goes back. */
  #learn(conflict: Clause): void {
    const seen = new Set<number>();
    const learned: number[] = [];
    let open = 0;
    let at = this.#trail.length;
    let literal = 0;
    let reason: Clause | undefined = conflict;
    do {
      for (const each of reason?.literals ?? []) {
        const variable = Math.abs(each);
        if (each === literal || seen.has(variable) || this.#level[variable] === 0) continue;
        seen.add(variable);
        this.#activity[variable] = (this.#activity[variable] as number) + this.#bump;
        if (this.#level[variable] === this.#limits.length) open++;
        else learned.push(each);
      }
      do literal = this.#trail[--at] as number;
      while (!seen.has(Math.abs(literal)));
      reason = this.#reason[Math.abs(literal)];
      open--;
    } while (open > 0);
    this.#bump *= 1.05;
    if (this.#bump > 1e100) {
      this.#activity.forEach((activity, i) => {
        this.#activity[i] = activity * 1e-100;
      });
      this.#bump *= 1e-100;
    }
    learned.sort((a, b) => (this.#level[Math.abs(b)] as number) - (this.#level[Math.abs(a)] as number));
    this.#back(learned.length > 0 ? (this.#level[Math.abs(learned[0] as number)] as number) : 0);
    const clause = { literals: [-literal, ...learned] };
    if (learned.length > 0) this.#watch(clause);
    this.#assign(-literal, learned.length > 0 ? clause : undefined);
  }

  /** The open variable that conflicts were about most, at its preferred value; 0: none is open. */
  #decide(): number {
    let best = 0;
    for (let variable = 1; variable <= this.#variables; variable++)
      if (
        this.#value[variable] === 0 &&
        (best === 0 || (this.#activity[variable] as number) > (this.#activity[best] as number))
      )
        best = variable;
    return best * (this.#preferred[best] as number);
  }
}
