import type {Tensor} from '../documents/tensor.ts';
import type {SignatureTensor} from './signature.ts';

export type Optimization = 'disabled' | 'basic' | 'extended' | 'all';

export interface SessionOptions {
  readonly optimization: Optimization;
  readonly threads: number;
  /**
   * Whether threads that wait for their part of a layer keep the processor: faster, but not what the endpoint and the
   * device's own programs are to live with. Default false.
   */
  readonly isSpinning?: boolean;
  /**
   * Whether memory goes back to the system as soon as it is free. The runtime's arena would keep it, and grows in steps of
   * twice its size. Default false.
   */
  readonly isSparing?: boolean;
}

export type ModelSource =
  | {readonly path: string}
  /** Bytes are copied unless they may be taken: their ArrayBuffer is then moved, and empty afterwards. */
  | {readonly bytes: Uint8Array; readonly canTakeBytes?: boolean};

/** Pairs, not an object: a tensor may be called `__proto__`. */
export type TensorPairs = readonly (readonly [string, Tensor])[];

export interface WorkerRequests {
  open: {model: ModelSource; options: SessionOptions};
  /** One run after the other. */
  run: {runs: readonly TensorPairs[]};
  release: null;
  optimize: {model: ModelSource; outputPath: string; level: Optimization; weightsFile: string | null};
  trace: {path: string; feeds: TensorPairs};
  profile: {path: string; feeds: TensorPairs; runs: number; warmUps: number; threads: number};
}

export interface WorkerReplies {
  open: {inputs: SignatureTensor[]; outputs: SignatureTensor[]; version: string};
  run: {outputs: [string, Tensor][]; computeMs: number}[];
  release: null;
  optimize: null;
  trace: [string, {elementType: Tensor['elementType']; shape: readonly number[]}][];
  profile: {wholeRunMs: number[]; layers: {name: string; operator: string; ms: number}[]};
}

export type WorkerOperation = keyof WorkerRequests;

/** What the thread is started with. */
export interface WorkerStart {
  /** One shared number: not 0 when the thread is to begin nothing more. */
  readonly stop: Int32Array;
}

export interface WorkerRequestMessage {
  readonly id: number;
  readonly operation: WorkerOperation;
  readonly request: WorkerRequests[WorkerOperation];
}

export type FailureKind = 'runtime-missing' | 'unsupported-type' | 'wrong-input' | 'load' | 'run';

export type WorkerReplyMessage =
  | {readonly id: number; readonly reply: WorkerReplies[WorkerOperation]}
  | {
      readonly id: number;
      readonly failure: {readonly kind: FailureKind; readonly message: string; readonly code?: string};
    };
