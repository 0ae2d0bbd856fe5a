import type {Graph} from '../../model/graph.ts';
import {floatsOf} from '../accuracy/floatsOf.ts';
import {layerGeometry, type LayerGeometry} from '../correction/layerGeometry.ts';
import {startMoments, type Moments, type MomentSums} from '../correction/moments.ts';
import {samplePositions} from '../correction/samplePositions.ts';
import type {SampleRunner} from '../sampleRunner.ts';
import type {ChannelLayer} from './channelLayers.ts';

/** Places of a layer's output that are looked at, in all samples together: about twice the widest layer's columns. */
export const POSITIONS_PER_LAYER = 4096;

/** Which samples are learned from. */
export interface CalibrationSamples {
  readonly runner: SampleRunner;
  /** `from` up to but without `to`. */
  readonly from: number;
  readonly to: number;
}

export interface InputStatistics {
  readonly layer: ChannelLayer;
  readonly geometry: LayerGeometry;
  /** One per group of the layer. */
  readonly groups: readonly Moments[];
}

/** Positions of one sample: evenly spread, and others in each sample. */
export function positionsIn(
  {from, to}: CalibrationSamples,
  positionCount: number,
  sample: number,
): Int32Array {
  return samplePositions(positionCount, Math.ceil(POSITIONS_PER_LAYER / (to - from)), sample);
}

/** Means and covariances of what these layers read, place by place (im2col), on the calibration samples. */
export async function measureInputs(
  graph: Graph,
  layers: readonly ChannelLayer[],
  samples: CalibrationSamples,
): Promise<ReadonlyMap<string, InputStatistics>> {
  const measured = layers.flatMap(layer => {
    const geometry = layerGeometry(graph, layer);
    const outputShape = graph.tensors.get(layer.output)?.shape;
    if (geometry === null || outputShape === undefined) return [];
    const sums: MomentSums[] = Array.from({length: geometry.groups}, () =>
      startMoments(geometry.inputsPerGroup, 0),
    );
    return [{layer, geometry, outputShape, sums}];
  });
  const none = new Float32Array(0);
  await samples.runner.run({
    model: graph.model,
    tensors: [...new Set(measured.map(({layer}) => layer.input))],
    mode: 'fused',
    from: samples.from,
    to: samples.to,
    visit(values, sample) {
      for (const {layer, geometry, outputShape, sums} of measured) {
        const tensor = values[layer.input];
        if (tensor === undefined) throw new RangeError(`no values of "${layer.input}"`);
        const input = {values: floatsOf(tensor) as Float32Array, shape: tensor.shape};
        const positions = positionsIn(samples, geometry.positionCount(outputShape), sample);
        sums.forEach((sum, group) =>
          sum.add(geometry.gatherInputs(group, input, outputShape, positions), none, positions.length),
        );
      }
    },
  });
  return new Map(
    measured.map(({layer, geometry, sums}) => [
      layer.layer,
      {layer, geometry, groups: sums.map(sum => sum.moments())},
    ]),
  );
}
