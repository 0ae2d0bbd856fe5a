import type {OnnxModel} from '../../model/onnx/messages.ts';
import type {SampleRunner} from '../sampleRunner.ts';
import {keepReferenceOutputs, signalToNoiseOf} from './signalToNoise.ts';

export interface NoiseTask {
  readonly float: OnnxModel;
  /** Those that can be kept in float; first the ones that are the worst by their own error. */
  readonly layers: readonly string[];
  /** The lowered model with these layers in float. */
  readonly lower: (keptLayers: ReadonlySet<string>) => OnnxModel;
  readonly runner: SampleRunner;
  /** Samples to look at: the last ones, from which nothing was learned. */
  readonly sampleCount: number;
  readonly onLayer?: (done: number, all: number) => void;
}

/** So many of the worst layers are also kept by themselves, to see how much of the noise they take away. */
const TRIED = 4;

/**
 * The layers by the noise that each brings to the outputs when it alone is lowered, noisiest first. Noise of different layers
 * adds up, so that the first ones are those worth keeping in float. Where it does not, because one layer spoils what the others
 * make, that layer comes before all: without it, less than half of the noise is left.
 */
export async function rankByNoise(task: NoiseTask): Promise<readonly string[]> {
  const {float, layers, lower, runner, sampleCount, onLayer = () => {}} = task;
  const span = {from: Math.max(0, runner.sampleCount - sampleCount), to: runner.sampleCount};
  const reference = await keepReferenceOutputs(runner, float, span);
  const noiseOf = async (keptLayers: readonly string[]): Promise<number> => {
    const decibels = await signalToNoiseOf(runner, lower(new Set(keptLayers)), reference, 'exact');
    return [...decibels.values()].reduce((sum, one) => sum + 10 ** (-one / 10), 0);
  };
  const tried = layers.slice(0, TRIED);
  const all = tried.length + layers.length;
  let done = 0;
  const measured = async (
    layer: string,
    keptLayers: readonly string[],
  ): Promise<readonly [string, number]> => {
    const noise = await noiseOf(keptLayers);
    onLayer((done += 1), all);
    return [layer, noise];
  };
  const whole = await noiseOf([]);
  const alone: (readonly [string, number])[] = [];
  for (const layer of layers)
    alone.push(
      await measured(
        layer,
        layers.filter(one => one !== layer),
      ),
    );
  const left: (readonly [string, number])[] = [];
  for (const layer of tried) left.push(await measured(layer, [layer]));
  const spoiling = left.filter(([, noise]) => noise < whole / 2).sort(([, one], [, other]) => one - other);
  const first = spoiling.map(([layer]) => layer);
  // Infinity where numbers become NaN.
  const rest = alone.sort(([, one], [, other]) => (one === other ? 0 : other - one)).map(([layer]) => layer);
  return [...first, ...rest.filter(layer => !first.includes(layer))];
}
