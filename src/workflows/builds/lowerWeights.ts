import type {Precision} from '../../documents/build.ts';
import type {Graph} from '../../model/graph.ts';
import {compactModel} from '../../quantize/compactModel.ts';
import {OPSET_WITH_BLOCKS} from '../../quantize/precision/blocksForDequantizing.ts';
import type {KeptReason, LoweredModel} from '../../quantize/precision/loweredModel.ts';
import {quantizeDynamically} from '../../quantize/precision/quantizeDynamically.ts';
import {quantizeToBlocks} from '../../quantize/precision/quantizeToBlocks.ts';
import {quantizeWeightsOnly} from '../../quantize/precision/quantizeWeightsOnly.ts';
import type {CandidateBuild} from '../../targets/target.ts';
import type {Lowering} from './lowering.ts';

type LowerGraph = (
  graph: Graph,
  candidate: CandidateBuild,
  keepFloat: ReadonlyMap<string, KeptReason>,
) => LoweredModel;

/** The size bar of a file with 4-bit weights, as a share of the float one. */
const INT4_SHARE = 0.16;

/** Precisions that need no calibration: what becomes integers are weights, or activations by the range of each run. */
const LOWER: Partial<Record<Precision, LowerGraph>> = {
  'int8-dynamic': (graph, {weightBits}, keepFloat) =>
    quantizeDynamically(graph, {keepFloat, weightBits: weightBits ?? 8, search: 'mse'}),
  'int8-weights': lowerToIntegers,
  'int4-weights': lowerToIntegers,
};

function lowerToIntegers(
  graph: Graph,
  {blocks}: CandidateBuild,
  keepFloat: ReadonlyMap<string, KeptReason>,
): LoweredModel {
  if (blocks === undefined) return quantizeWeightsOnly(graph, {keepFloat, search: 'mse'});
  const largestShare = blocks.bits === 4 ? INT4_SHARE : Infinity;
  return quantizeToBlocks(graph, {...blocks, keepFloat, search: 'mse', largestShare});
}

/** The opset that the float model is to have for these builds; `null` when any will do. */
export function opsetFor(candidates: readonly CandidateBuild[]): number | null {
  return candidates.some(({blocks}) => blocks?.format === 'dequantize') ? OPSET_WITH_BLOCKS : null;
}

/** @returns `null` for precisions that are no matter of weights alone */
export function lowerWeights(graph: Graph, candidate: CandidateBuild): Lowering | null {
  const lower = LOWER[candidate.precision];
  if (lower === undefined) return null;
  const whole = lower(graph, candidate, new Map());
  return {
    graph,
    decisions: whole.decisions,
    build(keptLayers) {
      const keepFloat = new Map([...keptLayers].map(layer => [layer, 'accuracy' as const]));
      const {model, floatLayers} = keptLayers.size === 0 ? whole : lower(graph, candidate, keepFloat);
      return {model: compactModel(model, graph), floatLayers};
    },
    rank(errors) {
      const makers = new Map(
        graph.layers.flatMap(({name, outputs}) => outputs.map(tensor => [tensor, name])),
      );
      return errors.flatMap(({tensor, sqnrDb}) => {
        const layer = makers.get(tensor);
        return layer === undefined || sqnrDb === Infinity ? [] : [layer];
      });
    },
  };
}
