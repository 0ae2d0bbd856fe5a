import type {Graph} from '../../model/graph.ts';
import {floatsOf} from '../accuracy/floatsOf.ts';
import type {QuantizationPlan} from '../quantizationPlan.ts';
import type {SampleRunner} from '../sampleRunner.ts';
import {findChannelClasses} from './channelClasses.ts';
import type {ChannelMagnitudes} from './equalizeChannels.ts';

/** Largest magnitude of every channel of the quantised activations whose channels may be scaled, over the samples. */
export async function measureChannels(
  graph: Graph,
  plan: QuantizationPlan,
  runner: SampleRunner,
  span: {readonly from: number; readonly to: number},
): Promise<ChannelMagnitudes> {
  const classes = findChannelClasses(graph);
  const tensors = [...plan.activations.keys()].filter(name =>
    classes.ofTensor.get(name)?.some(one => !classes.isFixed(one)),
  );
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
        if (tensor === undefined) throw new RangeError(`no values of "${name}"`);
        const channels = tensor.shape[1] ?? 1;
        const largest = magnitudes.get(name) ?? new Float32Array(channels);
        const numbers = floatsOf(tensor);
        const inner = tensor.shape.slice(2).reduce((product, size) => product * size, 1);
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
