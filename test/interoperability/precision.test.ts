import {spawn} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {NamedTensors} from '../../src/documents/tensor.ts';
import {randomFeeds} from '../../src/engine/randomFeeds.ts';
import {saturatesHere} from '../../src/workflows/saturatesHere.ts';
import type {Graph} from '../../src/model/graph.ts';
import {graphFromModel} from '../../src/model/graphFromModel.ts';
import type {OnnxModel} from '../../src/model/onnx/messages.ts';
import {floatsOf} from '../../src/quantize/accuracy/floatsOf.ts';
import {stripOverridableInitializers} from '../../src/model/stripOverridableInitializers.ts';
import {compactModel} from '../../src/quantize/compactModel.ts';
import {planQuantization, tensorsToMeasure} from '../../src/quantize/planQuantization.ts';
import {convertToFloat16} from '../../src/quantize/precision/convertToFloat16.ts';
import {float16FromFloat32} from '../../src/quantize/precision/float16.ts';
import {
  FLOAT16_SINCE,
  FLOAT32_OUTPUTS,
  float32Inputs,
} from '../../src/quantize/precision/float16Operators.ts';
import {packForMatMul} from '../../src/quantize/precision/packBlocks.ts';
import {ON_INTEGERS} from '../../src/quantize/precision/integerRegions.ts';
import {quantizeBlocks} from '../../src/quantize/precision/quantizeBlocks.ts';
import {quantizeDynamically} from '../../src/quantize/precision/quantizeDynamically.ts';
import {quantizeToBlocks} from '../../src/quantize/precision/quantizeToBlocks.ts';
import {quantizeWeightsOnly} from '../../src/quantize/precision/quantizeWeightsOnly.ts';
import {quantizeGraph} from '../../src/quantize/quantizeGraph.ts';
import {collectRanges} from '../../src/quantize/ranges/collectRanges.ts';
import {targetByName} from '../../src/targets/targetByName.ts';
import {prepareFloatModel} from '../../src/workflows/prepareFloatModel.ts';
import {startSampleRunner} from '../../src/workflows/sampleRuns/startSampleRunner.ts';
import {explainSharedModels, SHARED_MODELS} from '../integration/sharedModels.ts';
import {readBytes, valuesOf} from '../unit/model/handMadeModels.ts';
import {
  bytesOfModel,
  decibels,
  decibelsOf,
  integers,
  normals,
  operatorsAt,
  runAt,
  transformer,
} from '../unit/quantize/precision/precisionModels.ts';

const python = process.env['EDGEWISE_PYTHON'];
const VISION = [
  'cifar10-resnet/resnet20_cifar10.onnx',
  'cifar10-resnet8/resnet8_cifar10.onnx',
  'dscnn-kws/dscnn_kws.onnx',
  'mnist-cnn/mnist.onnx',
  'mnist-mlp/mnist_conv_small_nat.onnx',
  'squeezenet/squeezenet1.1_fp32.onnx',
  'super-resolution/super_resolution_10.onnx',
  'vww-mobilenetv1/mobilenetv1_025_vww.onnx',
];
const DENSE = ['ad01-autoencoder/ad01_autoencoder.onnx', 'mnist-mlp/mnist_6_200_nat.onnx'];

const LANGUAGE = transformer({words: 512, width: 128, heads: 4, hidden: 256, blocks: 2}, 11);
const IDS = {ids: integers([1, 8], [5, 9, 500, 3, 3, 77, 0, 511])};

/** What ONNX Runtime guarantees to run. */
const OLDEST_OPSET = 7;

const LOWER: Record<string, (graph: Graph) => OnnxModel> = {
  'int4 kernels': graph => quantizeToBlocks(graph, {search: 'mse'}).model,
  'int4 kernels with zero points': graph => quantizeToBlocks(graph, {isSymmetric: false}).model,
  'int8 kernels': graph => quantizeToBlocks(graph, {bits: 8}).model,
  'int4 before DequantizeLinear': graph => quantizeToBlocks(graph, {format: 'dequantize'}).model,
  'uint4 before DequantizeLinear': graph =>
    quantizeToBlocks(graph, {format: 'dequantize', isSymmetric: false}).model,
  'int8 dynamic': graph => quantizeDynamically(graph).model,
  'int8 weights only': graph => quantizeWeightsOnly(graph).model,
  float16: graph => convertToFloat16(graph).model,
  'float16 with float16 borders': graph => convertToFloat16(graph, {keepsInputsAndOutputs: false}).model,
};

