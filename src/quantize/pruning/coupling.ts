import type {Graph} from '../../model/graph.ts';

/** Why channels stay. */
export type RefusalReason =
  /** A caller gives or gets them: the model's interface is not changed. */
  | 'graph-input'
  | 'graph-output'
  /** An operator whose use of its channels is not known. */
  | 'operator-unknown'
  /** Every channel's result depends on all the others: normalisation, Softmax, a reduction over channels. */
  | 'mixes-channels'
  /** Not a channel of a weighted layer: positions in the picture, samples of the batch. */
  | 'position'
  | 'shape-unknown'
  /** The target shape, the slice or the padding is computed while the model runs. */
  | 'shape-computed'
  /** A Reshape after which the channels are no axis, or part of one, any more. */
  | 'reshape-mixes-axes'
  /** A Slice or Pad along the channels that has no equivalent on fewer channels. */
  | 'strided-slice'
  | 'padding-mode'
  | 'weights-computed'
  /** A MatMul with one matrix per sample or head. */
  | 'weights-batched'
  | 'weights-not-float32'
  /** Read inside If, Loop or Scan. */
  | 'read-by-body'
  /** One channel that is spread over many. */
  | 'broadcast';

export interface Refusal {
  readonly reason: RefusalReason;
  /** The layer that asks for it; `null` for the model's inputs and outputs. */
  readonly layer: string | null;
}

/**
 * Which indices of which tensor axes can only be removed together, and which not at all: a union-find over
 * (tensor, axis, index), the dependency graph of Fang et al. 2023 (DepGraph, arXiv 2301.12900) at the grain of single
 * channels, so that Concat, Slice, Pad and Flatten need no special treatment.
 */
export class Coupling {
  readonly #shapes = new Map<string, readonly number[]>();
  readonly #starts = new Map<string, readonly number[]>();
  readonly #parents: Int32Array;
  readonly #refusals = new Map<number, Refusal>();

  constructor(graph: Graph) {
    let count = 0;
    for (const {name, shape} of graph.tensors.values()) {
      if (shape === undefined) continue;
      this.#shapes.set(name, shape);
      const starts: number[] = [];
      for (const size of shape) {
        starts.push(count);
        count += size;
      }
      this.#starts.set(name, starts);
    }
    this.#parents = Int32Array.from({length: count}, (_, index) => index);
  }

  /** Only when every size is known. */
  shapeOf(tensor: string): readonly number[] | undefined {
    return this.#shapes.get(tensor);
  }

  join(a: string, aAxis: number, aIndex: number, b: string, bAxis: number, bIndex: number): void {
    const first = this.#root(this.#place(a, aAxis) + aIndex);
    const second = this.#root(this.#place(b, bAxis) + bIndex);
    if (first === second) return;
    // The smaller index is the root, so that classes come in the order of the graph's tensors.
    const [root, child] = first < second ? [first, second] : [second, first];
    this.#parents[child] = root;
    const refusal = this.#refusals.get(root) ?? this.#refusals.get(child);
    if (refusal !== undefined) this.#refusals.set(root, refusal);
  }

  /** Index by index; both axes have the same size. */
  joinAxes(a: string, aAxis: number, b: string, bAxis: number): void {
    const size = this.#shapes.get(a)?.[aAxis] ?? 0;
    for (let index = 0; index < size; index += 1) this.join(a, aAxis, index, b, bAxis, index);
  }

  /** The first refusal of a class is the one that is told. */
  refuse(tensor: string, axis: number, refusal: Refusal): void {
    const size = this.#shapes.get(tensor)?.[axis] ?? 0;
    for (let index = 0; index < size; index += 1) {
      const root = this.#root(this.#place(tensor, axis) + index);
      if (!this.#refusals.has(root)) this.#refusals.set(root, refusal);
    }
  }

  refuseTensor(tensor: string, refusal: Refusal): void {
    (this.#shapes.get(tensor) ?? []).forEach((_, axis) => this.refuse(tensor, axis, refusal));
  }

  /** The class of each index of the axis: what has the same number is removed together. */
  classes(tensor: string, axis: number): Int32Array {
    const start = this.#place(tensor, axis);
    return Int32Array.from({length: this.#shapes.get(tensor)?.[axis] ?? 0}, (_, index) =>
      this.#root(start + index),
    );
  }

  refusalOf(channel: number): Refusal | null {
    return this.#refusals.get(this.#root(channel)) ?? null;
  }

  /** Whether some index of the axis may be removed, as far as is known by now. */
  isLive(tensor: string, axis: number): boolean {
    return this.classes(tensor, axis).some(channel => !this.#refusals.has(channel));
  }

  #place(tensor: string, axis: number): number {
    const start = this.#starts.get(tensor)?.[axis];
    if (start === undefined) throw new RangeError(`no axis ${axis} of tensor "${tensor}"`);
    return start;
  }

  #root(place: number): number {
    let root = place;
    while ((this.#parents[root] as number) !== root) root = this.#parents[root] as number;
    for (let at = place; at !== root;) {
      const next = this.#parents[at] as number;
      this.#parents[at] = root;
      at = next;
    }
    return root;
  }
}
