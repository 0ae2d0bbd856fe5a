import type {TensorSpec} from '../documents/tensor.ts';

/** The cloud's part of a plan, as an engine is to serve it. */
export interface ServedSegment {
  /** As devices ask for it. */
  readonly name: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly instances: number;
  /** Of one instance. */
  readonly threads: number;
}