/** Float32 feeds as the model takes them. */
function feedsFor(model: OnnxModel, feeds: NamedTensors): NamedTensors {
  const {tensors} = graphFromModel(model);
  return Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => {
      if (tensors.get(name)?.elementType !== 'float16') return [name, tensor];
      const halves = float16FromFloat32(Float32Array.from(valuesOf(tensor)));
      return [name, {elementType: 'float16', shape: tensor.shape, bytes: new Uint8Array(halves.buffer)}];
    }),
  );
}

interface Peer {
  /** The answers to the tasks in a file. */
  ask(file: string): Promise<unknown>;
  end(): void;
}

/** One Python for all tests: it takes longer to load its packages than to do most of what it is asked. */
function startPeer(): Peer {
  const child = spawn(python!, [join(import.meta.dirname, 'precision_peer.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // Its packages print as well.
  const answers = createInterface({input: child.stdout})[Symbol.asyncIterator]();
  return {
    async ask(file) {
      child.stdin.write(`${file}\n`);
      for (;;) {
        const {value, done} = await answers.next();
        if (done === true) throw new Error(`precision_peer.py has ended at ${file}`);
        if (value.startsWith('[')) return JSON.parse(value) as unknown;
      }
    },
    end: () => child.stdin.end(),
  };
}

describe.skipIf(python === undefined)(
  'other precisions, by Python (set EDGEWISE_PYTHON to a Python that has onnx and onnxruntime)',
  () => {
    let folder: string;
    let count = 0;
    let peer: Peer;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'edgewise-precision-'));
      peer = startPeer();
    });
    afterAll(() => {
      peer.end();
      rmSync(folder, {recursive: true, force: true});
    });

    const newFile = (suffix = ''): string => join(folder, `${(count += 1)}${suffix}`);

    async function ask<T>(tasks: readonly object[]): Promise<T[]> {
      const file = newFile('.json');
      writeFileSync(file, JSON.stringify(tasks));
      return (await peer.ask(file)) as T[];
    }

    function saveModel(model: OnnxModel): string {
      const file = newFile('.onnx');
      writeFileSync(file, bytesOfModel(model));
      return file;
    }

    function saveFeeds(feeds: NamedTensors): object {
      return Object.fromEntries(
        Object.entries(feeds).map(([name, {elementType, shape, bytes}]) => {
          const file = newFile();
          writeFileSync(file, bytes);
          return [name, {file, type: elementType, shape}];
        }),
      );
    }

    function floatsIn(file: string): Float32Array {
      return new Float32Array(new Uint8Array(readFileSync(file)).buffer);
    }

    /** Everything that `LOWER` makes of a graph is accepted and computes there what it computes here. */
    async function expectSameThere(graph: Graph, feeds: NamedTensors): Promise<void> {
      const lowered = Object.entries(LOWER).map(([name, lower]) => {
        const model = compactModel(lower(graph), graph);
        const given = feedsFor(model, feeds);
        const out = newFile();
        return {
          name,
          model,
          given,
          out,
          task: {do: 'run', model: saveModel(model), feeds: saveFeeds(given), out},
        };
      });
      const answers = await ask<{problem: string | null; outputs: string[]}>(lowered.map(({task}) => task));
      for (const [index, {name, model, given, out}] of lowered.entries()) {
        expect([name, answers[index]!.problem]).toEqual([name, null]);
        const here = await runAt(model, given, 'all');
        for (const [place, output] of answers[index]!.outputs.entries()) {
          const tensor = here[output]!;
          const found = decibelsOf(floatsIn(`${out}.${place}`), floatsOf(tensor));
          // Two versions of the runtime add in another order, and round a few values to the next step then.
          if (!(found > 40)) expect(`${name}: ${found} dB`).toBe('the same');
        }
      }
    }

    it('a language model is accepted in every precision, and computes the same', async () => {
      await expectSameThere(LANGUAGE, IDS);
    });

    it.skipIf(!explainSharedModels('other precisions')).each([...VISION, ...DENSE])(
      '%s is accepted in every precision, and computes the same',
      async path => {
        const float = await prepareFloatModel({
          modelFile: join(SHARED_MODELS, path),
          inputShapes: {},
          temporaryFolder: folder,
          opset: 21,
        });
        await expectSameThere(float.graph, randomFeeds(float.inputs, 1));
        await float.close();
      },
      120_000,
    );

    it.skipIf(!explainSharedModels('float16')).each(VISION)(
      '%s in float16 keeps 50 dB, and no less than theirs',
      async path => {
        const model = stripOverridableInitializers(readBytes(readFileSync(join(SHARED_MODELS, path))));
        const graph = graphFromModel(model);
        const specs = graph.inputs.map(name => {
          const {dims = []} = graph.tensors.get(name)!;
          const shape = dims.map(size => (typeof size === 'number' && size > 0 ? size : 1));
          return {name, elementType: 'float32' as const, shape};
        });
        const feeds = randomFeeds(specs, 2);
        const theirs = newFile('.onnx');
        await ask([{do: 'convert', model: saveModel(model), out: theirs}]);
        const exact = await runAt(model, feeds, 'disabled');
        const mine = await runAt(convertToFloat16(graph).model, feeds, 'disabled');
        const other = await runAt(readBytes(readFileSync(theirs)), feeds, 'disabled');
        for (const output of graph.outputs) {
          const found = decibels(exact[output], mine[output]);
          expect(found).toBeGreaterThan(50);
          expect(found).toBeGreaterThan(decibels(exact[output], other[output]) - 0.5);
        }
      },
    );

    it.each([4, 8].flatMap(bits => [true, false].map(isSymmetric => [bits as 4 | 8, isSymmetric] as const)))(
      'weights of %i bits, symmetric %s: the same as theirs, and less error when searched',
      async (bits, isSymmetric) => {
        for (const [depth, width, blockSize] of [
          [256, 48, 32],
          [200, 33, 32],
          [130, 7, 64],
        ] as const) {
          const values = normals(depth * width, depth);
          const [file, out] = [newFile(), newFile()];
          writeFileSync(file, values);
          await ask([{do: 'blocks', file, depth, width, bits, blockSize, isSymmetric, out}]);
          const theirs = {
            codes: new Uint8Array(readFileSync(`${out}.packed`)),
            scales: floatsIn(`${out}.scales`),
            zeros: new Uint8Array(readFileSync(`${out}.zeros`)),
          };
          const layout = {depth, width, isTransposed: false};
          const errors = (['max', 'mse'] as const).map(search => {
            const option = {bits, blockSize, isSymmetric, search};
            const weights = quantizeBlocks(values, layout, option);
            const packed = packForMatMul(weights, layout, option);
            // They divide in float32: the last bit may differ.
            const isSame = weights.scales.every(
              (scale, at) => Math.abs(scale / theirs.scales[at]! - 1) < 2 ** -22,
            );
            if (search === 'max') expect(isSame).toBe(true);
            return errorOf(packed.blobs, weights.scales, packed.zeroPoints);
          }) as [number, number];
          const expected = errorOf(theirs.codes, theirs.scales, isSymmetric ? null : theirs.zeros);
          expect(errors[0]).toBeLessThanOrEqual(expected * (1 + 1e-6));
          expect(errors[1]).toBeLessThan(expected * 0.97);

          function errorOf(blobs: Uint8Array, scales: Float32Array, zeros: Uint8Array | null): number {
            const blocks = Math.ceil(depth / blockSize);
            const at = (bytes: Uint8Array, index: number): number =>
              bits === 8 ? bytes[index]! : (bytes[index >> 1]! >> (4 * (index & 1))) & 15;
            const rowIntegers = (Math.ceil((blocks * bits) / 8) * 8) / bits;
            let error = 0;
            for (let column = 0; column < width; column++) {
              for (let row = 0; row < depth; row++) {
                const block = Math.floor(row / blockSize);
                const zero = zeros === null ? 2 ** (bits - 1) : at(zeros, column * rowIntegers + block);
                const code = at(blobs, column * blocks * blockSize + row);
                const value = scales[column * blocks + block]! * (code - zero);
                error += (values[row * width + column]! - value) ** 2;
              }
            }
            return error;
          }
        }
      },
    );

    it('dynamic int8 is as close to the model as theirs per channel, in a file no larger', async () => {
      const file = saveModel(LANGUAGE.model);
      const [channel, tensor] = [newFile('.onnx'), newFile('.onnx')];
      // Both as they are meant for this machine: with weights of half the range where sums saturate.
      const reduceRange = await saturatesHere();
      await ask([
        {do: 'dynamic', model: file, out: channel, perChannel: true, reduceRange},
        {do: 'dynamic', model: file, out: tensor, perChannel: false, reduceRange},
      ]);
      const exact = (await runAt(LANGUAGE.model, IDS))['scores'];
      const found = async (model: OnnxModel): Promise<number> =>
        decibels(exact, (await runAt(model, IDS))['scores']);
      const {model} = quantizeDynamically(LANGUAGE, {search: 'mse', weightBits: reduceRange ? 7 : 8});
      const mine = await found(model);
      // Theirs has the whole table of embeddings at one scale.
      expect(mine).toBeGreaterThan((await found(readBytes(readFileSync(channel)))) - 0.5);
      expect(mine).toBeGreaterThan((await found(readBytes(readFileSync(tensor)))) - 0.5);
      expect(bytesOfModel(compactModel(model, LANGUAGE)).length).toBeLessThanOrEqual(statSync(channel).size);
    });

    it('float16 is rounded as NumPy does: every float16, everything between two, and random bits', async () => {
      const bits = new Uint32Array(1 << 20);
      const random = normals(bits.length, 5);
      const words = new Uint32Array(random.buffer);
      // All exponents, and the low bits of a product for the rest.
      for (let at = 0; at < bits.length; at += 1) bits[at] = (words[at]! * 2654435761) >>> 0;
      for (let half = 0; half < 1 << 16; half += 1) {
        const magnitude = half & 0x7fff;
        const place = half * 4;
        const normal = ((magnitude << 13) + ((127 - 15) << 23)) >>> 0;
        for (const [offset, low] of [0, 0x0fff, 0x1000, 0x1001].entries()) {
          bits[place + offset] = (((half & 0x8000) << 16) | ((normal + low) & 0x7fff_ffff)) >>> 0;
        }
      }
      const [file, out] = [newFile(), newFile()];
      writeFileSync(file, bits);
      await ask([{do: 'float16', file, out}]);
      const theirs = new Uint16Array(new Uint8Array(readFileSync(out)).buffer);
      const mine = float16FromFloat32(new Float32Array(bits.buffer));
      const isNaN = (half: number): boolean => (half & 0x7c00) === 0x7c00 && (half & 0x3ff) !== 0;
      const wrong = mine.findIndex((half, at) => half !== theirs[at] && !(isNaN(half) && isNaN(theirs[at]!)));
      expect(wrong).toBe(-1);
    });

    it('the operators without float16 are those of the ONNX schemas', async () => {
      const [types] = await ask<Record<string, [since: number, inputs: number[], outputs: number[]][]>>([
        {do: 'types'},
      ]);
      const wrong = Object.entries(types!)
        .filter(([name]) => !ON_INTEGERS.has(name))
        .flatMap(([name, versions]) =>
          versions
            .filter((_, at) => (versions[at + 1]?.[0] ?? Infinity) > OLDEST_OPSET)
            .filter(([since, inputs, outputs]) => {
              const opset = Math.max(since, OLDEST_OPSET);
              if (opset < (FLOAT16_SINCE[name] ?? 0)) return inputs.length + outputs.length === 0;
              const mine = [float32Inputs(name, opset), FLOAT32_OUTPUTS[name] ?? []];
              return JSON.stringify(mine) !== JSON.stringify([inputs, outputs]);
            })
            .map(([since]) => `${name}-${since}`),
        );
      expect(wrong).toEqual([]);
    });

    it.skipIf(!explainSharedModels('mixed precision'))(
      'integers and float16 go together: the same kernels, accepted, within 0.5 dB of integers and float32',
      async () => {
        const path = join(SHARED_MODELS, 'cifar10-resnet8/resnet8_cifar10.onnx');
        const float = await prepareFloatModel({modelFile: path, inputShapes: {}, temporaryFolder: folder});
        const {graph, inputs} = float;
        const feedsOf = (index: number): NamedTensors => randomFeeds(inputs, index);
        const runner = startSampleRunner(
          {requestCount: 4, readRequest: async index => feedsOf(index)},
          {temporaryFolder: folder},
        );
        const scheme = targetByName('x86-vnni').recipe.candidates.find(one => one.scheme !== null)!.scheme!;
        const kept = graph.layers.filter(({operator}) => operator === 'Conv').slice(-2);
        const plan = planQuantization(graph, scheme, new Map(kept.map(({name}) => [name, 'accuracy'])));
        const ranges = await collectRanges(graph, tensorsToMeasure(plan), runner, 'min-max');
        const integer = quantizeGraph(graph, plan, scheme, ranges);
        const mixed = convertToFloat16(graphFromModel(integer));
        const operators = await operatorsAt(mixed.model, 'extended');
        const before = await operatorsAt(integer, 'extended');
        const countOf = (all: string[]): number => all.filter(name => name === 'QLinearConv').length;
        expect(countOf(before)).toBeGreaterThan(4);
        expect(countOf(operators)).toBe(countOf(before));
        const names = new Set(mixed.floatLayers.map(({layer}) => layer));
        expect(kept.every(({name}) => !names.has(name))).toBe(true);

        const feeds = feedsOf(9);
        const out = newFile();
        const [answer] = await ask<{problem: string | null; outputs: string[]}>([
          {do: 'run', model: saveModel(mixed.model), feeds: saveFeeds(feeds), out},
        ]);
        expect(answer!.problem).toBeNull();
        const [output] = graph.outputs as [string];
        const exact = valuesOf((await runAt(graph.model, feeds))[output]);
        const one = valuesOf((await runAt(integer, feeds))[output]);
        expect(decibelsOf(exact, floatsIn(`${out}.0`))).toBeGreaterThan(decibelsOf(exact, one) - 0.5);
        await float.close();
      },
    );
  },
);
