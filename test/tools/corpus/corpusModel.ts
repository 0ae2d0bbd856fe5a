import type {OnnxModel} from '../../../src/model/onnx/messages.ts';

/** A model that preparation and quantisation must take as it is. */
export interface CorpusModel {
  /** Also says what is special about it. */
  readonly name: string;
  build(): OnnxModel;
  /** Weights in a file beside the model. */
  readonly isExternal?: boolean;
  /** For inputs that leave more open than the batch. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** Largest difference to the original, relative to its largest value; 1e-5 unless given. */
  readonly tolerance?: number;
}
