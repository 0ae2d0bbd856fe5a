import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {InferenceSession} from 'onnxruntime-node';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {optimizeModel} from '../../src/engine/optimizeModel.ts';
import {sourceFromBytes} from '../../src/model/onnx/byteSource.ts';
import type {OnnxModel, OnnxNode} from '../../src/model/onnx/messages.ts';
import {modelFromSource} from '../../src/model/onnx/readModel.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {graphFromModel} from '../../src/model/graphFromModel.ts';
import {planQuantization, tensorsToMeasure} from '../../src/quantize/planQuantization.ts';
import {quantizeGraph} from '../../src/quantize/quantizeGraph.ts';
import {ARM_INT8} from '../../src/targets/armCandidates.ts';
import {CPU_OPERATORS} from '../../src/targets/cpuOperators.ts';
import type {CandidateBuild} from '../../src/targets/target.ts';
import {X86} from '../../src/targets/x86.ts';
import {X86_VNNI} from '../../src/targets/x86Vnni.ts';
import {Network} from '../unit/quantize/networks.ts';
import {everyOperatorModel, inventedRanges} from '../unit/targets/everyOperator.ts';
import {OPERATOR_CASES, quantizedOperatorModel, type OutputScale} from './operatorCases.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgewise-kernels-'));
});

afterAll(async () => {
  await rm(folder, {recursive: true, force: true});
});

/**
 * Writes the model as ONNX Runtime fuses it and reads it again. `arm`: as on ARM, where signed activations have kernels of
 * their own; on x86 the runtime makes them unsigned where it can, and leaves the rest in float.
 */
async function fuse(model: OnnxModel, name: string, processor: 'own' | 'arm'): Promise<OnnxModel> {
  const [from, to] = [join(folder, `${name}.onnx`), join(folder, `${name}.fused.onnx`)];
  await writeFile(from, bytesFromModel(model));
  if (processor === 'own') {
    await optimizeModel(from, to, 'extended');
  } else {
    const session = await InferenceSession.create(from, {
      graphOptimizationLevel: 'extended',
      optimizedModelFilePath: to,
      logSeverityLevel: 4,
      extra: {session: {qdqisint8allowed: '1'}},
    });
    await session.release();
  }
  return modelFromSource(sourceFromBytes(await readFile(to)), {fileName: to});
}

/** Nodes that compute on dequantised tensors. */
function inFloat({graph}: OnnxModel): readonly OnnxNode[] {
  const dequantized = new Set(
    graph.nodes.filter(({operator}) => operator === 'DequantizeLinear').flatMap(({outputs}) => outputs),
  );
  return graph.nodes.filter(({inputs}) => inputs.some(input => dequantized.has(input)));
}

/** Whether ONNX Runtime replaced the operator and the conversions around it by one kernel on integers. */
async function isFused(model: OnnxModel, name: string): Promise<boolean> {
  return inFloat(await fuse(model, name, 'own')).length === 0;
}

/** With which output scales ONNX Runtime fuses an operator whose rule is of this kind. */
const FUSED_WITH: Readonly<Record<string, readonly OutputScale[]>> = {
  weighted: ['own', 'input'],
  'own-scales': ['own', 'input'],
  'own-output': ['own', 'input'],
  'fixed-output': ['own', 'input'],
  'same-scale': ['input'],
  // Relu and Clip disappear into the layer before them; by themselves they have no kernel.
  absorbed: [],
  none: [],
};

describe("the CPU's capability table says of every operator what ONNX Runtime does with it:", () => {
  it.each(
    OPERATOR_CASES.map(one => [one.operator, CPU_OPERATORS[one.operator]?.kind ?? 'none', one] as const),
  )('%s, rule %s', async (operator, kind, one) => {
    const fused: OutputScale[] = [];
    for (const scale of ['own', 'input'] as const)
      if (await isFused(quantizedOperatorModel(one, scale), `${operator}-${scale}`)) fused.push(scale);
    expect(fused).toEqual(FUSED_WITH[kind]);
  });

  it('and no operator of the table is left untried', () => {
    const tried = new Set(OPERATOR_CASES.map(({operator}) => operator));
    expect(Object.keys(CPU_OPERATORS).filter(operator => !tried.has(operator))).toEqual([]);
  });
});

describe('in a model quantised by the table, with float layers between,', () => {
  const schemesOf = (candidates: readonly CandidateBuild[], processor: 'own' | 'arm') =>
    candidates.flatMap(({name, scheme}) => (scheme === null ? [] : [[name, processor, scheme] as const]));

  it.each([
    ...schemesOf(X86.recipe.candidates, 'own'),
    ...schemesOf(X86_VNNI.recipe.candidates, 'own'),
    ...schemesOf(ARM_INT8, 'arm'),
  ])(
    '%s (%s processor): every layer that is to compute on integers does',
    async (name, processor, scheme) => {
      const graph = graphFromModel(everyOperatorModel());
      const plan = planQuantization(graph, scheme);
      const model = quantizeGraph(graph, plan, scheme, inventedRanges(tensorsToMeasure(plan)));
      const left = inFloat(await fuse(model, `${name}-${processor}`, processor));
      const meant = new Set(plan.floatLayers.map(({layer}) => layer));
      // HardSwish is replaced by what it is made of, which has no names.
      expect(left.filter(one => one.name !== '' && !meant.has(one.name)).map(one => one.name)).toEqual([]);
      expect(left.length).toBeGreaterThan(0);
    },
  );
});

describe('a product before an activation and a float layer', () => {
  it.each(['Relu', 'Tanh', 'Sigmoid'])('is computed on integers before %s', async activation => {
    const net = new Network();
    const first = net.layer('first', 'Gemm', [net.input('x', [1, 16]), net.weights('v', [16, 8])]);
    const between = net.layer('between', activation, [first]);
    const graph = net.graph([net.layer('last', 'Gemm', [between, net.weights('w', [8, 4])])]);
    const scheme = X86_VNNI.recipe.candidates[0]?.scheme;
    if (scheme === null || scheme === undefined) throw new Error('x86-vnni has no scheme');
    const plan = planQuantization(graph, scheme, new Map([['last', 'accuracy']]));
    const model = quantizeGraph(graph, plan, scheme, inventedRanges(tensorsToMeasure(plan)));
    const fused = await fuse(model, `product-${activation}`, 'own');
    expect(fused.graph.nodes.map(({operator}) => operator)).toContain('QGemm');
  });
});
