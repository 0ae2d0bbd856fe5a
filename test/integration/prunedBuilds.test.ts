import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {sourceFromBytes} from '../../src/model/onnx/byteSource.ts';
import {modelFromSource} from '../../src/model/onnx/readModel.ts';
import {bytesOfTensor, elementTypeOfTensor} from '../../src/model/onnx/tensorData.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import type {TargetName} from '../../src/targets/target.ts';
import {targetByName} from '../../src/targets/targetByName.ts';
import {compileCandidates} from '../../src/workflows/builds/compileCandidates.ts';
import type {CompiledModel, CompileJob} from '../../src/workflows/builds/compileJob.ts';
import {writeNpy} from '../../src/workspace/npy.ts';
import {openStore} from '../../src/workspace/store.ts';
import {startNumbers} from '../unit/quantize/pruning/networks.ts';
import {redundantNetwork, SIDE} from '../unit/quantize/pruning/redundantNetwork.ts';

const SAMPLES = 48;

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'edgewise-pruned-'));
  const next = startNumbers(7);
  await writeNpy(join(folder, 'samples.npy'), {
    elementType: 'float32',
    shape: [SAMPLES, 3, SIDE, SIDE],
    bytes: new Uint8Array(Float32Array.from({length: SAMPLES * 3 * SIDE * SIDE}, () => 2 * next()).buffer),
  });
});
afterAll(() => rmSync(folder, {recursive: true, force: true}));

/** The target's candidates of some precisions, from a network of which three channels are dead. */
async function compile(
  target: TargetName,
  precisions: readonly string[],
  options: Partial<CompileJob>,
): Promise<CompiledModel> {
  const modelFile = join(folder, 'model.onnx');
  writeFileSync(modelFile, bytesFromModel(redundantNetwork(5, [2, 3, 9]).model));
  for (const name of ['store', 'cache', 'temporary']) mkdirSync(join(folder, name), {recursive: true});
  const {recipe} = targetByName(target);
  return compileCandidates(
    {
      modelFile,
      inputShapes: {},
      storeFolder: join(folder, 'store'),
      temporaryFolder: join(folder, 'temporary'),
      cacheFolder: join(folder, 'cache'),
      data: {
        calibration: 'samples.npy',
        evaluation: null,
        preprocessing: null,
        baseFolder: folder,
        calibrationSamples: 16,
      },
      metric: 'cosine',
      budget: {kind: 'absolute-drop', limit: 0.02},
      candidates: recipe.candidates.filter(({precision}) => precisions.includes(precision)),
      saturates: false,
      without: [],
      pruning: recipe.pruning ?? null,
      seed: 0,
      threads: 1,
      ...options,
    },
    () => {},
  );
}

function initializersOf(digest: string) {
  const path = openStore(join(folder, 'store')).pathOf(digest);
  return modelFromSource(sourceFromBytes(readFileSync(path)), {fileName: path}).graph.initializers;
}

describe('builds of a model with channels too many', () => {
  it('dead channels are gone from every build without being asked, and no answer changes', async () => {
    const {candidates} = await compile('x86-vnni', ['fp32'], {pruning: null});
    const [fp32] = candidates;
    expect(
      fp32!.recipe
        .map(({decision}) => decision)
        .filter(decision => decision.includes('dead'))
        .sort(),
    ).toEqual([
      expect.stringMatching(/^remove 1 dead channel of Conv_\d+$/),
      expect.stringMatching(/^remove 2 dead channels of Conv_\d+$/),
    ]);
    expect(fp32!.fidelity.maxAbsoluteDifference).toBeLessThan(1e-5);
    expect(initializersOf(fp32!.digest).filter(({dims}) => dims[0] === 4 && dims[1] === 13)).toHaveLength(1);
  });

  it('of sparse builds two in four weights are exactly 0, also when they are integers or half precision', async () => {
    const {candidates} = await compile('tensorrt-11', ['int8', 'fp16', 'fp32'], {});
    const sparse = candidates.filter(({name}) => name.endsWith('-sparse'));
    expect(sparse.map(({name}) => name)).toEqual(['int8-fp16-sparse', 'fp16-sparse']);
    for (const {digest, pruning} of sparse) {
      expect(pruning?.sparseLayers.length).toBeGreaterThan(2);
      const weights = initializersOf(digest).filter(
        ({dims}) => dims.length === 4 && (dims[1] ?? 0) % 4 === 0,
      );
      expect(weights.length).toBeGreaterThan(2);
      for (const tensor of weights) {
        const bytes = bytesOfTensor(tensor);
        const isZero = isZeroIn(elementTypeOfTensor(tensor), bytes);
        const [outputs = 0, inputs = 0, height = 0, width = 0] = tensor.dims;
        const taps = height * width;
        for (let quad = 0; quad < (outputs * inputs * taps) / 4; quad += 1) {
          const [output, rest] = [Math.floor(quad / ((inputs / 4) * taps)), quad % ((inputs / 4) * taps)];
          const [first, tap] = [4 * Math.floor(rest / taps), rest % taps];
          const zeros = [0, 1, 2, 3].filter(at => isZero((output * inputs + first + at) * taps + tap));
          expect(zeros.length, tensor.name).toBeGreaterThanOrEqual(2);
        }
      }
    }
  });
});

function isZeroIn(elementType: string, bytes: Uint8Array): (at: number) => boolean {
  const width = {float32: 4, float16: 2, int8: 1}[elementType] ?? NaN;
  return at => {
    const value = bytes.subarray(at * width, (at + 1) * width);
    // A negative zero has its highest bit set and no other.
    return (
      value.length === width &&
      value.every((byte, index) => (index === width - 1 && width > 1 ? byte & 0x7f : byte) === 0)
    );
  };
}
