import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {optimizeModel} from '../../src/engine/optimizeModel.ts';
import {sourceFromBytes} from '../../src/model/onnx/byteSource.ts';
import type {OnnxModel} from '../../src/model/onnx/messages.ts';
import {modelFromSource} from '../../src/model/onnx/readModel.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {CPU_OPERATORS} from '../../src/targets/cpuOperators.ts';
import {OPERATOR_CASES, quantizedOperatorModel, type OutputScale} from './operatorCases.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgewise-kernels-'));
});

afterAll(async () => {
  await rm(folder, {recursive: true, force: true});
});

/** Whether ONNX Runtime replaced the operator and the conversions around it by one kernel on integers. */
async function isFused(model: OnnxModel, name: string): Promise<boolean> {
  const [from, to] = [join(folder, `${name}.onnx`), join(folder, `${name}.fused.onnx`)];
  await writeFile(from, bytesFromModel(model));
  await optimizeModel(from, to, 'extended');
  const {graph} = modelFromSource(sourceFromBytes(await readFile(to)), {fileName: to});
  const dequantized = new Set(
    graph.nodes.filter(({operator}) => operator === 'DequantizeLinear').flatMap(({outputs}) => outputs),
  );
  return !graph.nodes.some(({inputs}) => inputs.some(input => dequantized.has(input)));
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
    // Clip cannot be told from Relu here: without bounds it is dropped, with bounds it reads constants.
    expect(
      Object.keys(CPU_OPERATORS).filter(operator => operator !== 'Clip' && !tried.has(operator)),
    ).toEqual([]);
  });
});
