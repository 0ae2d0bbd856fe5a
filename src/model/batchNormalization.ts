import type {ConstantFloats} from './constantFloats.ts';
import type {Graph, Layer} from './graph.ts';

/** y = factor · x + offset, one of each per channel, in double precision. */
export interface Affine {
  readonly factors: Float64Array;
  readonly offsets: Float64Array;
}

/** A BatchNormalization that uses given statistics and makes one tensor. */
export function isInferenceNormalization({operator, domain, node, outputs}: Layer): boolean {
  const training = node.attributes.find(({name}) => name === 'training_mode')?.int ?? 0n;
  return operator === 'BatchNormalization' && domain === '' && training === 0n && outputs.length === 1;
}

/** y = γ·(x − μ)/√(σ² + ε) + β as a factor and an offset; `null` where one of γ, β, μ and σ² is not constant. */
export function affineOfNormalization(
  {node}: Layer,
  constantOf: (name: string | undefined) => ConstantFloats | null,
): Affine | null {
  const [scale, bias, mean, variance] = node.inputs.slice(1).map(name => constantOf(name)?.values);
  if (!scale || !bias || !mean || !variance) return null;
  const epsilon = node.attributes.find(({name}) => name === 'epsilon')?.float ?? 1e-5;
  const factors = Float64Array.from(
    scale,
    (value, channel) => value / Math.sqrt((variance[channel] ?? 0) + epsilon),
  );
  const offsets = Float64Array.from(
    bias,
    (value, channel) => value - (mean[channel] ?? 0) * (factors[channel] ?? 0),
  );
  return {factors, offsets};
}

/** The only layer that reads the layer's first output, which nothing else may see either. */
export function soleReaderOf(graph: Graph, layer: Layer): Layer | null {
  const output = graph.tensors.get(layer.node.outputs[0] ?? '');
  if (output === undefined || output.isOutput || output.consumers.length !== 1) return null;
  return graph.layers[output.consumers[0] ?? -1] ?? null;
}
