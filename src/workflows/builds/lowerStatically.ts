import type {Improvement} from '../../documents/improvements.ts';
import type {QuantizationScheme} from '../../documents/quantizationScheme.ts';
import {rankLayers} from '../../quantize/accuracy/rankLayers.ts';
import {compactModel} from '../../quantize/compactModel.ts';
import {computeBiasScales} from '../../quantize/computeBiasScales.ts';
import {halveFloatWeights} from '../../quantize/halveFloatWeights.ts';
import {improveQuantization, type TriedStep} from '../../quantize/correction/improveQuantization.ts';
import {planQuantization} from '../../quantize/planQuantization.ts';
import type {Decision} from '../../quantize/precision/loweredModel.ts';
import {quantizeGraph} from '../../quantize/quantizeGraph.ts';
import type {Lowering, LoweringContext} from './lowering.ts';

/**
 * int8 weights and activations with ranges measured on the calibration samples, made good as far as each step helps on
 * the samples held out. Layers that are kept in float later leave what was learned of the others as it is.
 * @throws ExpectedError `activation-not-finite`
 */
export async function lowerStatically(
  context: LoweringContext,
  scheme: QuantizationScheme,
): Promise<Lowering> {
  const {runner, calibrationRequests, distinctRequests, mode, without, report} = context;
  const improved = await improveQuantization({
    graph: context.graph,
    scheme,
    runner,
    mode,
    learned: calibrationRequests,
    distinct: distinctRequests,
    without,
    onStep: (name, layers) => report(name === 'extremes' ? 'measure ranges' : name, layers),
  });
  const {graph, plan, ranges, corrected, steps} = improved;
  return {
    graph,
    decisions: steps.map(decisionFrom),
    build(keptLayers) {
      const keepFloat = new Map(improved.keepFloat);
      for (const layer of keptLayers) keepFloat.set(layer, 'accuracy');
      const kept = keptLayers.size === 0 ? plan : planQuantization(graph, scheme, keepFloat);
      const stored = quantizeGraph(graph, kept, scheme, ranges, corrected);
      const model = scheme.computesConstants === true ? halveFloatWeights(computeBiasScales(stored)) : stored;
      const isFloat = kept.weighted.length === 0;
      return {model: compactModel(model, graph), floatLayers: kept.floatLayers, isFloat};
    },
    isSeparable: true,
    rank: errors => rankLayers(graph, plan, errors),
  };
}

const WORDS: Readonly<Record<Improvement, string>> = {
  'float-ends': 'first and last layers left in float, which cost little',
  equalization: 'channels of activations equalised',
  smoothing: 'outliers of activations moved into weights',
  ranges: 'ranges chosen by what they do to the outputs',
  narrowing: 'ranges narrowed one by one, where less noise reaches the outputs',
  rounding: 'integers learned layer by layer',
  'bias-correction': 'biases corrected layer by layer',
};

function decisionFrom({name, isKept, beforeDb, afterDb}: TriedStep): Decision {
  const change = `${beforeDb.toFixed(1)} → ${afterDb.toFixed(1)} dB on samples held out`;
  return isKept
    ? {decision: WORDS[name], reason: change}
    : {decision: `not kept: ${WORDS[name]}`, reason: `no gain, ${change}`};
}
