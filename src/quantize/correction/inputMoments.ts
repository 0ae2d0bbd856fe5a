import {floatsOf} from '../accuracy/floatsOf.ts';
import type {WeightedLayer} from '../quantizationPlan.ts';
import type {CorrectionTask} from './correctionTask.ts';
import {layerGeometry, type LayerGeometry} from './layerGeometry.ts';
import {startMoments, type Moments, type MomentSums} from './moments.ts';
import {samplePositions} from './samplePositions.ts';

/** What a layer reads in the float model. */
export interface LayerMoments {
  readonly weighted: WeightedLayer;
  readonly geometry: LayerGeometry;
  /** Per group of the layer, the blocks along its inputs. */
  readonly groups: readonly (readonly Moments[])[];
}

/**
 * Inputs whose joint variation is looked at together. Wider layers are taken in blocks: the factorisation takes time with
 * the third power of this (2.3 s at 1,152; 2026-11, AMD EPYC, one thread).
 */
const MOST_INPUTS = 1152;
/** Rows for each input, so that a covariance is no matter of chance; and at least, for small layers. */
const ROWS_PER_INPUT = 4;
const LEAST_ROWS = 2048;
/** More samples than this only bring more rows, of which there are enough. */
const MOST_SAMPLES = 128;
/** Layers are looked at together up to this much memory for their sums. */
const BATCH_BYTES = 256 * 2 ** 20;

/** The ends of the blocks that a row of inputs is taken in, all about as wide. */
export function blockEnds(inputs: number): number[] {
  const count = Math.ceil(inputs / MOST_INPUTS);
  return Array.from({length: count}, (_, block) => Math.round(((block + 1) * inputs) / count));
}

/** Hands over every layer's moments, in graph order, as few at a time as memory asks for. */
export async function measureInputMoments(
  task: CorrectionTask,
  visit: (layer: LayerMoments) => void,
): Promise<void> {
  let batch: StudiedLayer[] = [];
  let batchBytes = 0;
  for (const weighted of task.plan.weighted) {
    const studied = studyLayer(task, weighted);
    if (studied === null) continue;
    if (batchBytes > 0 && batchBytes + studied.sizeBytes > BATCH_BYTES) {
      await addUp(task, batch);
      batch.forEach(layer => visit(momentsOf(layer)));
      [batch, batchBytes] = [[], 0];
    }
    batch.push(studied);
    batchBytes += studied.sizeBytes;
  }
  await addUp(task, batch);
  batch.forEach(layer => visit(momentsOf(layer)));
}

interface StudiedLayer {
  readonly weighted: WeightedLayer;
  readonly geometry: LayerGeometry;
  readonly outputShape: readonly number[];
  readonly rowsPerSample: number;
  readonly sums: readonly (readonly MomentSums[])[];
  readonly sizeBytes: number;
}

function studyLayer({graph, from, to}: CorrectionTask, weighted: WeightedLayer): StudiedLayer | null {
  const geometry = layerGeometry(graph, weighted);
  const outputShape = graph.tensors.get(weighted.ownOutput)?.shape;
  if (geometry === null || outputShape === undefined) return null;
  const widths = blockEnds(geometry.inputsPerGroup).map((end, at, ends) => end - (ends[at - 1] ?? 0));
  const rows = Math.max(LEAST_ROWS, ROWS_PER_INPUT * Math.max(...widths));
  return {
    weighted,
    geometry,
    outputShape,
    rowsPerSample: Math.ceil(rows / Math.min(MOST_SAMPLES, to - from)),
    sums: Array.from({length: geometry.groups}, () => widths.map(width => startMoments(width, 0))),
    sizeBytes: geometry.groups * widths.reduce((sum, width) => sum + 8 * width * width, 0),
  };
}

async function addUp(
  {graph, runner, from, to}: CorrectionTask,
  layers: readonly StudiedLayer[],
): Promise<void> {
  if (layers.length === 0) return;
  const none = new Float32Array(0);
  await runner.run({
    model: graph.model,
    tensors: [...new Set(layers.map(({weighted}) => weighted.input))],
    mode: 'fused',
    from,
    to: Math.min(to, from + MOST_SAMPLES),
    visit(values, sample) {
      for (const {weighted, geometry, outputShape, rowsPerSample, sums} of layers) {
        const tensor = values[weighted.input];
        if (tensor === undefined)
          throw new RangeError(`the runner gave no values of tensor "${weighted.input}"`);
        const input = {values: Float32Array.from(floatsOf(tensor)), shape: tensor.shape};
        const positions = samplePositions(geometry.positionCount(outputShape), rowsPerSample, sample);
        sums.forEach((blocks, group) => {
          const rows = geometry.gatherInputs(group, input, outputShape, positions);
          let start = 0;
          blockEnds(geometry.inputsPerGroup).forEach((end, at) => {
            const part = columnsOf(rows, geometry.inputsPerGroup, start, end);
            blocks[at]?.add(part, none, positions.length);
            start = end;
          });
        });
      }
    },
  });
}

function momentsOf({weighted, geometry, sums}: StudiedLayer): LayerMoments {
  return {weighted, geometry, groups: sums.map(blocks => blocks.map(sum => sum.moments()))};
}

function columnsOf(rows: Float32Array, width: number, from: number, to: number): Float32Array {
  if (from === 0 && to === width) return rows;
  const count = rows.length / width;
  const columns = new Float32Array(count * (to - from));
  for (let row = 0; row < count; row += 1)
    columns.set(rows.subarray(row * width + from, row * width + to), row * (to - from));
  return columns;
}
