import type {Graph} from '../../model/graph.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import {constantsOf, floatsOfTensor} from '../floatsOfTensor.ts';
import {findChannelClasses} from './channelClasses.ts';
import {scaleChannels} from './equalizeChannels.ts';
import {weightPlaces} from './weightPlaces.ts';

/** Each round passes what is too large on to the next layers; after this many nothing changes any more. */
const ROUNDS = 30;
const LARGEST_FACTOR = 64;

/**
 * The same function with weights that fill one range per layer as evenly as can be: each channel is scaled until its
 * largest weight among those that make it is as large, for its layers, as its largest among those that read it. For weights
 * with one scale per layer.
 * @see Nagel et al., arXiv 1906.04721, section 4.1
 */
export function balanceWeights(graph: Graph): OnnxModel {
  const classes = findChannelClasses(graph);
  const constants = constantsOf(graph);
  const layers = classes.weightedLayers.flatMap(layer => {
    const [input = '', weight = ''] = layer.node.inputs;
    const tensor = constants.get(weight);
    const inputs = classes.ofTensor.get(input);
    const outputs = classes.ofTensor.get(layer.outputs[0] ?? '');
    if (tensor === undefined || inputs === undefined || outputs === undefined) return [];
    const places = weightPlaces(layer, graph.tensors.get(weight)?.shape ?? []);
    const magnitudes = floatsOfTensor(tensor).map(Math.abs);
    const makes = Int32Array.from(magnitudes, (_, at) => outputs[places.outputOf(at)] ?? 0);
    const reads = Int32Array.from(magnitudes, (_, at) => inputs[places.inputOf(at)] ?? 0);
    return [{magnitudes, makes, reads}];
  });
  const factors = new Float64Array(classes.classCount).fill(1);
  for (let round = 0; round < ROUNDS; round += 1) {
    const made = new Float64Array(classes.classCount);
    const read = new Float64Array(classes.classCount);
    for (const {magnitudes, makes, reads} of layers) {
      let largest = 0;
      const scaled = magnitudes.map((magnitude, at) => {
        const value = (magnitude * (factors[makes[at] ?? 0] ?? 1)) / (factors[reads[at] ?? 0] ?? 1);
        largest = Math.max(largest, value);
        return value;
      });
      if (largest === 0) continue;
      scaled.forEach((value, at) => {
        const share = value / largest;
        const [maker = 0, reader = 0] = [makes[at], reads[at]];
        made[maker] = Math.max(made[maker] ?? 0, share);
        read[reader] = Math.max(read[reader] ?? 0, share);
      });
    }
    factors.forEach((factor, one) => {
      const [by = 0, of = 0] = [made[one], read[one]];
      if (classes.isFixed(one) || by === 0 || of === 0) return;
      const wanted = factor * Math.sqrt(of / by);
      factors[one] = Math.min(LARGEST_FACTOR, Math.max(1 / LARGEST_FACTOR, wanted));
    });
  }
  return scaleChannels(graph, classes, factors);
}
