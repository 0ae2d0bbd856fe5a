import type {Graph} from '../../model/graph.ts';

/** The shape of what they make follows from the shapes of what they read, and never from values. */
const SHAPE_FROM_SHAPES: ReadonlySet<string> = new Set(
  [
    'Conv ConvTranspose Gemm MatMul Add Sub Mul Div Relu LeakyRelu PRelu Clip Sigmoid HardSigmoid HardSwish Tanh Erf Gelu',
    'Softmax BatchNormalization InstanceNormalization LayerNormalization LRN MaxPool AveragePool GlobalAveragePool',
    'GlobalMaxPool Concat Flatten Transpose Identity',
  ].flatMap(names => names.split(' ')),
);

/**
 * How many values each tensor has, of those whose shape is the same for every sample: the shape of another was measured on
 * one sample perhaps.
 */
export function staticSizes({layers, tensors}: Graph): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const [name, {shape, isInput, isWeight}] of tensors)
    if (shape !== undefined && (isInput || isWeight)) sizes.set(name, countOf(shape));
  for (const {operator, domain, inputs, outputs} of layers) {
    if (domain !== '' || !SHAPE_FROM_SHAPES.has(operator) || !inputs.every(name => sizes.has(name))) continue;
    for (const name of outputs) {
      const shape = tensors.get(name)?.shape;
      if (shape !== undefined) sizes.set(name, countOf(shape));
    }
  }
  return sizes;
}

function countOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
