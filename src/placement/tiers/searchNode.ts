import type {LinkState, Relaxation} from './relaxation.ts';

/** A part of all placements: where each layer may still be, and which links are decided. */
export interface SearchNode extends LinkState {
  /** Per layer, bit k: may be on tier k. */
  readonly tierMasks: Int32Array;
  /** No placement of this part costs less; proven. */
  readonly boundNs: number;
  /** The one its parent ended with; `null` when the links differ. */
  readonly relaxation: Relaxation | null;
}

/** The open parts, that with the lowest bound first, of equal ones the latest (a binary heap). */
export class SearchNodes {
  readonly #heap: {readonly node: SearchNode; readonly order: number}[] = [];
  #added = 0;

  get isEmpty(): boolean {
    return this.#heap.length === 0;
  }

  add(node: SearchNode): void {
    const heap = this.#heap;
    heap.push({node, order: this.#added++});
    for (let at = heap.length - 1; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** @returns that with the lowest bound, `undefined` when there is none left */
  take(): SearchNode | undefined {
    const heap = this.#heap;
    if (heap.length > 1) this.#swap(0, heap.length - 1);
    const taken = heap.pop()?.node;
    for (let at = 0; ;) {
      let first = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < heap.length && this.#isBefore(child, first)) first = child;
      if (first === at) return taken;
      this.#swap(at, first);
      at = first;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const left = this.#heap[a];
    const right = this.#heap[b];
    if (left === undefined || right === undefined) return false;
    return (
      left.node.boundNs - right.node.boundNs < 0 ||
      (left.node.boundNs === right.node.boundNs && left.order > right.order)
    );
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    [heap[a], heap[b]] = [heap[b] as (typeof heap)[number], heap[a] as (typeof heap)[number]];
  }
}
