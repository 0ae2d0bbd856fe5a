import type {NamedTensors, Tensor} from '../../documents/tensor.ts';
import type {Graph} from '../../model/graph.ts';
import type {RunMode, SampleRunner} from '../sampleRunner.ts';
import {ownErrorModel, type ComparedTensor} from './ownErrorModel.ts';
import {startSignalToNoise} from './signalToNoise.ts';

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
  const errors = startErrors(compared);
  await request.runner.run({
    model,
    tensors: [...new Set(compared.flatMap(({tensor, standIn}) => [tensor, standIn]))],
    mode: request.mode,
    to: Math.min(request.sampleCount, request.runner.sampleCount),
    visit: values => errors.add(values, values),
  });
  return errors.worstFirst();
}

/**
 * The error that has come together up to each tensor, largest first: the two models run side by side, sample by sample.
 * Compared are the activation tensors that both models name alike, the quantised ones after their rounding.
 */
export async function accumulatedErrors(request: LayerErrorsRequest): Promise<TensorError[]> {
  const {float, quantized, runner, mode} = request;
  const changed = await tensorsOfChangedSize(request);
  const compared = sharedTensors(request).filter(({tensor}) => !changed.has(tensor));
  const errors = startErrors(compared);
  const to = Math.min(request.sampleCount, runner.sampleCount);
  for (let sample = 0; sample < to; sample += CHUNK) {
    const range = {from: sample, to: Math.min(to, sample + CHUNK)};
    const expected: NamedTensors[] = [];
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
      visit: (values, index) => errors.add(expected[index - sample] ?? {}, values),
    });
  }
  return errors.worstFirst();
}

/**
 * Tensors of the same name that hold more or fewer values, because channels were removed: those cannot be compared, and no
 * layer that reads one can be fed with the other. Runs both models on the first sample.
 */
export async function tensorsOfChangedSize(
  request: Pick<LayerErrorsRequest, 'float' | 'quantized' | 'runner' | 'mode'>,
): Promise<ReadonlySet<string>> {
  const {float, quantized, runner, mode} = request;
  const compared = sharedTensors(request);
  const sizes = new Map<string, number>();
  const first = {from: 0, to: 1};
  await runner.run({
    model: float.model,
    tensors: compared.map(({tensor}) => tensor),
    mode: 'exact',
    ...first,
    visit: values => compared.forEach(({tensor}) => sizes.set(tensor, sizeOf(values[tensor]))),
  });
  const changed = new Set<string>();
  await runner.run({
    model: quantized.model,
    tensors: compared.map(({standIn}) => standIn),
    mode,
    ...first,
    visit: values =>
      compared.forEach(({tensor, standIn}) => {
        if (sizeOf(values[standIn]) !== sizes.get(tensor)) changed.add(tensor);
      }),
  });
  return changed;
}

/** Activation tensors that both models have, the quantised ones after their rounding. */
function sharedTensors({
  float,
  quantized,
}: Pick<LayerErrorsRequest, 'float' | 'quantized'>): ComparedTensor[] {
  return ownErrorModel(float, quantized).compared.map(({tensor, standIn}) => ({
    tensor,
    standIn: standIn.slice('own/'.length),
  }));
}

function sizeOf(tensor: Tensor | undefined): number {
  return (tensor?.shape ?? []).reduce((product, size) => product * size, 1);
}

/** Samples of which all tensors are held at a time. */
const CHUNK = 4;

function startErrors(compared: readonly ComparedTensor[]) {
  const sums = startSignalToNoise(compared.map(({tensor}) => tensor));
  return {
    add(expected: NamedTensors, values: NamedTensors): void {
      sums.add(
        expected,
        Object.fromEntries(compared.flatMap(({tensor, standIn}) => pairOf(tensor, values[standIn]))),
      );
    },
    worstFirst: (): TensorError[] =>
      [...sums.decibels()].map(([tensor, sqnrDb]) => ({tensor, sqnrDb})).sort((a, b) => a.sqnrDb - b.sqnrDb),
  };
}

function pairOf(name: string, tensor: Tensor | undefined): [string, Tensor][] {
  return tensor === undefined ? [] : [[name, tensor]];
}
