import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import fc from 'fast-check';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {QuantizationScheme} from '../../src/documents/quantizationScheme.ts';
import type {NamedTensors} from '../../src/documents/tensor.ts';
import {optimizeModel} from '../../src/engine/optimizeModel.ts';
import type {Graph} from '../../src/model/graph.ts';
import {graphFromModel} from '../../src/model/graphFromModel.ts';
import {sourceFromBytes} from '../../src/model/onnx/byteSource.ts';
import type {OnnxModel} from '../../src/model/onnx/messages.ts';
import {modelFromSource} from '../../src/model/onnx/readModel.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {
  keepReferenceOutputs,
  meanDecibels,
  signalToNoiseOf,
} from '../../src/quantize/accuracy/signalToNoise.ts';
import {planQuantization, tensorsToMeasure} from '../../src/quantize/planQuantization.ts';
import {quantizeGraph} from '../../src/quantize/quantizeGraph.ts';
import {collectRanges} from '../../src/quantize/ranges/collectRanges.ts';
import type {SampleRunner} from '../../src/quantize/sampleRunner.ts';
import {startSampleRunner} from '../../src/workflows/sampleRuns/startSampleRunner.ts';
import {normalNumbers} from '../unit/quantize/normalNumbers.ts';
import {SYMMETRIC, U8S8} from '../unit/quantize/schemes.ts';
import {randomNetwork, STEPS} from './randomNetworks.ts';

const SAMPLES = 4;
const RUNS = 12;

const networks = fc.record({
  steps: fc.array(fc.constantFrom(...Object.keys(STEPS)), {minLength: 1, maxLength: 6}),
  seed: fc.integer({min: 1, max: 1000}),
});

function samples(): SampleRunner {
  return startSampleRunner(
    {
      requestCount: SAMPLES,
      async readRequest(index): Promise<NamedTensors> {
        const bytes = new Uint8Array(normalNumbers(256, index + 1).buffer);
        return {x: {elementType: 'float32', shape: [1, 4, 8, 8], bytes}};
      },
    },
    {temporaryFolder: tmpdir(), threads: 1},
  );
}

async function quantize(graph: Graph, scheme: QuantizationScheme, runner: SampleRunner): Promise<OnnxModel> {
  const plan = planQuantization(graph, scheme);
  const ranges = await collectRanges(graph, tensorsToMeasure(plan), runner, 'min-max');
  return quantizeGraph(graph, plan, scheme, ranges);
}

/** Operators of integer layers that no kernel of ONNX Runtime has replaced. */
async function leftInFloat(graph: Graph, model: OnnxModel, folder: string): Promise<string[]> {
  const plan = planQuantization(graph, U8S8);
  const [from, to] = [join(folder, 'model.onnx'), join(folder, 'fused.onnx')];
  await writeFile(from, bytesFromModel(model));
  await optimizeModel(from, to, 'extended');
  const fused = modelFromSource(sourceFromBytes(await readFile(to)), {fileName: to}).graph.nodes;
  const isFloat = new Set(plan.floatLayers.map(({layer}) => layer));
  // Layers that only move integers keep their operator.
  const replaced = Object.keys(U8S8.operators).filter(one => U8S8.operators[one]?.kind !== 'same-scale');
  return replaced.filter(operator => {
    const expected = graph.layers.filter(layer => layer.operator === operator && isFloat.has(layer.name));
    return fused.filter(node => node.operator === operator).length > expected.length;
  });
}

async function decibels(graph: Graph, scheme: QuantizationScheme, runner: SampleRunner): Promise<number> {
  const reference = await keepReferenceOutputs(runner, graph.model, {from: 0, to: SAMPLES});
  const model = await quantize(graph, scheme, runner);
  // Node by node: the integer kernels of processors without VNNI saturate, which is another matter.
  return meanDecibels(await signalToNoiseOf(runner, model, reference, 'exact'));
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgewise-quantized-'));
});
afterAll(async () => {
  await rm(folder, {recursive: true, force: true});
});

