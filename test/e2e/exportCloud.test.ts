import {copyFile, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {execFile} from 'node:child_process';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {parse, stringify} from 'yaml';
import type {ExportedCloud} from '../../src/documents/exportedCloud.ts';
import {openProtocolClient} from '../../src/runtime/client.ts';
import {cloudProfile, deviceProfile, readLayers} from './fleetProfiles.ts';
import {ROOT, jsonOf, runEdgewise, startCloud, type Ended} from './runEdgewise.ts';

const run = promisify(execFile);

describe('edgewise export', () => {
  let folder: string;
  const edgewise = (...args: string[]): Promise<Ended> =>
    runEdgewise(args, {cwd: folder, home: folder, environment: {XDG_CACHE_HOME: join(folder, 'cache')}});

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-export-'));
    await mkdir(join(folder, 'profiles'));
    await copyFile(join(ROOT, 'templates/quickstart/pictures.onnx'), join(folder, 'pictures.onnx'));
    await writeFile(
      join(folder, 'edgewise.yaml'),
      stringify({
        kind: 'edgewise/project',
        formatVersion: 1,
        model: {file: 'pictures.onnx', inputs: {image: [1, 3, 32, 32]}},
        devices: [{name: 'pi-1', address: 'pi-1.example'}],
        clouds: [{name: 'cloud', url: 'http://cloud.example:8700'}],
      }),
    );
    const layers = await readLayers(folder);
    await writeFile(join(folder, 'profiles/cloud.yaml'), cloudProfile('cloud', layers));
    const device = deviceProfile('pi-1', layers, {slowness: 40, megabits: 100, seed: 1});
    await writeFile(join(folder, 'profiles/pi-1.yaml'), device);
    const split = await edgewise('plan', '--pin', 'pool1=device', '--pin', 'conv2=cloud');
    expect(split.exitCode, split.stderr).toBe(0);
  });

  afterAll(() => rm(folder, {recursive: true, force: true}));

  it('writes a repository that serves the plan under the name that devices ask for', async () => {
    const ended = await edgewise(
      ...['export', 'triton', 'plans/pi-1.yaml', '--output', 'triton', '--instances', '3', '--json'],
    );
    expect(ended.exitCode, ended.stdout).toBe(0);
    const {models, files} = jsonOf<ExportedCloud>(ended);
    const [model = ''] = models;
    expect(models).toHaveLength(1);
    expect(model).toMatch(/^pictures-[0-9a-f]{12}$/);
    expect(files).toContain(`models/${model}/1/model.onnx`);
    const config = await readFile(join(folder, `triton/models/${model}/config.pbtxt`), 'utf8');
    expect(config).toContain('instance_group [ { count: 3 kind: KIND_CPU } ]');

    // Our own server is asked what the very file takes and gives.
    await mkdir(join(folder, 'serving'));
    await run('cp', ['-r', join(folder, 'triton/models'), join(folder, 'serving/models')]);
    const server = await startCloud({cwd: join(folder, 'serving'), home: folder});
    const client = openProtocolClient(server.url);
    try {
      await client.loadModel(model, {});
      const metadata = await client.readModelMetadata(model);
      const rows = [...config.matchAll(/name: "(.*?)" data_type: TYPE_(\S+) dims: \[ (.*?) \]/g)].map(
        ([, name, type, dims = '']) => ({name, datatype: type, shape: dims.split(', ').map(Number)}),
      );
      expect(rows).toEqual([...metadata.inputs, ...metadata.outputs]);
    } finally {
      client.close();
      await server.stop();
    }
  });

  it("writes KServe's service for that repository", async () => {
    const ended = await edgewise(
      ...['export', 'kserve', 'plans/pi-1.yaml', '--output', 'kserve', '--storage-uri', 's3://models/lobby'],
      ...['--instances', '2', '--threads', '4', '--json'],
    );
    expect(ended.exitCode, ended.stdout).toBe(0);
    const {models, files} = jsonOf<ExportedCloud>(ended);
    expect(files).toContain(`models/${models[0]}/config.pbtxt`);
    const service = parse(await readFile(join(folder, 'kserve/inferenceservice.yaml'), 'utf8')) as unknown;
    expect(service).toMatchObject({
      apiVersion: 'serving.kserve.io/v1beta1',
      kind: 'InferenceService',
      metadata: {name: models[0]},
      spec: {
        predictor: {
          minReplicas: 2,
          maxReplicas: 2,
          model: {
            runtime: 'kserve-tritonserver',
            protocolVersion: 'v2',
            storageUri: 's3://models/lobby',
            resources: {limits: {cpu: '4'}},
          },
        },
      },
    });
  });

  it("writes Ray Serve's application and its config", async () => {
    const ended = await edgewise(
      'export',
      'ray',
      'plans/pi-1.yaml',
      '--output',
      'ray',
      '--threads',
      '2',
      '--json',
    );
    expect(ended.exitCode, ended.stdout).toBe(0);
    const {files} = jsonOf<ExportedCloud>(ended);
    expect(files).toEqual(
      expect.arrayContaining(['app.py', 'config.yaml', 'protocol.py', 'requirements.txt']),
    );
    expect(parse(await readFile(join(folder, 'ray/config.yaml'), 'utf8'))).toMatchObject({
      applications: [{import_path: 'app:build', args: {threads: 2}, deployments: [{name: 'Endpoint'}]}],
    });
  });

  it('refuses a plan that runs nothing in the cloud', async () => {
    await edgewise('plan', 'pi-1', '--pin', '*=device', '--output', 'plans/alone.yaml');
    const {exitCode, stderr} = await edgewise('export', 'triton', 'plans/alone.yaml');
    expect(exitCode).toBe(13);
    expect(stderr).toContain('plans/alone.yaml runs nothing in the cloud');
  });
});
