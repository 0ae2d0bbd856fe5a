import {execFile, spawn} from 'node:child_process';
import {copyFile, mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {NamedTensors, TensorSpec} from '../../src/documents/tensor.ts';
import {randomFeeds} from '../../src/engine/randomFeeds.ts';
import {runOnce} from '../../src/engine/session.ts';
import {tritonConfig} from '../../src/export/tritonConfig.ts';
import {openProtocolClient} from '../../src/runtime/client.ts';

const run = promisify(execFile);
const python = process.env['EDGEWISE_PYTHON'];
const PEER = fileURLToPath(new URL('export_peer.py', import.meta.url));
const TEMPLATES = fileURLToPath(new URL('../../templates', import.meta.url));

if (python === undefined)
  console.warn(
    'export: skipped; EDGEWISE_PYTHON names a Python that has test/interoperability/requirements.txt',
  );

describe.skipIf(python === undefined)('an exported cloud', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-export-'));
  });
  afterAll(() => rm(folder, {recursive: true, force: true}));

  it("has a config that NVIDIA's own definition of it reads as it was meant", async () => {
    const tensor = (name: string, elementType: TensorSpec['elementType'], shape: number[]): TensorSpec => ({
      name,
      elementType,
      shape,
    });
    const segment = {
      name: 'pictures-0123456789ab',
      inputs: [tensor('/layer1/"Relu"\\out', 'float32', [1, 32, 16, 16]), tensor('größe', 'int64', [])],
      outputs: [tensor('scores', 'float16', [1, 10])],
      instances: 3,
      threads: 2,
    };
    await writeFile(join(folder, 'config.pbtxt'), tritonConfig(segment));
    const {stdout} = await run(python!, [PEER, 'config', join(folder, 'config.pbtxt')]);
    expect(JSON.parse(stdout)).toMatchObject({
      name: segment.name,
      backend: 'onnxruntime',
      input: [
        {name: '/layer1/"Relu"\\out', data_type: 'TYPE_FP32', dims: ['1', '32', '16', '16']},
        {name: 'größe', data_type: 'TYPE_INT64', dims: ['1'], reshape: {}},
      ],
      output: [{name: 'scores', data_type: 'TYPE_FP16', dims: ['1', '10']}],
      instance_group: [{count: 3, kind: 'KIND_CPU'}],
      optimization: {graph: {level: -1}},
      parameters: {intra_op_thread_count: {string_value: '2'}},
      version_policy: {specific: {versions: ['1']}},
    });
  });

  it("answers our client through Ray's part of the protocol as ONNX Runtime does here", async () => {
    const model = join(TEMPLATES, 'quickstart/pictures.onnx');
    await mkdir(join(folder, 'models/pictures/1'), {recursive: true});
    await copyFile(model, join(folder, 'models/pictures/1/model.onnx'));
    await copyFile(join(TEMPLATES, 'ray/protocol.py'), join(folder, 'protocol.py'));
    await run(python!, ['-m', 'py_compile', join(TEMPLATES, 'ray/app.py')], {
      env: {...process.env, PYTHONPYCACHEPREFIX: folder},
    });
    const server = spawn(python!, [PEER, 'serve', folder], {stdio: ['ignore', 'pipe', 'inherit']});
    const port = await new Promise<string>((resolve, reject) => {
      server.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
      server.once('exit', code => reject(new Error(`the server ended with ${code}`)));
    });
    const client = openProtocolClient(`http://127.0.0.1:${port}`);
    try {
      const metadata = await client.readModelMetadata('pictures');
      expect(metadata.inputs.map(({name, datatype}) => [name, datatype])).toEqual([['image', 'FP32']]);
      const inputs = randomFeeds([{name: 'image', elementType: 'float32', shape: [2, 3, 32, 32]}], 5);
      const {outputs} = await client.infer('pictures', {inputs});
      const expected = (await runOnce({path: model}, inputs)).outputs;
      expect(Object.keys(outputs)).toEqual(Object.keys(expected));
      for (const name of Object.keys(expected)) {
        const here = floatsOf(expected, name);
        const there = floatsOf(outputs, name);
        expect(there).toHaveLength(here.length);
        here.forEach((value, at) => expect(there[at]).toBeCloseTo(value, 4));
      }
    } finally {
      client.close();
      server.kill();
    }
  });
});

function floatsOf(tensors: NamedTensors, name: string): number[] {
  const bytes = tensors[name]?.bytes ?? new Uint8Array();
  return [...new Float32Array(bytes.slice().buffer)];
}
