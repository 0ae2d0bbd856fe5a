import type {NamedTensors} from '../../documents/tensor.ts';
import type {QuantizationScheme} from '../../documents/quantizationScheme.ts';
import {freshTensorNames} from '../../model/freshNames.ts';
import type {Graph} from '../../model/graph.ts';
import {renameTensors} from '../../model/renameTensors.ts';
import {startSignalToNoise} from '../accuracy/signalToNoise.ts';
import {planQuantization} from '../planQuantization.ts';
import type {SampleRunner} from '../sampleRunner.ts';
import type {Quantization} from './improvementSteps.ts';
import {withTypesOf} from './withTypesOf.ts';

/** Behind the name of a tensor whose channels were scaled. */
export const RESCALED = '/rescaled';

/** Rounding in float32 stays far above this, a scaled channel far below. */
const SAME_DB = 60;

/**
 * The same quantisation with names of their own for the tensors that equalisation or smoothing have scaled: under the
 * original's names they would be compared with what they no longer are. Found by running both models on one sample.
 */
export async function nameRescaled(
  original: Graph,
  quantization: Quantization,
  {runner, scheme}: {readonly runner: SampleRunner; readonly scheme: QuantizationScheme},
): Promise<Quantization> {
  const {graph, keepFloat, ranges} = quantization;
  if (graph === original) return quantization;
  const rescaled = await findRescaled(original, graph, runner);
  const takeName = freshTensorNames(graph.model);
  const names = new Map(rescaled.map(name => [name, takeName(name + RESCALED)]));
  const originals = new Map([...names].map(([from, to]) => [to, from]));
  const model = {...graph.model, graph: renameTensors(graph.model.graph, names)};
  const renamed = withTypesOf(graph, model, name => originals.get(name) ?? name);
  return {
    ...quantization,
    graph: renamed,
    plan: planQuantization(renamed, scheme, keepFloat),
    ranges: new Map([...ranges].map(([name, range]) => [names.get(name) ?? name, range])),
  };
}

async function findRescaled(original: Graph, graph: Graph, runner: SampleRunner): Promise<string[]> {
  const ends = new Set([...graph.model.graph.inputs, ...graph.model.graph.outputs].map(({name}) => name));
  const inner = graph.layers
    .flatMap(({outputs}) => outputs)
    .filter(name => graph.tensors.get(name)?.elementType === 'float32' && !ends.has(name))
    .filter(name => original.tensors.get(name)?.isWeight === false);
  if (inner.length === 0) return [];
  const compared = startSignalToNoise(inner);
  const first = {tensors: inner, mode: 'exact', from: 0, to: 1} as const;
  let expected: NamedTensors = {};
  await runner.run({...first, model: original.model, visit: values => void (expected = values)});
  await runner.run({...first, model: graph.model, visit: values => compared.add(expected, values)});
  return [...compared.decibels()].filter(([, decibels]) => decibels < SAME_DB).map(([name]) => name);
}
