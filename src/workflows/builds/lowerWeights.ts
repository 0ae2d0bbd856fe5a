import type {Precision} from '../../documents/build.ts';
import type {Graph} from '../../model/graph.ts';
import type {KeptReason, LoweredModel} from '../../quantize/precision/loweredModel.ts';
import {quantizeDynamically} from '../../quantize/precision/quantizeDynamically.ts';
import {quantizeToBlocks} from '../../quantize/precision/quantizeToBlocks.ts';
import {quantizeWeightsOnly} from '../../quantize/precision/quantizeWeightsOnly.ts';
import type {Lowering} from './lowering.ts';

interface LowerOptions {
  readonly keepFloat: ReadonlyMap<string, KeptReason>;
  /** Of dynamic quantisation. */
  readonly weightBits: 8 | 7;
}

type LowerGraph = (graph: Graph, options: LowerOptions) => LoweredModel;

/** The size bar of a file with 4-bit weights, as a share of the float one. */
const INT4_SHARE = 0.16;

/** Precisions that need no calibration: what becomes integers are weights, or activations by the range of each run. */
const LOWER: Partial<Record<Precision, LowerGraph>> = {
  'int8-dynamic': (graph, options) => quantizeDynamically(graph, {...options, search: 'mse'}),
  'int8-weights': (graph, {keepFloat}) => quantizeWeightsOnly(graph, {keepFloat, search: 'mse'}),
  'int4-weights': (graph, {keepFloat}) =>
    quantizeToBlocks(graph, {keepFloat, search: 'mse', largestShare: INT4_SHARE}),
};

/** @returns `null` for precisions that are no matter of weights alone */
export function lowerWeights(graph: Graph, precision: Precision, weightBits: 8 | 7 = 8): Lowering | null {
  const lower = LOWER[precision];
  if (lower === undefined) return null;
  const {decisions} = lower(graph, {keepFloat: new Map(), weightBits});
  return {
    graph,
    decisions,
    build: keptLayers => {
      const keepFloat = new Map([...keptLayers].map(layer => [layer, 'accuracy' as const]));
      const {model, floatLayers} = lower(graph, {keepFloat, weightBits});
      return {model, floatLayers};
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
