import type {NamedTensors} from '../documents/tensor.ts';
import type {OnnxModel} from '../model/onnx/messages.ts';

/** `fused`: integer kernels as on the device; `exact`: every node by itself, in the arithmetic the file says. */
export type RunMode = 'fused' | 'exact';

export interface RunOnSamples {
  readonly model: OnnxModel;
  /** Tensors to be seen; intermediate ones are made outputs for the run. */
  readonly tensors: readonly string[];
  readonly mode: RunMode;
  /** Samples `from` (default 0) up to but without `to` (default all). */
  readonly from?: number;
  readonly to?: number;
  /** Of one sample, where they are known: how much work there is shows before it has begun. */
  readonly multiplyAdds?: number;
  /** So many at most may go through the model at once, joined along the first axis of each input; 1 where it is left out. */
  readonly samplesPerRun?: number;
  /**
   * Called once per run, in order, with the first of its samples and how many they are. The bytes belong to the callee.
   */
  readonly visit: (values: NamedTensors, sample: number, count: number) => void;
}

/**
 * Runs models on a data set, however many samples it has, in memory that does not grow with their number. Passed into
 * the quantiser, which itself touches neither files nor the runtime. One sample is one request of the model's own shape.
 */
export interface SampleRunner {
  readonly sampleCount: number;
  run(request: RunOnSamples): Promise<void>;
}
