import type {BoundaryEncoding, PixelValues} from '../../documents/boundary.ts';
import type {Plan} from '../../documents/plan.ts';
import {withMeasuredTypes} from '../../model/exposeAllTensors.ts';
import type {Graph} from '../../model/graph.ts';
import {graphFromModel} from '../../model/graphFromModel.ts';
import {OLDEST_TARGET, raiseOpset, standardOpset} from '../../model/opset/raiseOpset.ts';
import {collectRanges} from '../../quantize/ranges/collectRanges.ts';
import {measureExtremes} from '../../quantize/ranges/measureExtremes.ts';
import {parametersFromRange} from '../../quantize/parametersFromRange.ts';
import type {QuantizationParameters} from '../../quantize/quantizationPlan.ts';
import type {DataSet} from '../openDataSet.ts';
import type {OpenProject} from '../openProject.ts';
import type {PreparedModel} from '../prepareModel.ts';
import {startSampleRunner} from '../sampleRuns/startSampleRunner.ts';
import type {BoundaryCandidate} from './boundaryCandidates.ts';

const BYTES = {elementType: 'uint8', isSymmetric: false} as const;

/** Scales of tensors, measured on the calibration samples when they are first asked for. */
export interface BoundaryRanges {
  /** @throws ExpectedError `activation-not-finite` naming the layer and the sample, `opset-unsupported` */
  parametersOf(names: readonly string[]): Promise<ReadonlyMap<string, QuantizationParameters>>;
}

/**
 * Ranges by least squared error, as those of builds are chosen; of inputs the whole range, for they are what was measured in
 * the first place.
 */
export function startBoundaryRanges(
  project: OpenProject,
  prepared: PreparedModel,
  calibration: DataSet,
): BoundaryRanges {
  let measurable: Graph | null = null;
  const known = new Map<string, QuantizationParameters>();
  return {
    async parametersOf(names) {
      const missing = names.filter(name => !known.has(name));
      if (missing.length > 0) {
        const graph = (measurable ??= measurableGraph(prepared));
        await project.withTemporaryFolder(async temporaryFolder => {
          const runner = startSampleRunner(calibration, {temporaryFolder});
          const isInput = (name: string): boolean => graph.tensors.get(name)?.isInput === true;
          const inputs = missing.filter(isInput);
          const made = missing.filter(name => !isInput(name));
          const ranges = new Map([
            ...(await measureExtremes(graph, inputs, runner)),
            ...(await collectRanges(graph, made, runner, 'mse', {activations: BYTES})),
          ]);
          for (const [name, range] of ranges) known.set(name, parametersFromRange(range, BYTES));
        });
      }
      return new Map([...known].filter(([name]) => names.includes(name)));
    },
  };
}

/** The same tensors by the same names; what measures them needs newer operators than old models allow. */
function measurableGraph({graph, types}: PreparedModel): Graph {
  const opset = standardOpset(graph.model);
  if (opset === undefined || opset >= OLDEST_TARGET) return graph;
  const {model} = raiseOpset(graph.model, OLDEST_TARGET, types);
  return withMeasuredTypes(graphFromModel(model), types);
}

/** The plan's cut with what each tensor needs to be said of how it travels. @throws as parametersOf */
export async function encodedCut(
  cut: Plan['cut'],
  {precisions, packed}: BoundaryCandidate,
  pixels: ReadonlyMap<string, PixelValues>,
  ranges: BoundaryRanges | null,
): Promise<Plan['cut']> {
  const precisionOf = (row: Plan['cut'][number]) =>
    row.direction === 'up' ? precisions.get(row.tensor) : undefined;
  const bytes = cut.filter(row => precisionOf(row) === 'int8').map(({tensor}) => tensor);
  const parameters = bytes.length === 0 || ranges === null ? null : await ranges.parametersOf(bytes);
  return cut.map(row => {
    const encoding = encodingFor(row.tensor, precisionOf(row), pixels, parameters);
    const isPacked = packed !== null && row.direction === 'up';
    return {...row, ...encoding, ...(isPacked ? {isPacked} : {})};
  });
}

function encodingFor(
  tensor: string,
  precision: BoundaryEncoding['precision'] | undefined,
  pixels: ReadonlyMap<string, PixelValues>,
  parameters: ReadonlyMap<string, QuantizationParameters> | null,
): BoundaryEncoding | null {
  if (precision === undefined) return null;
  if (precision === 'fp16') return {precision};
  if (precision === 'int8') {
    const found = parameters?.get(tensor);
    if (found === undefined) throw new RangeError(`no range of tensor ${tensor}`);
    return {precision, scale: found.scale, zeroPoint: found.zeroPoint};
  }
  const values = pixels.get(tensor);
  if (values === undefined) throw new RangeError(`tensor ${tensor} is no picture`);
  return {precision, pixels: values};
}
