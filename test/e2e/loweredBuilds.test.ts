import {execFile} from 'node:child_process';
import {copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {parse, stringify} from 'yaml';
import type {Build} from '../../src/documents/build.ts';
import type {Explanation} from '../../src/documents/explanation.ts';
import type {ExportedCloud} from '../../src/documents/exportedCloud.ts';
import type {InferResult} from '../../src/documents/inference.ts';
import type {Plan} from '../../src/documents/plan.ts';
import {yamlFromDocument} from '../../src/documents/printDocument.ts';
import type {Profile} from '../../src/documents/profile.ts';
import {planFromYaml, profileFromYaml} from '../../src/documents/readDocument.ts';
import type {NamedTensors} from '../../src/documents/tensor.ts';
import {openSession} from '../../src/engine/session.ts';
import {graphFromModel} from '../../src/model/graphFromModel.ts';
import {floatsOf} from '../../src/quantize/accuracy/floatsOf.ts';
import {openModel} from '../../src/workflows/openModel.ts';
import {writePictures} from '../../src/workflows/quickstartSamples.ts';
import {readNpy, writeNpy} from '../../src/workspace/npy.ts';
import {jsonOf, ROOT, runEdgewise, type Ended} from './runEdgewise.ts';

const python = process.env['EDGEWISE_PYTHON'];
const TARGET = 'x86-vnni';
const BUDGET = ['--max-drop', '5 points'];
/** Equalised activations are other values than those that fp32 layers go on from. */
const COMPILE = ['--precision', 'int8', ...BUDGET, '--without', 'equalization', '--samples', '40'];
const RUN_IN_PYTHON = `
import sys, numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1])
rows = numpy.load(sys.argv[2])
name = session.get_inputs()[0].name
print([float(value) for row in rows for value in session.run(None, {name: row[None]})[0].ravel()])
`;

interface LayerTimes {
  readonly fp32: number;
  readonly int8: number;
}

const ALIKE = {fixedMs: 2, upBytesPerSecond: 2e7, downBytesPerSecond: 2e7};

describe('int8 builds in the cloud and on a gateway of the lab', {timeout: 300_000}, () => {
  let folder: string;
  let build: string;
  const project = () => join(folder, 'project');
  const labDevice = (name: string) => join(project(), '.edgewise/lab/devices', name, '.edgewise');
  const edgewise = (...args: string[]): Promise<Ended> =>
    runEdgewise(args, {cwd: project(), home: join(folder, 'home'), timeoutMs: 240_000});
  const succeed = async (...args: string[]): Promise<Ended> => {
    const ended = await edgewise(...args);
    expect(ended.exitCode, `${args.join(' ')}\n${ended.stdout}\n${ended.stderr}`).toBe(0);
    return ended;
  };
  const changeProject = async (change: (document: Record<string, unknown>) => void): Promise<void> => {
    const file = join(project(), 'edgewise.yaml');
    const document = parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    change(document);
    await writeFile(file, stringify(document));
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-lowered-'));
    for (const part of ['home', 'project']) await mkdir(join(folder, part));
    await copyFile(join(ROOT, 'templates/quickstart/pictures.onnx'), join(project(), 'pictures.onnx'));
    await writePictures(project(), 80);
    await succeed(
      ...['lab', 'up', '--device', 'pi-1', '--gateways', '1', '--direct', '--slowdown', '1'],
      ...['--gateway-slowdown', '1', '--gateway-mbit', '200', '--link-mbit', '200'],
      ...['--model', 'pictures.onnx', '--shape', 'image=1,3,32,32'],
    );
    await changeProject(document => {
      Object.assign(document, {
        calibration: {inputs: {image: 'evaluation/image.npy'}, samples: 40, seed: 3},
        evaluation: {inputs: {image: 'evaluation/image.npy'}, labels: 'evaluation/labels.npy'},
        accuracy: {maxDrop: '5 points'},
        rollout: {gates: {minSamples: 5, p95ToPrediction: 1000, p95ToPrevious: 1000}},
      });
    });
    const {bytes} = await readNpy(join(project(), 'evaluation/image.npy'));
    const size = 4 * 3 * 32 * 32;
    const few = {elementType: 'float32', shape: [5, 3, 32, 32], bytes: bytes.slice(0, 5 * size)} as const;
    await writeNpy(join(project(), 'image.npy'), few);
  }, 120_000);

  afterAll(async () => {
    await edgewise('lab', 'down');
    await rm(folder, {recursive: true, force: true});
  });

  it('compiles for a cloud once that says what it is, and for a gateway by its name', async () => {
    const refused = await edgewise('compile', '--device', 'cloud', ...COMPILE, '--json');
    expect(refused.exitCode).toBe(2);
    expect(jsonOf<{error: {code: string}}>(refused).error.code).toBe('target-missing');
    await changeProject(document => {
      for (const key of ['gateways', 'clouds'])
        for (const machine of document[key] as Record<string, unknown>[]) machine['target'] = TARGET;
    });
    const made: Build[] = [];
    for (const name of ['cloud', 'gateway-1']) {
      const compiled = await succeed(
        ...['compile', '--device', name, ...COMPILE, '--accept-new-host-keys', '--json'],
      );
      made.push(...jsonOf<{builds: {build: Build}[]}>(compiled).builds.map(each => each.build));
    }
    expect(made.map(each => [each.target, each.precision])).toEqual([
      [TARGET, 'int8'],
      [TARGET, 'int8'],
    ]);
    expect(made[1]!.latency!.machine).toBe('gateway-1');
    build = made[1]!.artefact.digest;
  });

  it('profiles both of them with the int8 build, as times of the model’s own layers', async () => {
    await succeed(
      ...['profile', 'pi-1', '--accept-new-host-keys'],
      ...['--runs', '3', '--sustained-seconds', '0', '--link-seconds', '1'],
    );
    for (const name of ['gateway-1', 'cloud']) {
      const {models} = await readProfile(name);
      expect(models.map(({lowered}) => lowered?.precision ?? 'fp32')).toEqual(['fp32', 'int8']);
      expect(models[1]!.build).toBe(build);
      expect(models[1]!.layers.map(layer => layer.name)).toEqual(models[0]!.layers.map(layer => layer.name));
      expect(models[1]!.layers.reduce((sum, {ms}) => sum + ms, 0)).toBeGreaterThan(0);
    }
  });

  it('the cloud answers from its int8 build, and the plan, explain and the page say so', async () => {
    await dealOut({cloud: {fp32: 50, int8: 0.01}});
    const plan = await planned();
    expect(plan.precision!.cloud).toEqual({precision: 'int8', build});
    expect(plan.precision!.device ?? plan.precision!.gateway).toBeUndefined();
    expect(new Set(plan.layers.map(({tier}) => tier))).toEqual(new Set(['cloud']));
    const {accuracy} = plan.precision!.candidates.find(({verdict}) => verdict === 'chosen')!;
    expect(accuracy!.samples).toBe(80);

    const shown = (await succeed('plan', 'pi-1')).stdout;
    expect(shown).toContain('int8 in the cloud');
    const explained = await succeed('explain', 'plans/pi-1.yaml', '--html', 'page.html');
    expect(explained.stdout).toContain('Layers of lower precision: int8 in the cloud.');
    expect(await readFile(join(project(), 'page.html'), 'utf8')).toContain('int8 in the cloud');
    const {builds} = jsonOf<Explanation>(await succeed('explain', 'plans/pi-1.yaml', '--json'));
    expect(builds).toEqual({cloud: {precision: 'int8', build}});

    const {cloudModel} = await push();
    const written = await succeed('export', 'triton', 'plans/pi-1.yaml', '--output', 'engine', '--json');
    expect(jsonOf<ExportedCloud>(written).models).toEqual([cloudModel]);
    const file = join(project(), 'engine/models', cloudModel!, '1/model.onnx');
    await expectServedBy(file);
    if (python !== undefined) {
      const {stdout} = await promisify(execFile)(python, [
        ...['-c', RUN_IN_PYTHON, file, join(project(), 'image.npy')],
      ]);
      expectAlike(await answers(), JSON.parse(stdout) as number[]);
    }
  });

  it('a cut before it hands over whole tensors, and the device goes on alone in fp32', async () => {
    const plan = await planned('--pin', 'conv1=device');
    expect(plan.precision!.cloud).toEqual({precision: 'int8', build});
    const {cloudModel} = await push();
    const measured = await inferred();
    expect(measured.aloneRequests).toBe(0);
    const served = await answers();
    await succeed('export', 'triton', 'plans/pi-1.yaml', '--output', 'tail', '--json');
    const tail = join(project(), 'tail/models', cloudModel!, '1/model.onnx');
    const onDevice = (file: string) => join(labDevice('pi-1'), 'current', file);
    expect(operatorsOf(onDevice('head.onnx'))).not.toContain('QLinearConv');
    expect(operatorsOf(tail)).toContain('QLinearConv');
    expect(operatorsOf(onDevice('rest.onnx'))).not.toContain('QLinearConv');
    expectAlike(served, await answersOf(onDevice('head.onnx'), tail));
    const fp32 = await answersOf(join(project(), 'pictures.onnx'));
    expectAlike(fp32, await answersOf(onDevice('head.onnx'), onDevice('rest.onnx')));
    expect(largestDifference(served, fp32)).toBeGreaterThan(1e-4);
  });

  it('a gateway answers from its own, where that is the best', async () => {
    await dealOut({gateway: {fp32: 50, int8: 0.01}});
    const plan = await planned();
    expect(plan.precision!.gateway).toEqual({precision: 'int8', build});
    expect(plan.precision!.device ?? plan.precision!.cloud).toBeUndefined();
    expect(new Set(plan.layers.map(({tier}) => tier))).toEqual(new Set(['gateway']));
    await push();
    expect((await inferred()).aloneRequests).toBe(0);
    const parts = join(labDevice('gateway-1'), 'gateway/parts');
    const own = await readdir(parts);
    const files = await Promise.all(own.map(name => readdir(join(parts, name))));
    const segment = files.findIndex(names => names.includes('segment-1.onnx'));
    await expectServedBy(join(parts, own[segment]!, 'segment-1.onnx'));
  });

  async function readProfile(name: string): Promise<Profile> {
    const file = join(project(), `profiles/${name}.yaml`);
    return profileFromYaml(await readFile(file, 'utf8'), file);
  }

  /**
   * The profiles with other times: so long takes each layer, 100 ms where nothing is said. All links are alike, so that a way
   * by the gateway never is the shorter one to the cloud.
   */
  async function dealOut(times: {readonly [machine: string]: LayerTimes}): Promise<void> {
    for (const [name, machine] of [
      ['pi-1', 'device'],
      ['gateway-1', 'gateway'],
      ['cloud', 'cloud'],
    ] as const) {
      const profile = await readProfile(name);
      const {fp32, int8} = times[machine] ?? {fp32: 100, int8: 200};
      const models = profile.models.map(model => {
        const ms = model.lowered === undefined ? fp32 : int8;
        return {...model, layers: model.layers.map(layer => ({...layer, ms}))};
      });
      const links = profile.links.map(link => ({...link, ...ALIKE}));
      const text = yamlFromDocument('profile', {...profile, models, links});
      await writeFile(join(project(), `profiles/${name}.yaml`), text);
    }
  }

  async function planned(...flags: string[]): Promise<Plan> {
    await succeed('plan', 'pi-1', ...flags);
    const file = join(project(), 'plans/pi-1.yaml');
    return planFromYaml(await readFile(file, 'utf8'), file);
  }

  async function push(): Promise<{readonly outcome: string; readonly cloudModel: string | null}> {
    const pushed = jsonOf<{outcome: string; cloudModel: string | null}>(
      await succeed('push', 'plans/pi-1.yaml', '--json'),
    );
    expect(pushed.outcome).toBe('activated');
    return pushed;
  }

  async function inferred(): Promise<InferResult['measured']> {
    const flags = ['--input', 'image.npy', '--output', 'answers', '--json'];
    return jsonOf<InferResult>(await succeed('infer', 'pi-1', ...flags)).measured;
  }

  async function answers(): Promise<number[]> {
    return [...floatsOf(await readNpy(join(project(), 'answers/probabilities.npy')))];
  }

  /** Of the first five pictures, by models that go on from one another. */
  async function answersOf(...models: string[]): Promise<number[]> {
    const sessions = await Promise.all(
      models.map(path => openSession({path}, {optimization: 'disabled', threads: 1})),
    );
    const {bytes} = await readNpy(join(project(), 'image.npy'));
    const size = bytes.byteLength / 5;
    const given: number[] = [];
    for (let row = 0; row < 5; row++) {
      const image = {
        elementType: 'float32',
        shape: [1, 3, 32, 32],
        bytes: bytes.slice(row * size, (row + 1) * size),
      } as const;
      let tensors: NamedTensors = {image};
      for (const session of sessions) tensors = (await session.run(tensors)).outputs;
      given.push(...floatsOf(tensors['probabilities']!));
    }
    for (const session of sessions) await session.close();
    return given;
  }

  /** What the device's endpoint answers is what that very file does, and not what the fp32 model does. */
  async function expectServedBy(model: string): Promise<void> {
    await inferred();
    const served = await answers();
    expect(operatorsOf(model)).toContain('QLinearConv');
    expectAlike(served, await answersOf(model));
    expect(largestDifference(served, await answersOf(join(project(), 'pictures.onnx')))).toBeGreaterThan(
      1e-4,
    );
  }
});

function operatorsOf(model: string): string[] {
  const opened = openModel(model);
  const operators = graphFromModel(opened.model).layers.map(({operator}) => operator);
  opened.close();
  return operators;
}

function largestDifference(left: readonly number[], right: readonly number[]): number {
  expect(left).toHaveLength(right.length);
  return Math.max(...left.map((value, at) => Math.abs(value - right[at]!)));
}

function expectAlike(left: readonly number[], right: readonly number[]): void {
  expect(largestDifference(left, right)).toBeLessThan(1e-5);
}
