import type {QuantizationScheme} from '../../documents/quantizationScheme.ts';
import type {Graph} from '../../model/graph.ts';
import {activationParameters} from '../activationParameters.ts';
import type {CorrectedValues, QuantizedWeights, WeightedLayer} from '../quantizationPlan.ts';
import {smallestWeightScales} from '../quantizeBias.ts';
import type {CorrectionTask} from './correctionTask.ts';
import {canHaveBias, floatBias, floatRows} from './floatLayer.ts';
import {measureInputMoments, type LayerMoments} from './inputMoments.ts';
import type {Moments} from './moments.ts';
import {quadraticFromMoments, type Quadratic} from './quadratic.ts';
import {RowRounding, SCALE_ROUNDS, type RoundedRow} from './roundRows.ts';
import {startScale} from './startScale.ts';
import {weightLimits, type WeightLimits} from './weightLimits.ts';

/** Of the variances. GPTQ adds 0.01 of their mean (Frantar et al., arXiv 2210.17323, section 3.3). */
const LEAST_DAMPING = 0.01;
/**
 * Times inputs for each row that was seen: how inputs vary together is half a matter of chance where rows are as few as
 * they are. Products of matrices see one row a sample; convolutions, many.
 */
const DAMPING_OF_FEW_ROWS = 0.25;

/**
 * Learns the integers and scales of weighted layers from what they read in the float model: each weight's rounding error
 * is made up for by the other weights of its row, as far as their inputs vary together; the bias takes up what is left
 * of the mean. Layers whose inputs cannot be laid out as rows are left to plain rounding.
 */
export async function learnRounding(
  task: CorrectionTask,
  onLayer: (done: number, all: number) => void = () => {},
): Promise<CorrectedValues> {
  const {graph, plan, scheme, ranges} = task;
  const weights = new Map<string, QuantizedWeights>();
  const biases = new Map<string, Float32Array>();
  const parameters = activationParameters(graph, plan, scheme, ranges);
  onLayer(0, plan.weighted.length);
  await measureInputMoments(task, layer => {
    const {weighted, geometry, groups} = layer;
    const outputs = geometry.groups * geometry.outputsPerGroup;
    const rows = floatRows(graph, weighted, geometry);
    const bias = floatBias(graph, weighted, outputs);
    const rounded = roundLayer(task, layer, rows, bias, parameters.get(weighted.input)?.scale ?? 1);
    const integers = new Int8Array(rows.length);
    rounded.forEach((row, output) => integers.set(row.integers, output * geometry.inputsPerGroup));
    const scales = rounded.map(({scale}) => scale);
    weights.set(weighted.layer, {
      values: geometry.weightsFromRows(integers),
      scales: Float32Array.from(scheme.weights.isPerChannel ? scales : scales.slice(0, 1)),
    });
    if (canHaveBias(graph, weighted, plan.activations.has(weighted.output))) {
      const means = groups.map(blocks => blocks.flatMap(block => [...block.inputMeans]));
      biases.set(
        weighted.layer,
        bias.map((value, output) => {
          const mean = means[Math.floor(output / geometry.outputsPerGroup)] ?? [];
          return value + meanError(rows, output, rounded[output], mean);
        }),
      );
    }
    onLayer(weights.size, plan.weighted.length);
  });
  return {weights, biases};
}

function roundLayer(
  {graph, scheme}: CorrectionTask,
  {weighted, geometry, groups}: LayerMoments,
  rows: Float32Array,
  bias: Float32Array,
  inputScale: number,
): readonly RoundedRow[] {
  const {inputsPerGroup: inputs, outputsPerGroup: outputs} = geometry;
  const {isPerChannel} = scheme.weights;
  const limits = limitsOf(graph, scheme, weighted);
  const hasIntegerBias = scheme.bias === 'int32';
  const smallest = smallestWeightScales(
    hasIntegerBias ? bias : null,
    inputScale,
    isPerChannel ? bias.length : 1,
  );
  const quadraticsOf = groups.map(blocks =>
    blocks.map(moments => quadraticFromMoments(moments, dampingFor(moments))),
  );
  const variancesOf = quadraticsOf.map(quadratics => quadratics.flatMap(variancesIn));
  const roundings = quadraticsOf.map(quadratics => new RowRounding(quadratics, limits));
  const all = Array.from({length: groups.length * outputs}, (_, at) => ({
    row: rows.subarray(at * inputs, (at + 1) * inputs),
    rounding: roundings[Math.floor(at / outputs)] as RowRounding,
  }));
  if (!isPerChannel)
    return roundTogether(all, scaleOfAll(rows, variancesOf, outputs, limits), smallest[0] ?? 0);
  return all.map(({row, rounding}, at) => {
    const variances = variancesOf[Math.floor(at / outputs)] ?? [];
    return rounding.roundWithScale(row, startScale(row, variances, limits), smallest[at] ?? 0);
  });
}

interface RowToRound {
  readonly row: Float32Array;
  readonly rounding: RowRounding;
}

/** All rows with one scale, that of least squares for all of their integers as far as `smallestScale` lets it. */
function roundTogether(
  all: readonly RowToRound[],
  firstScale: number,
  smallestScale: number,
): readonly RoundedRow[] {
  const roundWith = (scale: number): RoundedRow[] =>
    all.map(({row, rounding}) => rounding.round(row, Math.max(scale, smallestScale)));
  const errorOf = (rounded: readonly RoundedRow[]): number =>
    rounded.reduce((sum, {error}) => sum + error, 0);
  let best = roundWith(firstScale);
  for (let round = 0; round < SCALE_ROUNDS; round += 1) {
    const sums = all.map(({row, rounding}, at) =>
      rounding.projections(row, best[at]?.integers ?? new Int8Array(0)),
    );
    const product = sums.reduce((sum, one) => sum + one.product, 0);
    const square = sums.reduce((sum, one) => sum + one.square, 0);
    if (product <= 0 || square <= 0) break;
    const next = roundWith(product / square);
    if (errorOf(next) >= errorOf(best)) break;
    best = next;
  }
  return best;
}

function dampingFor({inputs, count}: Moments): number {
  return Math.max(LEAST_DAMPING, (DAMPING_OF_FEW_ROWS * inputs) / count);
}

function variancesIn({size, matrix}: Quadratic): number[] {
  return Array.from({length: size}, (_, at) => matrix[at * size + at] ?? 0);
}

/** One scale for all rows. */
function scaleOfAll(
  rows: Float32Array,
  variancesOf: readonly (readonly number[])[],
  outputsPerGroup: number,
  limits: WeightLimits,
): number {
  const variances = variancesOf.flatMap(own => Array.from({length: outputsPerGroup}, () => own).flat());
  return startScale(rows, variances, {...limits, partners: null});
}

function limitsOf(graph: Graph, scheme: QuantizationScheme, weighted: WeightedLayer): WeightLimits {
  const layer = graph.layers.find(({name}) => name === weighted.layer);
  if (layer === undefined) throw new RangeError(`the graph has no layer "${weighted.layer}"`);
  return weightLimits(scheme, layer, graph.tensors.get(weighted.weight)?.shape ?? []);
}

/** Σ (w − ŵ)·mean(x) of one output: what rounding its weights takes from its mean. */
function meanError(
  rows: Float32Array,
  output: number,
  rounded: RoundedRow | undefined,
  mean: readonly number[],
): number {
  if (rounded === undefined) return 0;
  const from = output * mean.length;
  return mean.reduce(
    (sum, value, at) => sum + value * ((rows[from + at] ?? 0) - rounded.scale * (rounded.integers[at] ?? 0)),
    0,
  );
}
