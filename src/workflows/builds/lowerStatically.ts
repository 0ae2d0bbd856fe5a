import type {QuantizationScheme} from '../../documents/quantizationScheme.ts';
import {rankLayers} from '../../quantize/accuracy/rankLayers.ts';
import {compactModel} from '../../quantize/compactModel.ts';
import {planQuantization, tensorsToMeasure} from '../../quantize/planQuantization.ts';
import {quantizeGraph} from '../../quantize/quantizeGraph.ts';
import {collectRanges} from '../../quantize/ranges/collectRanges.ts';
import type {Lowering, LoweringContext} from './lowering.ts';

/**
 * int8 with ranges measured on the calibration samples.
 * @throws ExpectedError `activation-not-finite`
 */
export async function lowerStatically(
  {graph, runner, calibrationRequests, report}: LoweringContext,
  scheme: QuantizationScheme,
): Promise<Lowering> {
  const plan = planQuantization(graph, scheme);
  report('measure ranges');
  const ranges = await collectRanges(graph, tensorsToMeasure(plan), runner, 'min-max', {
    from: 0,
    to: calibrationRequests,
  });
  return {
    graph,
    decisions: [],
    build(keptLayers) {
      const keepFloat = new Map([...keptLayers].map(layer => [layer, 'accuracy' as const]));
      const kept = keptLayers.size === 0 ? plan : planQuantization(graph, scheme, keepFloat);
      const model = quantizeGraph(graph, kept, scheme, ranges);
      return {model: compactModel(model, graph), floatLayers: kept.floatLayers};
    },
    rank: errors => rankLayers(graph, plan, errors),
  };
}
