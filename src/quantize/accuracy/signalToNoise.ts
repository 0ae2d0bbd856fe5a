import type {NamedTensors} from '../../documents/tensor.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import type {RunMode, SampleRunner} from '../sampleRunner.ts';
import {floatsOf} from './floatsOf.ts';

/** Energies of a signal and of what is wrong with it, added up over samples in constant memory. */
export interface SignalToNoise {
  add(reference: NamedTensors, values: NamedTensors): void;
  /** Per tensor 10·log10(Σx² / Σ(x−x̂)²): Infinity without noise, -Infinity with NaN among the values. */
  decibels(): ReadonlyMap<string, number>;
}

export function startSignalToNoise(tensors: readonly string[]): SignalToNoise {
  const energies = new Map(tensors.map(name => [name, {signal: 0, noise: 0}]));
  return {
    add(reference, values) {
      for (const [name, energy] of energies) {
        const [expected, found] = [reference[name], values[name]];
        if (expected === undefined || found === undefined) throw new RangeError(`no values of "${name}"`);
        const [exact, rounded] = [floatsOf(expected), floatsOf(found)];
        if (exact.length !== rounded.length) throw new RangeError(`"${name}" has changed its shape`);
        let signal = 0;
        let noise = 0;
        for (let at = 0; at < exact.length; at += 1) {
          const value = exact[at] as number;
          const error = value - (rounded[at] as number);
          signal += value * value;
          noise += error * error;
        }
        energy.signal += signal;
        energy.noise += noise;
      }
    },
    decibels: () => new Map([...energies].map(([name, energy]) => [name, ratio(energy)])),
  };
}

/** Mean over outputs, in decibels; a single number to compare two builds of one model by. */
export function meanDecibels(decibels: ReadonlyMap<string, number>): number {
  return [...decibels.values()].reduce((sum, value) => sum + value, 0) / decibels.size;
}

export interface ReferenceOutputs {
  readonly outputs: readonly string[];
  readonly from: number;
  readonly to: number;
  readonly values: readonly NamedTensors[];
}

/** What the float model answers to samples `from` up to `to`, kept to hold several candidates against. */
export async function keepReferenceOutputs(
  runner: SampleRunner,
  model: OnnxModel,
  {from, to}: {from: number; to: number},
): Promise<ReferenceOutputs> {
  const outputs = [...new Set(model.graph.outputs.map(({name}) => name))];
  const values: NamedTensors[] = [];
  await runner.run({model, tensors: outputs, mode: 'fused', from, to, visit: found => values.push(found)});
  return {outputs, from, to, values};
}

/** Signal-to-noise ratio of a model's outputs against those kept. */
export async function signalToNoiseOf(
  runner: SampleRunner,
  model: OnnxModel,
  {outputs, from, to, values}: ReferenceOutputs,
  mode: RunMode,
): Promise<ReadonlyMap<string, number>> {
  const sums = startSignalToNoise(outputs);
  await runner.run({
    model,
    tensors: outputs,
    mode,
    from,
    to,
    visit(found, sample) {
      const reference = values[sample - from];
      if (reference === undefined) throw new RangeError(`sample ${sample} is outside ${from} to ${to}`);
      sums.add(reference, found);
    },
  });
  return sums.decibels();
}

function ratio({signal, noise}: {signal: number; noise: number}): number {
  if (noise === 0) return Infinity;
  return Number.isFinite(noise) ? 10 * Math.log10(signal / noise) : -Infinity;
}
