import type {NamedTensors} from '../../documents/tensor.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import {floatsOf} from '../accuracy/floatsOf.ts';
import type {CorrectedValues, WeightedLayer} from '../quantizationPlan.ts';
import {quantizeGraph} from '../quantizeGraph.ts';
import type {CorrectionTask} from './correctionTask.ts';
import {canHaveBias, floatBias} from './floatLayer.ts';
import {weightedLevels} from './weightedLevels.ts';

/**
 * Adds to every bias what the layer's output is off on average, channel by channel, one level of layers at a time in graph
 * order: the means are those of the model with everything upstream corrected already. Ranges and weights stay; so do
 * layers to which a bias would be a layer of its own.
 * @returns `corrected` with new biases
 * @see Nagel et al., arXiv 1906.04721, section 4.2 (empirical bias correction)
 */
export async function correctBiases(
  task: CorrectionTask,
  corrected: CorrectedValues,
  onLayer?: (done: number, all: number) => void,
): Promise<CorrectedValues> {
  const {graph, plan, scheme, ranges} = task;
  const biases = new Map(corrected.biases);
  let done = 0;
  for (const all of weightedLevels(graph, plan)) {
    const level = all.filter(layer => canHaveBias(graph, layer, plan.activations.has(layer.output)));
    done += all.length;
    if (level.length === 0) continue;
    const wanted = await outputMeans(task, graph.model, level, layer => layer.ownOutput);
    const model = quantizeGraph(graph, plan, scheme, ranges, {weights: corrected.weights, biases});
    const outputOf = new Map(model.graph.nodes.map(node => [node.name, node.outputs[0] ?? '']));
    const found = await outputMeans(task, model, level, layer => outputOf.get(layer.layer) ?? '');
    for (const layer of level) {
      const [expected, actual] = [wanted.get(layer.layer), found.get(layer.layer)];
      if (expected === undefined || actual === undefined) continue;
      const before = biases.get(layer.layer) ?? floatBias(graph, layer, expected.length);
      biases.set(
        layer.layer,
        before.map((bias, channel) => bias + (expected[channel] ?? 0) - (actual[channel] ?? 0)),
      );
    }
    onLayer?.(done, plan.weighted.length);
  }
  return {weights: corrected.weights, biases};
}

/** Mean output of every channel over all samples and places, by layer. */
async function outputMeans(
  {runner, mode, from, to, graph}: CorrectionTask,
  model: OnnxModel,
  layers: readonly WeightedLayer[],
  tensorOf: (layer: WeightedLayer) => string,
): Promise<ReadonlyMap<string, Float64Array>> {
  const means = new Map<string, Float64Array>();
  const isConvolution = new Set(
    graph.layers.flatMap(({name, operator}) => (operator.startsWith('Conv') ? [name] : [])),
  );
  await runner.run({
    model,
    tensors: [...new Set(layers.map(tensorOf))],
    mode,
    from,
    to,
    visit(values: NamedTensors) {
      for (const layer of layers) {
        const tensor = values[tensorOf(layer)];
        if (tensor === undefined)
          throw new RangeError(`the runner gave no values of tensor "${tensorOf(layer)}"`);
        const axis = isConvolution.has(layer.layer) ? 1 : tensor.shape.length - 1;
        const channels = tensor.shape[axis] ?? 1;
        const inner = tensor.shape.slice(axis + 1).reduce((all, size) => all * size, 1);
        const sums = means.get(layer.layer) ?? new Float64Array(channels);
        const numbers = floatsOf(tensor);
        const share = channels / (numbers.length * (to - from));
        for (let at = 0; at < numbers.length; at += 1) {
          const channel = Math.floor(at / inner) % channels;
          sums[channel] = (sums[channel] as number) + (numbers[at] as number) * share;
        }
        means.set(layer.layer, sums);
      }
    },
  });
  return means;
}
