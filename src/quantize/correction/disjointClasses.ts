/**
 * Disjoint sets of channels with path halving; a set is fixed when one of its members is.
 * @see Tarjan and van Leeuwen, Worst-case analysis of set union algorithms, JACM 31(2), 1984
 */
export class DisjointClasses {
  readonly #parents: number[] = [];
  readonly #fixed: boolean[] = [];

  get count(): number {
    return this.#parents.length;
  }

  make(count: number): Int32Array {
    const first = this.#parents.length;
    for (let at = 0; at < count; at += 1) {
      this.#parents.push(first + at);
      this.#fixed.push(false);
    }
    return Int32Array.from({length: count}, (_, at) => first + at);
  }

  find(member: number): number {
    let at = member;
    for (let parent = this.#parents[at] ?? at; parent !== at; parent = this.#parents[at] ?? at) {
      this.#parents[at] = this.#parents[parent] ?? parent;
      at = this.#parents[at] ?? at;
    }
    return at;
  }

  unite(one: number, other: number): void {
    const [a, b] = [this.find(one), this.find(other)];
    this.#parents[b] = a;
    if (this.#fixed[b] === true) this.#fixed[a] = true;
  }

  fix(member: number): void {
    this.#fixed[this.find(member)] = true;
  }

  isFixed(member: number): boolean {
    return this.#fixed[this.find(member)] === true;
  }
}
