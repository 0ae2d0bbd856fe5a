import {copyFile, readdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {createGraph, createModel, createNode, createValueInfo} from '../../src/model/onnx/createMessages.ts';
import {tensorFromValue} from '../../src/model/onnx/tensorData.ts';
import {bytesFromModel, writeModel} from '../../src/model/onnx/writeModel.ts';
import {writeNpy} from '../../src/workspace/npy.ts';
import {inTemporaryFolder, jsonOf, ROOT, runEdgewise, type Ended} from './runEdgewise.ts';

interface Failure {
  readonly error: {readonly code: string; readonly message: string; readonly hints: readonly string[]};
}

const PICTURES = join(ROOT, 'templates/quickstart/pictures.onnx');

function project(model: string, more = ''): string {
  return `kind: edgewise/project\nformatVersion: 1\nmodel: {file: ${model}, inputs: {image: [1, 3, 32, 32]}}\ndevices:\n  - {name: here, address: local}\n${more}`;
}

/** Runs in a folder with these files; gives what happened and which files are new. */
async function run(files: Readonly<Record<string, string | Uint8Array>>, args: readonly string[]) {
  return inTemporaryFolder(async folder => {
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    const ended = await runEdgewise(args, {cwd: folder, home: folder});
    const left = (await readdir(folder)).filter(name => !(name in files) && name !== '.edgewise');
    return {ended, left};
  });
}

function failureOf(ended: Ended): Failure['error'] {
  expect(ended.stderr).not.toMatch(/bug in edgewise|\n\s+at /);
  return jsonOf<Failure>(ended).error;
}

const withUnknownOperator = bytesFromModel(
  createModel(
    createGraph({
      name: 'g',
      nodes: [
        createNode('Relu', ['image'], ['a'], {name: 'first'}),
        createNode('Frobnicate', ['a'], ['b'], {name: 'strange'}),
      ],
      inputs: [createValueInfo('image', 'float32', [1, 3, 32, 32])],
      outputs: [createValueInfo('b', 'float32', [1, 3, 32, 32])],
    }),
  ),
);

const withExternalWeight = writeModel(
  createModel(
    createGraph({
      name: 'g',
      nodes: [createNode('Add', ['image', 'w'], ['b'], {name: 'add'})],
      inputs: [createValueInfo('image', 'float32', [1, 3, 32, 32])],
      outputs: [createValueInfo('b', 'float32', [1, 3, 32, 32])],
      initializers: [
        tensorFromValue('w', {
          elementType: 'float32',
          shape: [3, 32, 32],
          bytes: new Uint8Array(3 * 32 * 32 * 4),
        }),
      ],
    }),
  ),
  {kind: 'external', thresholdBytes: 1, nameLocation: () => 'weights.bin'},
);

describe('a bad model gets one clear sentence', () => {
  it('a truncated file', async () => {
    const bytes = (await readFile(PICTURES)).subarray(0, 100_000);
    const {ended, left} = await run({'m.onnx': bytes}, ['inspect', 'm.onnx', '--json']);
    expect(ended.exitCode).toBe(10);
    const {code, message} = failureOf(ended);
    expect(code).toBe('not-an-onnx-model');
    expect(message).toContain('m.onnx');
    expect(left).toEqual([]);
  });

  it.each([
    ['a text file', 'Hello, I am not a model.\n'],
    ['an empty file', ''],
  ])('%s', async (_what, content) => {
    const {ended} = await run({'m.onnx': content}, ['inspect', 'm.onnx', '--json']);
    expect(ended.exitCode).toBe(10);
    expect(failureOf(ended).code).toBe('not-an-onnx-model');
  });

  it('a missing file', async () => {
    const {ended} = await run({}, ['inspect', 'nowhere.onnx']);
    expect(ended.stderr).toContain('nowhere.onnx');
    expect(ended.stderr.trim().split('\n')[0]).toMatch(/^Error: /);
    expect([2, 10]).toContain(ended.exitCode);
  });

  it('an unknown operator, with its layer', async () => {
    const {ended, left} = await run({'m.onnx': withUnknownOperator, 'edgewise.yaml': project('m.onnx')}, [
      'compile',
      '--json',
    ]);
    expect(ended.exitCode).toBe(13);
    const {code, message} = failureOf(ended);
    expect(code).toBe('operator-unsupported');
    expect(message).toContain('strange');
    expect(message).toContain('Frobnicate');
    expect(left).toEqual([]);
  });

  it('a missing external data file', async () => {
    const bytes = new Uint8Array(Buffer.concat([...withExternalWeight.chunks]));
    const {ended} = await run({'m.onnx': bytes}, ['inspect', 'm.onnx', '--json']);
    expect(ended.exitCode).toBe(10);
    const {code, message} = failureOf(ended);
    expect(code).toBe('external-data-missing');
    expect(message).toContain('weights.bin');
  });

  it('a shape that contradicts the model', async () => {
    await inTemporaryFolder(async folder => {
      await copyFile(PICTURES, join(folder, 'm.onnx'));
      const ended = await runEdgewise(['inspect', 'm.onnx', '--shape', 'image=1,4,32,32', '--json'], {
        cwd: folder,
        home: folder,
      });
      expect(ended.exitCode).toBe(2);
      const {code, message} = failureOf(ended);
      expect(code).toBe('input-shape-conflict');
      expect(message).toContain('image');
    });
  });

  it('samples of the wrong shape', async () => {
    await inTemporaryFolder(async folder => {
      await copyFile(PICTURES, join(folder, 'm.onnx'));
      const bytes = new Uint8Array(2 * 3 * 31 * 32 * 4);
      await writeNpy(join(folder, 'x.npy'), {elementType: 'float32', shape: [2, 3, 31, 32], bytes});
      await writeFile(
        join(folder, 'edgewise.yaml'),
        project('m.onnx', 'evaluation: {inputs: {image: x.npy}}\n'),
      );
      const ended = await runEdgewise(['compile', '--json'], {cwd: folder, home: folder});
      expect(ended.exitCode).toBe(2);
      const {code, message} = failureOf(ended);
      expect(code).toBe('wrong-input-shape');
      expect(message).toMatch(/\[2, 3, 31, 32\].*\[1, 3, 32, 32\]/);
    });
  });
});

describe('a bad project or command line', () => {
  it('an unknown key, with file, line, column and the nearest valid key', async () => {
    const text = project('m.onnx').replace('devices:', 'objektive: latency\ndevices:');
    const {ended} = await run({'m.onnx': withUnknownOperator, 'edgewise.yaml': text}, ['plan', '--json']);
    expect(ended.exitCode).toBe(10);
    const {code, message} = failureOf(ended);
    expect(code).toBe('invalid-document');
    expect(message).toMatch(/edgewise\.yaml:4:1: .*objektive/s);
    expect(message).toContain('"objective"');
  });

  it('all problems of a project at once', async () => {
    const text = project('m.onnx')
      .replace('formatVersion: 1', 'formatVersion: 1\nobjective: 7')
      .replace('local', '""');
    const {ended} = await run({'edgewise.yaml': text}, ['plan', '--json']);
    const {message} = failureOf(ended);
    expect(message).toMatch(/edgewise\.yaml:3:/);
    expect(message).toMatch(/edgewise\.yaml:6:/);
  });

  it.each([
    [['plan', 'nobody'], 2, 'unknown-device'],
    [['explain', 'plans/none.yaml'], 2, 'plan-missing'],
    [['push', 'plans/none.yaml'], 2, 'plan-missing'],
    [['plan', '--frobnicate'], 2, 'wrong-usage'],
    [['frobnicate'], 2, 'wrong-usage'],
    [['infer', 'here'], 2, 'wrong-usage'],
    [['plan', '--pin', 'conv1=moon'], 2, 'wrong-usage'],
    [['lab', 'up', '--slowdown', 'fast'], 2, 'wrong-usage'],
    [['plan'], 2, 'profile-missing'],
    [['infer', 'here', '--evaluation'], 14, 'nothing-deployed'],
    [['plan', '-C', 'nowhere'], 2, 'project-missing'],
  ])('%j exits %i with %s', async (args, exitCode, code) => {
    await inTemporaryFolder(async folder => {
      await copyFile(PICTURES, join(folder, 'm.onnx'));
      await writeFile(join(folder, 'edgewise.yaml'), project('m.onnx'));
      const settings = {cwd: folder, home: folder};
      const ended = await runEdgewise([...args, '--json'], settings);
      expect(failureOf(ended).code, ended.stdout).toBe(code);
      expect(ended.exitCode).toBe(exitCode);
      // The same without --json: nothing on stdout, one sentence on stderr, the same exit code.
      const plain = await runEdgewise(args, settings);
      expect(plain).toMatchObject({exitCode, stdout: ''});
      expect(plain.stderr).toMatch(/^Error: /m);
    });
  });
});
