import {InferenceSession, Tensor as OrtTensor} from 'onnxruntime-node';
import type {NamedTensors, TensorSpec} from '../../../src/documents/tensor.ts';
import {ortTensorFromTensor, tensorFromOrtTensor} from '../../../src/engine/ortTensors.ts';
import {saturatesHere} from '../../../src/workflows/saturatesHere.ts';
import {randomFeeds} from '../../../src/engine/randomFeeds.ts';
import {dropUnused} from '../../../src/model/dropUnused.ts';
import {createUntypedValueInfo} from '../../../src/model/onnx/createMessages.ts';
import {bytesFromModel} from '../../../src/model/onnx/writeModel.ts';
import {pruneOpsetImports} from '../../../src/model/pruneOpsetImports.ts';
import type {SampleRunner} from '../../../src/quantize/sampleRunner.ts';

// As in the engine's worker: the runtime's binding sees no bytes in the Float16Array that newer versions of Node have.
Reflect.deleteProperty(globalThis, 'Float16Array');

/** A model's inputs by seed. */
export type Feed = (seed: number) => NamedTensors;

/** Random floats from 0 up to `amplitude`, as pictures of 0 to 255 want it, and whole numbers below 8. */
export function randomFeed(inputs: readonly TensorSpec[], amplitude = 1): Feed {
  return seed => {
    const feeds = Object.entries(randomFeeds(inputs, seed)).map(([name, tensor]) => {
      if (tensor.elementType !== 'float32') return [name, tensor] as const;
      const values = new Float32Array(new Uint8Array(tensor.bytes).buffer).map(value => value * amplitude);
      return [name, {...tensor, bytes: new Uint8Array(values.buffer)}] as const;
    });
    return Object.fromEntries(feeds);
  };
}

/** The answers to seeded random samples, each handed over as it comes; runs in this very thread, which starts faster. */
export async function runOnSamples(
  model: string | Uint8Array,
  level: 'disabled' | 'all',
  feed: Feed,
  seeds: readonly number[],
  visit: (values: NamedTensors, seed: number) => void,
): Promise<void> {
  const session = await InferenceSession.create(model as string, {
    graphOptimizationLevel: level,
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
    // As on processors that do not saturate, whatever this one is.
    ...((await saturatesHere()) ? {extra: {session: {disable_quant_qdq: '1'}}} : {}),
  });
  try {
    for (const seed of seeds) {
      const feeds = Object.entries(feed(seed))
        .filter(([name]) => session.inputNames.includes(name))
        .map(([name, tensor]) => [name, ortTensorFromTensor(OrtTensor, name, tensor)] as const);
      const results = await session.run(Object.fromEntries(feeds));
      const values = Object.entries(results).map(
        ([name, tensor]) => [name, tensorFromOrtTensor(tensor)] as const,
      );
      visit(Object.fromEntries(values), seed);
    }
  } finally {
    await session.release();
  }
}

/** Runs models on seeded random samples for the quantiser. */
export function sampleRunnerHere(feed: Feed, sampleCount: number): SampleRunner {
  return {
    sampleCount,
    async run({model, tensors, mode, from = 0, to = sampleCount, visit}) {
      const declared = new Map(model.graph.outputs.map(info => [info.name, info]));
      const outputs = tensors.map(name => declared.get(name) ?? createUntypedValueInfo(name));
      const part = pruneOpsetImports(dropUnused({...model, graph: {...model.graph, outputs}}));
      const seeds = Array.from({length: to - from}, (_, at) => from + at);
      const level = mode === 'fused' ? 'all' : 'disabled';
      await runOnSamples(bytesFromModel(part), level, feed, seeds, (values, sample) =>
        visit(values, sample, 1),
      );
    },
  };
}
