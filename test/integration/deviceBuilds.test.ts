import {copyFile, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {IMPROVEMENTS} from '../../src/documents/improvements.ts';
import {yamlFromDocument} from '../../src/documents/printDocument.ts';
import type {ModelTimes, Profile} from '../../src/documents/profile.ts';
import {planFromYaml} from '../../src/documents/readDocument.ts';
import {profileLayers} from '../../src/engine/profileLayers.ts';
import {randomFeeds} from '../../src/engine/randomFeeds.ts';
import {graphFromModel} from '../../src/model/graphFromModel.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {timesInModel} from '../../src/model/timesInModel.ts';
import {compile} from '../../src/workflows/compile.ts';
import {openDeviceBuild} from '../../src/workflows/deviceBuilds/openDeviceBuild.ts';
import {withOptimizedModel} from '../../src/workflows/deviceBuilds/withOptimizedModel.ts';
import {openProject, type OpenProject} from '../../src/workflows/openProject.ts';
import {plan} from '../../src/workflows/plan.ts';
import {withPreparedModel, type PreparedModel} from '../../src/workflows/prepareModel.ts';
import {writePictures} from '../../src/workflows/quickstartSamples.ts';
import {withCutSegments} from '../../src/workflows/release/cutSegments.ts';

const MODEL = fileURLToPath(new URL('../../templates/quickstart/pictures.onnx', import.meta.url));
const none = (): void => {};
const INTEGER_KERNELS = /^(QLinear|MatMulInteger|ConvInteger|DynamicQuantize)/;

describe('a device with an int8 build and a cloud with the fp32 one', {timeout: 120_000}, () => {
  let folder: string;
  let build: string;

  const declare = (lines: readonly string[] = []) =>
    writeFile(
      join(folder, 'edgewise.yaml'),
      [
        'kind: edgewise/project',
        'formatVersion: 1',
        'model: {file: pictures.onnx, inputs: {image: [1, 3, 32, 32]}}',
        'devices: [{name: pi-7, address: local, target: x86-vnni}]',
        'clouds: [{name: cloud, url: "http://127.0.0.1:1"}]',
        'calibration: {inputs: {image: evaluation/image.npy}, samples: 40, seed: 3}',
        'evaluation: {inputs: {image: evaluation/image.npy}, labels: evaluation/labels.npy}',
        ...lines,
        '',
      ].join('\n'),
    );
  const opened = <T>(work: (project: OpenProject, prepared: PreparedModel) => Promise<T>): Promise<T> =>
    openProject(folder).then(project =>
      withPreparedModel(project, none, prepared => work(project, prepared)),
    );

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-device-builds-'));
    await mkdir(join(folder, 'profiles'));
    await copyFile(MODEL, join(folder, 'pictures.onnx'));
    await writePictures(folder, 80);
    await declare();
    const [made] = await compile(
      {
        ...{projectPath: folder, target: 'x86-vnni', precision: 'int8', maxDrop: '5 points'},
        ...{
          isPruned: false,
          without: [...IMPROVEMENTS],
          calibrationSamples: 40,
          seed: 0,
          connect: {acceptNewHostKeys: false},
        },
      },
      none,
    );
    expect(made!.build.precision).toBe('int8');
    build = made!.build.artefact.digest;
  });
  afterAll(() => rm(folder, {recursive: true, force: true}));

  it('wherever both know what crosses, the head computes on integers and the tail is the same as ever', () =>
    opened(async (project, prepared) => {
      const {graph} = prepared;
      const opening = await openDeviceBuild(project, prepared, build);
      const {common} = opening.homes;
      opening.close();
      let cuts = 0;
      for (let layers = 1; layers <= graph.layers.length; layers++) {
        const headLayers = new Set(Array.from({length: layers}, (_, index) => index));
        const pieces = {headLayers, cut: [], deviceBuild: null};
        const plain = await withCutSegments(project, prepared, pieces, async made => made);
        if (!plain.headOutputs.every(name => common.has(name))) continue;
        cuts++;
        await withCutSegments(project, prepared, {...pieces, deviceBuild: build}, async made => {
          expect(made.tail).toEqual(plain.tail);
          expect(made.headOutputs).toEqual(plain.headOutputs);
          const operators = graphFromModel(made.head!).layers.map(({operator}) => operator);
          expect(
            operators.some(operator => INTEGER_KERNELS.test(operator)),
            operators.join(),
          ).toBe(true);
        });
      }
      expect(cuts).toBeGreaterThan(2);
    }));

  it('the times of its kernels become times of the model’s layers, and their sum stays', () =>
    opened(async (project, prepared) => {
      const opening = await openDeviceBuild(project, prepared, build);
      try {
        await withOptimizedModel(project, opening.graph.model, async optimized => {
          const path = join(folder, 'optimized.onnx');
          await writeFile(path, bytesFromModel(optimized));
          const feeds = randomFeeds(prepared.inputs, 1);
          const {layers} = await profileLayers(path, feeds, {runs: 3, warmUps: 1, threads: 1});
          const mapped = timesInModel(prepared.graph, graphFromModel(optimized), opening.homes, layers);
          const sum = (rows: readonly {ms: number}[]): number => rows.reduce((total, {ms}) => total + ms, 0);
          expect(sum(mapped)).toBeCloseTo(sum(layers), 9);
          expect(mapped.map(({name}) => name)).toEqual(prepared.graph.layers.map(({name}) => name));
          const heavy = mapped.filter(({operator}) => /Conv|Gemm|MatMul/.test(operator));
          for (const {name, ms} of heavy) expect(ms, name).toBeGreaterThan(0);
          // The kernel that took longest is found again where the model has that work.
          const longest = layers.toSorted((a, b) => b.ms - a.ms)[0]!;
          expect(Math.max(...mapped.map(({ms}) => ms))).toBeGreaterThanOrEqual(longest.ms * 0.999);
        });
      } finally {
        opening.close();
      }
    }));

  it('are composed where that is the best, and the accuracy that counts is that of both together', async () => {
    await writeProfiles({loweredMs: 1});
    const chosen = await planned(['accuracy: {maxDrop: 5 points}'], ['pool1=device', 'conv2=cloud']);
    expect(chosen.precision!.device).toEqual({precision: 'int8', build});
    const {accuracy} = chosen.precision!.candidates.find(({verdict}) => verdict === 'chosen')!;
    expect(accuracy!.samples).toBe(80);
    expect(accuracy!.maxAbsoluteDifference).toBeGreaterThan(0);
    expect(accuracy!.drop!).toBeLessThanOrEqual(0.05);
    // The same placement with fp32 on the device is among the candidates, and slower.
    expect(
      chosen.precision!.candidates.some(({device, verdict}) => device === undefined && verdict === 'slower'),
    ).toBe(true);
  });

  it('are not where fp32 is faster there, where nothing may be lost, or where nobody asked', async () => {
    await writeProfiles({loweredMs: 200});
    expect((await planned(['accuracy: {maxDrop: 5 points}'])).precision?.device).toBeUndefined();
    await writeProfiles({loweredMs: 1});
    expect((await planned([])).precision?.device).toBeUndefined();
    const refused = await planned(
      ['accuracy: {metric: sqnr, minimum: 200}'],
      ['pool1=device', 'conv2=cloud'],
    );
    expect(refused.precision!.device).toBeUndefined();
    expect(refused.precision!.candidates).toContainEqual(
      expect.objectContaining({device: {precision: 'int8', build}, verdict: 'refused'}),
    );
  });

  it('hold their own weights, so that they fit where the fp32 one does not', async () => {
    await writeProfiles({loweredMs: 10});
    const budget = 'accuracy: {maxDrop: 5 points}';
    const pins = ['*=device'];
    const whole = (await planned([], pins)).predicted.deviceWeightBytes;
    const lowered = await planned([budget], pins);
    expect(lowered.precision!.device).toEqual({precision: 'int8', build});
    expect(lowered.predicted.deviceWeightBytes / whole).toBeLessThan(0.35);
    expect(lowered.predicted.deviceWeightBytes / whole).toBeGreaterThan(0.25);

    const memory = `constraints: {memory: {device: ${Math.floor(whole / 1000)}kB}}`;
    const small = await planned([budget, memory], pins);
    expect(small.precision!.device).toEqual({precision: 'int8', build});
    expect(small.predicted.tiers![0]!.memoryBytes!).toBeLessThanOrEqual(whole);
    expect(small.outlook).toBeDefined();
    expect(small.refusals).toContainEqual({reason: 'nothing-feasible', count: 1});
    await expect(planned([memory], pins)).rejects.toMatchObject({code: 'nothing-feasible', exitCode: 13});
  });

  async function planned(lines: readonly string[], pins: readonly string[] = []) {
    await declare(lines);
    const {plans} = await plan(
      {
        projectPath: folder,
        devices: [],
        goals: {
          constraints: {
            pins: pins.map(pin => {
              const [layers = '', tier = ''] = pin.split('=');
              return {layers, tier: tier as 'device' | 'cloud'};
            }),
          },
        },
      },
      none,
    );
    return planFromYaml(await readFile(plans[0]!.file, 'utf8'), 'plan.yaml');
  }

  /** A device on which a layer takes 100 ms in fp32. */
  async function writeProfiles({loweredMs}: {loweredMs: number}): Promise<void> {
    await opened(async (project, {digest, modelDigest, graph}) => {
      const ms = (medianMs: number) => ({medianMs, spreadMs: 0, runs: 5, obtained: 'measured'}) as const;
      const times = (layerMs: number): ModelTimes => ({
        build: digest,
        threads: 1,
        wholeRun: ms(layerMs * graph.layers.length),
        layers: graph.layers.map(({name, operator}) => ({name, operator, ms: layerMs})),
        requestOverhead: ms(0.1),
        sessionOverhead: ms(0.1),
      });
      const profile = (name: string, tier: 'device' | 'cloud', models: ModelTimes[]): Profile => ({
        kind: 'edgewise/profile',
        formatVersion: 1,
        madeBy: 'edgewise 0.1.0',
        madeAt: '2026-11-29T12:00:00.000Z',
        madeFrom: {model: modelDigest, build: digest},
        machine: {name, tier, address: 'local'},
        runtime: {onnxruntime: '1.30.0', node: '24.0.0'},
        models,
        links:
          tier === 'cloud'
            ? []
            : [
                {
                  ...{
                    to: 'cloud',
                    fixedMs: 1,
                    roundTripMs: 1,
                    upBytesPerSecond: 1e5,
                    downBytesPerSecond: 1e5,
                  },
                  ...{residualMs: 0, samples: 5, obtained: 'measured'},
                },
              ],
      });
      const lowered = {...times(loweredMs), build, lowered: {of: digest, precision: 'int8'}} as const;
      const written = [
        profile('pi-7', 'device', [times(100), lowered]),
        profile('cloud', 'cloud', [times(0.1)]),
      ];
      for (const each of written)
        await writeFile(project.profileFile(each.machine.name), yamlFromDocument('profile', each));
    });
  }
});
