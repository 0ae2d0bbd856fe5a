import {rankByGrowth} from '../../quantize/accuracy/rankByGrowth.ts';
import {graphFromModel} from '../../model/graphFromModel.ts';
import type {Graph} from '../../model/graph.ts';
import {convertToFloat16} from '../../quantize/precision/convertToFloat16.ts';
import type {TensorRange} from '../../quantize/quantizationPlan.ts';
import {measureExtremes} from '../../quantize/ranges/measureExtremes.ts';
import type {SampleRunner} from '../../quantize/sampleRunner.ts';
import type {Lowering} from './lowering.ts';

export type Ranges = ReadonlyMap<string, TensorRange>;

/** Extremes of every activation on the calibration samples, by which layers beyond float16 stay in float32. */
export async function rangesForFloat16(
  graph: Graph,
  runner: SampleRunner,
  calibrationRequests: number,
): Promise<Ranges> {
  const names = graph.layers
    .flatMap(({outputs}) => outputs)
    .filter(name => graph.tensors.get(name)?.elementType === 'float32');
  return measureExtremes(graph, names, runner, {from: 0, to: calibrationRequests});
}

/** Everything in float16 that can be; inputs and outputs stay float32. */
export function lowerToFloat16(graph: Graph, ranges: Ranges): Lowering {
  const whole = convertToFloat16(graph, {ranges});
  return {
    graph,
    decisions: whole.decisions,
    rankedBy: 'accumulated-errors',
    build(keptLayers) {
      const keepFloat32 = new Map([...keptLayers].map(layer => [layer, 'accuracy' as const]));
      const {model, floatLayers} =
        keptLayers.size === 0 ? whole : convertToFloat16(graph, {ranges, keepFloat32});
      return {model, floatLayers};
    },
    rank: errors => rankByGrowth(graph, errors),
  };
}

/** What another lowering leaves in float, in float16. */
export function withFloat16(lowering: Lowering, ranges: Ranges): Lowering {
  return {
    ...lowering,
    decisions: [
      ...lowering.decisions,
      {
        decision: 'what does not compute on integers is written in float16',
        reason: 'the runtime computes in the types of the file',
      },
    ],
    build(keptLayers) {
      const lowered = lowering.build(keptLayers);
      const {model} = convertToFloat16(graphFromModel(lowered.model), {ranges});
      return {...lowered, model, inFloat32: lowered.model, isFloat: false};
    },
  };
}

/** For compilers that lower to float16 by themselves: the file stays float32, and float16 is what is judged. */
export function float16ByCompiler(graph: Graph, ranges: Ranges): Lowering {
  return {
    graph,
    decisions: [
      {
        decision: 'the file is float32; judged is what it gives in float16',
        reason: "the target's compiler lowers it by itself",
      },
    ],
    build: () => ({
      model: graph.model,
      floatLayers: [],
      standIn: convertToFloat16(graph, {ranges}).model,
    }),
    rank: () => [],
  };
}
