import {createHash} from 'node:crypto';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {openSaturatingModel} from '../../src/workflows/openSaturatingModel.ts';
import {graphFromModel} from '../../src/model/graphFromModel.ts';
import {createGraph, createModel, createNode, createValueInfo} from '../../src/model/onnx/createMessages.ts';
import type {OnnxModel} from '../../src/model/onnx/messages.ts';
import {tensorFromValue} from '../../src/model/onnx/tensorData.ts';
import {planQuantization, tensorsToMeasure} from '../../src/quantize/planQuantization.ts';
import {quantizeDynamically} from '../../src/quantize/precision/quantizeDynamically.ts';
import {quantizeGraph} from '../../src/quantize/quantizeGraph.ts';
import {X86} from '../../src/targets/x86.ts';
import {floats} from './operatorCases.ts';
import {recordedDigests} from './recordedSaturation.ts';
import {SATURATING_CASES} from './saturatingModels.ts';
import {seededNumbers} from '../../src/documents/seededNumbers.ts';

describe('on x86 without VNNI, as recorded,', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'edgewise-saturation-'));
  });
  afterAll(() => rmSync(folder, {recursive: true, force: true}));

  it.each(
    SATURATING_CASES.map(
      one => [one.title, one.saturates ? 'can saturate' : 'cannot saturate', one] as const,
    ),
  )('%s %s', async (title, _, {model, input, saturates}) => {
    const path = join(folder, 'model.onnx');
    writeFileSync(path, bytesFromModel(model));
    const emulated = await openSaturatingModel(path, {temporaryFolder: folder, threads: 1});
    try {
      const [output] = Object.values(await emulated.run({x: input}));
      const digest = createHash('sha256').update(output!.bytes).digest('hex');
      expect(digest).toBe(recordedDigests()[title]);
      expect(emulated.saturating.length).toBe(saturates ? 1 : 0);
      expect(emulated.unknown).toEqual([]);
    } finally {
      await emulated.close();
    }
  });
});

describe('builds for x86 without VNNI', () => {
  const random = seededNumbers(1);
  const weight = floats(
    [256, 128],
    Array.from({length: 256 * 128}, () => random() + random() + random() - 1.5),
  );
  const graph = graphFromModel(
    createModel(
      createGraph({
        nodes: [createNode('MatMul', ['x', 'w'], ['y'], {name: 'product'})],
        initializers: [tensorFromValue('w', weight)],
        inputs: [createValueInfo('x', 'float32', [3, 256])],
        outputs: [createValueInfo('y', 'float32', [3, 128])],
      }),
    ),
  );
  const builds: readonly (readonly [string, OnnxModel])[] = X86.recipe.candidates.flatMap(candidate => {
    const {name, scheme, precision, weightBits = 8} = candidate;
    if (precision === 'int8-dynamic')
      return [[name, quantizeDynamically(graph, {weightBits}).model] as const];
    if (scheme === null) return [];
    const plan = planQuantization(graph, scheme);
    const ranges = new Map(tensorsToMeasure(plan).map(tensor => [tensor, {min: -3, max: 3}]));
    return [[name, quantizeGraph(graph, plan, scheme, ranges)] as const];
  });

  it.each([...builds, ['8-bit weights', quantizeDynamically(graph).model] as const])(
    '%s',
    async (name, model) => {
      const folder = mkdtempSync(join(tmpdir(), 'edgewise-saturation-'));
      try {
        const path = join(folder, 'model.onnx');
        writeFileSync(path, bytesFromModel(model));
        const emulated = await openSaturatingModel(path, {temporaryFolder: folder, threads: 1});
        await emulated.close();
        // Only the last one, which is no build for such processors, can saturate.
        expect(emulated.saturating.length).toBe(name === '8-bit weights' ? 1 : 0);
      } finally {
        rmSync(folder, {recursive: true, force: true});
      }
    },
  );
});
