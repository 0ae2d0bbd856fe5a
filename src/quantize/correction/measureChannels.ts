import type {Graph} from '../../model/graph.ts';
import {floatsOf} from '../accuracy/floatsOf.ts';
import type {QuantizationPlan} from '../quantizationPlan.ts';
import type {SampleRunner} from '../sampleRunner.ts';
import {findChannelClasses} from './channelClasses.ts';

/** Largest magnitude of each channel of a tensor over the samples, by tensor. */
export type ChannelMagnitudes = ReadonlyMap<string, Float32Array>;

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Of every channel (axis 1) of the quantised activations whose channels may be scaled. */
export async function measureChannels(
  graph: Graph,
  plan: QuantizationPlan,
  runner: SampleRunner,
  span: Span,
): Promise<ChannelMagnitudes> {
  const classes = findChannelClasses(graph);
  const tensors = [...plan.activations.keys()].filter(name =>
    classes.ofTensor.get(name)?.some(one => !classes.isFixed(one)),
  );
  return measureMagnitudes(graph, tensors, () => 1, runner, span);
}

/** Of every channel along the last axis of `tensors`, in one run over the samples. */
export function measureLastAxisMagnitudes(
  graph: Graph,
  tensors: readonly string[],
  runner: SampleRunner,
  span: Span,
): Promise<ChannelMagnitudes> {
  return measureMagnitudes(graph, tensors, shape => shape.length - 1, runner, span);
}

async function measureMagnitudes(
  graph: Graph,
  tensors: readonly string[],
  axisOf: (shape: readonly number[]) => number,
  runner: SampleRunner,
  span: Span,
): Promise<ChannelMagnitudes> {
  const magnitudes = new Map<string, Float32Array>();
  if (tensors.length === 0) return magnitudes;
  await runner.run({
    model: graph.model,
    tensors,
    mode: 'fused',
    ...span,
    visit(values) {
      for (const name of tensors) {
        const tensor = values[name];
        if (tensor === undefined) throw new RangeError(`the runner gave no values of tensor "${name}"`);
        const axis = axisOf(tensor.shape);
        const channels = tensor.shape[axis] ?? 1;
        const largest = magnitudes.get(name) ?? new Float32Array(channels);
        const numbers = floatsOf(tensor);
        const inner = tensor.shape.slice(axis + 1).reduce((product, size) => product * size, 1);
        for (let at = 0; at < numbers.length; at += 1) {
          const channel = Math.floor(at / inner) % channels;
          const magnitude = Math.abs(numbers[at] as number);
          if (magnitude > (largest[channel] as number)) largest[channel] = magnitude;
        }
        magnitudes.set(name, largest);
      }
    },
  });
  return magnitudes;
}
