import {execFile} from 'node:child_process';
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {ElementType} from '../../src/documents/elementTypes.ts';
import {startServer, type Server} from '../../src/runtime/server/startServer.ts';
import {arithmeticModel, identityModel} from '../integration/smallModels.ts';

const run = promisify(execFile);
const python = process.env['EDGEWISE_PYTHON'];

async function hasTritonClient(): Promise<boolean> {
  if (python === undefined) return false;
  return run(python, ['-c', 'import tritonclient.http']).then(
    () => true,
    () => false,
  );
}

const isPossible = await hasTritonClient();
if (!isPossible) {
  console.warn(
    'triton: skipped; EDGEWISE_PYTHON names a Python that has test/interoperability/requirements.txt',
  );
}

const EVERY: Record<string, ElementType> = {
  f32: 'float32',
  f64: 'float64',
  i8: 'int8',
  u8: 'uint8',
  i16: 'int16',
  u16: 'uint16',
  i32: 'int32',
  u32: 'uint32',
  i64: 'int64',
  u64: 'uint64',
  yes: 'bool',
  text: 'string',
};

interface Refusal {
  readonly status: string | null;
  readonly message: string;
}

describe.skipIf(!isPossible)("NVIDIA's client of the protocol", () => {
  let folder: string;
  let server: Server;
  let result: Record<string, unknown>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-triton-'));
    const modelRepository = join(folder, 'models');
    const inputs = Object.entries(EVERY).map(([name, elementType]) => ({name, elementType, dims: [2]}));
    const models = {
      double: arithmeticModel('Mul', 2),
      every: identityModel([...inputs, {name: 'f16', elementType: 'float16', dims: [2]}]),
      every_json: identityModel(inputs),
    };
    for (const [name, bytes] of Object.entries(models)) {
      await mkdir(join(modelRepository, name, '1'), {recursive: true});
      await writeFile(join(modelRepository, name, '1/model.onnx'), bytes);
    }
    server = await startServer({
      host: '127.0.0.1',
      port: 0,
      modelRepository,
      allowModelControl: true,
      threads: 1,
    });
    const upload = join(folder, 'upload.onnx');
    await writeFile(upload, arithmeticModel('Add', 10));
    const argv = [join(import.meta.dirname, 'triton_client.py'), `127.0.0.1:${server.port}`, upload];
    const {stdout} = await run(python!, argv);
    result = JSON.parse(stdout) as Record<string, unknown>;
  });
  afterAll(async () => {
    await server.close();
    await rm(folder, {recursive: true, force: true});
  });

  it('finds the server and its models', () => {
    expect(result).toMatchObject({live: true, ready: true, model_ready: true, no_model_ready: false});
    expect(result['server']).toMatchObject({name: 'edgewise'});
    expect(result['metadata']).toMatchObject({inputs: [{name: 'x', datatype: 'FP32', shape: [1, 4]}]});
    expect((result['index'] as {name: string}[]).map(({name}) => name)).toEqual([
      'double',
      'every',
      'every_json',
    ]);
  });

  it('gets the same answer as binary data and as JSON, with its request id', () => {
    const y = [[0, 2, 4, 6]];
    expect(result['double_binary']).toEqual({y, id: 'r-1', is_binary: true});
    expect(result['double_json']).toEqual({y, id: 'r-1', is_binary: false});
    expect(result['default_outputs']).toEqual(y);
  });

  it('gets every element type back unchanged, both ways', () => {
    expect(result['every_binary']).toEqual([]);
    expect(result['every_json']).toEqual([]);
  });

  it('uploads, unloads and loads models', () => {
    expect(result['uploaded']).toEqual([[10, 11, 12, 13]]);
    expect(result).toMatchObject({uploaded_ready: true, unloaded_ready: false, reloaded_ready: true});
  });

  it.each([
    ['unknown model', '404', "'nothing' is not found"],
    ['wrong shape', '400', 'the model expects [1,4]'],
    ['wrong input', '400', 'no input "z"'],
    ['unknown output', '400', "no output 'z'"],
    ['broken upload', '400', "failed to load 'broken'"],
    ['escaping upload', '400', 'is not a path like <version>/model.onnx'],
  ])('is told about: %s', (name, status, part) => {
    const refusal = (result['errors'] as Record<string, Refusal>)[name]!;
    expect(refusal.status).toBe(status);
    expect(refusal.message).toContain(part);
  });
});
