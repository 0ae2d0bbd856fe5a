import type {ElementType} from '../documents/elementTypes.ts';

/** An input or output as the model file declares it. */
export interface SignatureTensor {
  readonly name: string;
  readonly elementType: ElementType;
  /**
   * A number per fixed dimension, the symbol's name or `null` per open one. Empty for a scalar and for an unknown
   * rank alike: ONNX Runtime does not tell them apart.
   */
  readonly shape: readonly (number | string | null)[];
}
