import type {Graph} from '../../model/graph.ts';
import {graphFromModel} from '../../model/graphFromModel.ts';
import {layerCosts} from '../../model/layerCosts.ts';
import {accumulatedErrors, ownErrors} from '../../quantize/accuracy/layerErrors.ts';
import {rankByNoise} from '../../quantize/accuracy/rankByNoise.ts';
import type {DoneLayers} from '../../quantize/correction/improveQuantization.ts';
import type {SampleRunner} from '../../quantize/sampleRunner.ts';
import type {LoweredBuild, Lowering} from './lowering.ts';

/** Samples that the sensitivity of layers is measured on. */
const SAMPLES = 16;

/** Where fewer than this could be looked at, layers are not lowered one by one. */
const FEWEST_SAMPLES = 4;

/** What lowering them one by one may cost, in multiply-adds: about a minute on two processors. */
const MOST_MULTIPLY_ADDS = 3e12;
/** What making and opening a model takes in place of them: 0.4 s for 100 MB. */
const MULTIPLY_ADDS_PER_BYTE = 200;

/**
 * The layers that can be kept in float, most sensitive first. Their own errors take one run of both models and say little
 * about what reaches the outputs; where it can be afforded, each layer is lowered alone besides, to see that.
 * @param build with all of them lowered
 */
export async function rankLayersToKeep(
  lowering: Lowering,
  runner: SampleRunner,
  build: LoweredBuild,
  onLayer?: (layers: DoneLayers) => void,
): Promise<readonly string[]> {
  const inFloat32 = ({model, inFloat32: kept = model}: LoweredBuild) => kept;
  const measure = lowering.rankedBy === 'accumulated-errors' ? accumulatedErrors : ownErrors;
  const errors = await measure({
    float: lowering.graph,
    quantized: graphFromModel(inFloat32(build)),
    runner,
    mode: 'exact',
    sampleCount: SAMPLES,
  });
  const layers = lowering.rank(errors);
  const sampleCount = affordableSamples(lowering.graph, layers.length);
  if (lowering.isSeparable !== true || sampleCount < FEWEST_SAMPLES) return layers;
  return rankByNoise({
    float: lowering.graph.model,
    layers,
    lower: keptLayers => inFloat32(lowering.build(keptLayers)),
    runner,
    sampleCount,
    ...(onLayer === undefined ? {} : {onLayer: (done, all) => onLayer({done, all})}),
  });
}

function affordableSamples(graph: Graph, layerCount: number): number {
  const {multiplyAdds, weightBytes} = layerCosts(graph).totals;
  const left = MOST_MULTIPLY_ADDS / Math.max(1, layerCount) - MULTIPLY_ADDS_PER_BYTE * weightBytes;
  return Math.min(SAMPLES, Math.floor(left / Math.max(1, multiplyAdds)));
}
