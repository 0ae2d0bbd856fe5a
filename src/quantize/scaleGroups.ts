/** Tensors that share scale and zero point: a partition that only ever gets coarser (union by smaller index). */
export class ScaleGroups {
  readonly #parents: number[] = [];
  readonly #indices = new Map<string, number>();

  /** Puts a tensor in a group of its own, if it is in none yet. */
  add(name: string): void {
    this.#indexOf(name);
  }

  has(name: string): boolean {
    return this.#indices.has(name);
  }

  /** Joins the groups of all these tensors. */
  join(names: readonly string[]): void {
    const roots = names.map(name => this.#rootOf(this.#indexOf(name)));
    const first = Math.min(...roots);
    for (const root of roots) this.#parents[root] = first;
  }

  /** The number of every tensor's group, counted in the order of their first tensors. */
  numbers(): Map<string, number> {
    const numberOfRoot = new Map<number, number>();
    const numbers = new Map<string, number>();
    for (const [name, index] of this.#indices) {
      const root = this.#rootOf(index);
      const number = numberOfRoot.get(root) ?? numberOfRoot.size;
      numberOfRoot.set(root, number);
      numbers.set(name, number);
    }
    return numbers;
  }

  #indexOf(name: string): number {
    const known = this.#indices.get(name);
    if (known !== undefined) return known;
    const index = this.#parents.push(this.#parents.length) - 1;
    this.#indices.set(name, index);
    return index;
  }

  #rootOf(index: number): number {
    let root = index;
    while (this.#parents[root] !== root) root = this.#parents[root] ?? root;
    // Paths are shortened, so that long chains of shape operators stay cheap.
    for (let at = index; at !== root;) {
      const next = this.#parents[at] ?? root;
      this.#parents[at] = root;
      at = next;
    }
    return root;
  }
}
