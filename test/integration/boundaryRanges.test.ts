import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {ignoreEvents} from '../../src/events.ts';
import {createGraph, createModel, createNode, createValueInfo} from '../../src/model/onnx/createMessages.ts';
import {tensorFromValue} from '../../src/model/onnx/tensorData.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {openDataSet} from '../../src/workflows/openDataSet.ts';
import {openProject} from '../../src/workflows/openProject.ts';
import {startBoundaryRanges} from '../../src/workflows/precision/boundaryRanges.ts';
import {withPreparedModel} from '../../src/workflows/prepareModel.ts';
import {floats} from './smallModels.ts';

const SHAPE = [1, 64];

/** x -> hidden = 4 x -> y = hidden + 1 */
function model(opset: number): Uint8Array {
  return bytesFromModel(
    createModel(
      createGraph({
        nodes: [
          createNode('Mul', ['x', 'four'], ['hidden'], {name: 'first'}),
          createNode('Add', ['hidden', 'one'], ['y'], {name: 'second'}),
        ],
        initializers: [tensorFromValue('four', floats([1], [4])), tensorFromValue('one', floats([1], [1]))],
        inputs: [createValueInfo('x', 'float32', SHAPE)],
        outputs: [createValueInfo('y', 'float32', SHAPE)],
      }),
      {irVersion: 4, opsetImports: [{domain: '', version: opset, unknown: []}]},
    ),
  );
}

describe('scales of what may cross', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-ranges-'));
  });
  afterAll(() => rm(folder, {recursive: true, force: true}));

  it.each([7, 8, 12, 17])('are measured on models of opset %i', async opset => {
    await writeFile(join(folder, `net-${opset}.onnx`), model(opset));
    await writeFile(
      join(folder, 'edgewise.yaml'),
      [
        'kind: edgewise/project',
        'formatVersion: 1',
        `model: {file: net-${opset}.onnx}`,
        'devices: [{name: here, address: local}]',
        '',
      ].join('\n'),
    );
    const project = await openProject(folder);
    const [input, hidden] = await withPreparedModel(project, ignoreEvents, async prepared => {
      const samples = await openDataSet({random: {samples: 16, seed: 3}}, prepared.inputs);
      const found = await startBoundaryRanges(project, prepared, samples).parametersOf(['x', 'hidden']);
      await samples.close();
      return [found.get('x'), found.get('hidden')];
    });
    expect(input!.scale).toBeGreaterThan(0);
    // Clipping a few values can be better than keeping them, but never by much.
    expect(hidden!.scale / input!.scale).toBeGreaterThan(3);
    expect(hidden!.scale / input!.scale).toBeLessThanOrEqual(4.001);
  });
});
