import type {Graph} from '../../model/graph.ts';
import type {RunMode, SampleRunner} from '../sampleRunner.ts';
import {floatsOf} from './floatsOf.ts';
import {ownErrorModel, type ComparedTensor} from './ownErrorModel.ts';

/** How far a tensor is from the float model's, in decibels of signal over noise; Infinity when equal. */
export interface TensorError {
  readonly tensor: string;
  readonly sqnrDb: number;
}

export interface LayerErrorsRequest {
  readonly float: Graph;
  readonly quantized: Graph;
  readonly runner: SampleRunner;
  readonly mode: RunMode;
  /** Samples to look at, from the first. */
  readonly sampleCount: number;
}

/** Every layer's own error, largest first: with the float model's tensors as its inputs. One pass over the samples. */
export async function ownErrors(request: LayerErrorsRequest): Promise<TensorError[]> {
  const {model, compared} = ownErrorModel(request.float, request.quantized);
  const energies = startEnergies(compared);
  await request.runner.run({
    model,
    tensors: [...new Set(compared.flatMap(({tensor, standIn}) => [tensor, standIn]))],
    mode: request.mode,
    to: Math.min(request.sampleCount, request.runner.sampleCount),
    visit: values => energies.add(values, values),
  });
  return energies.errors();
}

/**
 * The error that has come together up to each tensor, largest first: the two models run side by side, sample by sample.
 * Compared are the activation tensors that both models name alike, the quantised ones after their rounding.
 */
export async function accumulatedErrors(request: LayerErrorsRequest): Promise<TensorError[]> {
  const {float, quantized, runner, mode} = request;
  const compared = ownErrorModel(float, quantized).compared.map(({tensor, standIn}) => ({
    tensor,
    standIn: standIn.slice('own/'.length),
  }));
  const energies = startEnergies(compared);
  const to = Math.min(request.sampleCount, runner.sampleCount);
  for (let sample = 0; sample < to; sample += CHUNK) {
    const range = {from: sample, to: Math.min(to, sample + CHUNK)};
    const expected: Parameters<typeof energies.add>[0][] = [];
    await runner.run({
      model: float.model,
      tensors: compared.map(({tensor}) => tensor),
      mode: 'exact',
      ...range,
      visit: values => void expected.push(values),
    });
    await runner.run({
      model: quantized.model,
      tensors: compared.map(({standIn}) => standIn),
      mode,
      ...range,
      visit: (values, index) => energies.add(expected[index - sample] ?? {}, values),
    });
  }
  return energies.errors();
}

/** Samples of which all tensors are held at a time. */
const CHUNK = 4;

function startEnergies(compared: readonly ComparedTensor[]) {
  const energies = compared.map(pair => ({...pair, signal: 0, noise: 0}));
  type Values = Parameters<Parameters<SampleRunner['run']>[0]['visit']>[0];
  return {
    add(expectedValues: Values, values: Values): void {
      for (const energy of energies) {
        const [one, other] = [expectedValues[energy.tensor], values[energy.standIn]];
        if (one === undefined || other === undefined) continue;
        const [expected, actual] = [floatsOf(one), floatsOf(other)];
        for (let index = 0; index < expected.length; index += 1) {
          const value = expected[index] ?? 0;
          energy.signal += value * value;
          energy.noise += (value - (actual[index] ?? 0)) ** 2;
        }
      }
    },
    errors: (): TensorError[] =>
      energies
        .map(({tensor, signal, noise}) => ({
          tensor,
          sqnrDb: noise === 0 ? Infinity : 10 * Math.log10(signal / noise),
        }))
        .sort((a, b) => a.sqnrDb - b.sqnrDb),
  };
}
