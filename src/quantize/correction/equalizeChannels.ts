import type {Graph, Layer} from '../../model/graph.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import {constantsOf, floatsOfTensor} from '../floatsOfTensor.ts';
import {findChannelClasses, type ChannelClasses} from './channelClasses.ts';
import type {ChannelMagnitudes} from './measureChannels.ts';
import {weightPlaces} from './weightPlaces.ts';
import {withFloatConstants} from './withFloatConstants.ts';

/**
 * Factors beyond this bring nothing: a channel's share of the rounding error falls with the square of its factor, to 1/64
 * at 8.
 */
const LARGEST_FACTOR = 8;

/**
 * The same function with quiet channels of quantised activations scaled up, so that rounding to the scale of the loudest
 * loses less of them; for weights with a scale per output channel. A class of channels takes the geometric mean of what
 * its tensors want.
 * @param headroom how far below the tensor's largest magnitude a raised channel stays: a channel that the calibration
 * samples show at less than its largest must not be the first to be clipped
 * @see Nagel et al., arXiv 1906.04721, section 4.1, whose pairs of layers are here whole classes of channels
 */
export function equalizeActivations(
  graph: Graph,
  magnitudes: ChannelMagnitudes,
  headroom: number,
): OnnxModel {
  const classes = findChannelClasses(graph);
  const logSums = new Float64Array(classes.classCount);
  const counts = new Float64Array(classes.classCount);
  for (const [name, channels] of magnitudes) {
    const members = classes.ofTensor.get(name);
    const largest = channels.reduce((most, value) => Math.max(most, value), 0);
    if (members?.length !== channels.length || largest === 0) continue;
    members.forEach((member, channel) => {
      const wanted = largest / (headroom * (channels[channel] ?? 0));
      const factor = Math.min(LARGEST_FACTOR, Math.max(1, wanted));
      logSums[member] = (logSums[member] ?? 0) + Math.log(factor);
      counts[member] = (counts[member] ?? 0) + 1;
    });
  }
  const factors = logSums.map((sum, one) =>
    counts[one] === 0 || classes.isFixed(one) ? 1 : Math.exp(sum / (counts[one] ?? 1)),
  );
  return scaleChannels(graph, classes, factors);
}

/** The graph with every class of channels multiplied by its factor: weights, biases and added constants rewritten. */
export function scaleChannels(graph: Graph, classes: ChannelClasses, factors: Float64Array): OnnxModel {
  const constants = constantsOf(graph);
  const changed = new Map<string, Float32Array>();
  const valuesOf = (name: string): Float32Array => {
    const tensor = constants.get(name);
    if (tensor === undefined) throw new RangeError(`the model has no constant "${name}"`);
    return changed.get(name) ?? floatsOfTensor(tensor);
  };
  const factorsOf = (tensor: string): Float64Array =>
    Float64Array.from(classes.ofTensor.get(tensor) ?? [], member => factors[member] ?? 1);

  for (const layer of classes.weightedLayers) {
    const [input = '', weight = '', bias = ''] = layer.node.inputs;
    const inputFactors = factorsOf(input);
    const outputFactors = factorsOf(layer.outputs[0] ?? '');
    if (!inputFactors.some(isOther) && !outputFactors.some(isOther)) continue;
    const dims = graph.tensors.get(weight)?.shape ?? [];
    changed.set(weight, scaledWeights(layer, valuesOf(weight), dims, inputFactors, outputFactors));
    if (bias !== '') changed.set(bias, scaledVector(valuesOf(bias), outputFactors));
  }
  for (const [constant, tensor] of classes.addedConstants)
    changed.set(constant, scaledVector(valuesOf(constant), factorsOf(tensor)));

  return withFloatConstants(graph.model, changed);
}

/** Output channel o of input channel i times factor(o) / factor(i). */
function scaledWeights(
  layer: Layer,
  values: Float32Array,
  dims: readonly number[],
  inputFactors: Float64Array,
  outputFactors: Float64Array,
): Float32Array {
  const {inputOf, outputOf} = weightPlaces(layer, dims);
  return values.map(
    (value, at) => (value * (outputFactors[outputOf(at)] ?? 1)) / (inputFactors[inputOf(at)] ?? 1),
  );
}

function scaledVector(values: Float32Array, factors: Float64Array): Float32Array {
  return values.map((value, at) => value * (factors[at] ?? 1));
}

function isOther(factor: number): boolean {
  return factor !== 1;
}