describe('networks of random layers, quantised, run in ONNX Runtime', () => {
  it.each(Object.keys(STEPS))('with %s, and come close to float', async step => {
    const runner = samples();
    expect(await decibels(randomNetwork([step, 'conv'], 3), U8S8, runner)).toBeGreaterThan(20);
  });

  it.each(Object.keys(STEPS))('and are computed on integers where the plan says so: %s', async step => {
    const graph = randomNetwork([step, 'conv'], 3);
    const model = await quantize(graph, U8S8, samples());
    expect(await leftInFloat(graph, model, folder)).toEqual([]);
  });

  it('of any layers, and come close to float', async () => {
    await fc.assert(
      fc.asyncProperty(networks, async ({steps, seed}) => {
        expect(await decibels(randomNetwork(steps, seed), U8S8, samples())).toBeGreaterThan(15);
      }),
      {numRuns: RUNS},
    );
  });

  it('with symmetric activations, pairs on weights and joined scales', async () => {
    await fc.assert(
      fc.asyncProperty(networks, async ({steps, seed}) => {
        expect(await decibels(randomNetwork(steps, seed), SYMMETRIC, samples())).toBeGreaterThan(12);
      }),
      {numRuns: RUNS},
    );
  });

  it.each([17, 21])('with 16-bit activations, and come nearer still (opset %i)', async opset => {
    const scheme: QuantizationScheme = {...U8S8, activations: {elementType: 'uint16', isSymmetric: false}};
    await fc.assert(
      fc.asyncProperty(networks, async ({steps, seed}) => {
        expect(await decibels(randomNetwork(steps, seed, opset), scheme, samples())).toBeGreaterThan(25);
      }),
      {numRuns: RUNS},
    );
  });
});

describe('plans of networks of random layers', () => {
  it('say of every layer once what becomes of it', () => {
    fc.assert(
      fc.property(networks, fc.constantFrom(U8S8, SYMMETRIC), ({steps, seed}, scheme) => {
        const graph = randomNetwork(steps, seed);
        const plan = planQuantization(graph, scheme);
        const said = [...plan.quantizedLayers, ...plan.absorbed, ...plan.floatLayers.map(({layer}) => layer)];
        expect(said.toSorted()).toEqual(graph.layers.map(({name}) => name).toSorted());
      }),
    );
  });

  it('keep in float what they are asked to, and never quantise more for it', () => {
    fc.assert(
      fc.property(networks, fc.integer({min: 0, max: 100}), ({steps, seed}, at) => {
        const graph = randomNetwork(steps, seed);
        const whole = planQuantization(graph, U8S8);
        const asked = whole.quantizedLayers[at % whole.quantizedLayers.length] ?? '';
        const part = planQuantization(graph, U8S8, new Map([[asked, 'asked-for']]));
        expect(part.floatLayers).toContainEqual({layer: asked, reason: 'asked-for'});
        const before = new Set(whole.quantizedLayers);
        expect(part.quantizedLayers.filter(layer => !before.has(layer))).toEqual([]);
        const measured = new Set(tensorsToMeasure(whole));
        expect(tensorsToMeasure(part).filter(name => !measured.has(name))).toEqual([]);
      }),
    );
  });

  it('give models whose integer layers read integers only', () => {
    fc.assert(
      fc.property(networks, ({steps, seed}) => {
        const graph = randomNetwork(steps, seed);
        const plan = planQuantization(graph, U8S8);
        const ranges = new Map(tensorsToMeasure(plan).map(name => [name, {min: -1, max: 1}]));
        const made = graphFromModel(quantizeGraph(graph, plan, U8S8, ranges));
        const isInteger = new Set(plan.quantizedLayers);
        for (const layer of made.layers.filter(({name}) => isInteger.has(name))) {
          // The first operand, whatever the operator; the condition of a Where is no number.
          const [data = ''] = layer.inputs.slice(layer.operator === 'Where' ? 1 : 0);
          const maker = made.layers[made.tensors.get(data)?.producer ?? -1];
          expect(maker?.operator, `${layer.name} reads ${data}`).toBe('DequantizeLinear');
        }
      }),
    );
  });
});
