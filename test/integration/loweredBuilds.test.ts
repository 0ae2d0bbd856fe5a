import {copyFile, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {IMPROVEMENTS} from '../../src/documents/improvements.ts';
import type {Plan} from '../../src/documents/plan.ts';
import type {ParetoGoals} from '../../src/documents/planPareto.ts';
import {yamlFromDocument} from '../../src/documents/printDocument.ts';
import type {ModelTimes, Profile} from '../../src/documents/profile.ts';
import {planFromYaml} from '../../src/documents/readDocument.ts';
import {profileLayers} from '../../src/engine/profileLayers.ts';
import {randomFeeds} from '../../src/engine/randomFeeds.ts';
import {graphFromModel} from '../../src/model/graphFromModel.ts';
import type {OnnxModel} from '../../src/model/onnx/messages.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {timesInModel} from '../../src/model/timesInModel.ts';
import {floatsOf} from '../../src/quantize/accuracy/floatsOf.ts';
import {compile} from '../../src/workflows/compile.ts';
import {openLoweredBuild} from '../../src/workflows/loweredBuilds/openLoweredBuild.ts';
import {withOptimizedModel} from '../../src/workflows/loweredBuilds/withOptimizedModel.ts';
import {openProject, type OpenProject} from '../../src/workflows/openProject.ts';
import {plan} from '../../src/workflows/plan.ts';
import {openComposed} from '../../src/workflows/precision/openComposed.ts';
import {withPreparedModel, type PreparedModel} from '../../src/workflows/prepareModel.ts';
import {writePictures} from '../../src/workflows/quickstartSamples.ts';
import {withCutSegments} from '../../src/workflows/release/cutSegments.ts';

const MODEL = fileURLToPath(new URL('../../templates/quickstart/pictures.onnx', import.meta.url));
const none = (): void => {};
interface Behind {
  readonly lines: readonly string[];
  /** Keys of the device. */
  readonly device?: string;
  /** Keys of the cloud. */
  readonly cloud?: string;
}
const GATEWAY: Behind = {
  lines: ['gateways: [{name: hall, address: local, url: "http://127.0.0.1:2"}]'],
  device: ', gateway: hall',
};
const INTEGER_KERNELS = /^(QLinear|QGemm|MatMulInteger|ConvInteger|DynamicQuantize)/;

describe('tiers with int8 builds beside others with the fp32 one', {timeout: 120_000}, () => {
  let folder: string;
  let build: string;

  const declare = (lines: readonly string[] = [], {device = '', cloud = ''}: Partial<Behind> = {}) =>
    writeFile(
      join(folder, 'edgewise.yaml'),
      [
        'kind: edgewise/project',
        'formatVersion: 1',
        'model: {file: pictures.onnx, inputs: {image: [1, 3, 32, 32]}}',
        `devices: [{name: pi-7, address: local, target: x86-vnni${device}}]`,
        `clouds: [{name: cloud, url: "http://127.0.0.1:1"${cloud}}]`,
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
      const opening = await openLoweredBuild(project, prepared, build);
      const {common} = opening.homes;
      opening.close();
      let cuts = 0;
      for (let layers = 1; layers <= graph.layers.length; layers++) {
        const headLayers = new Set(Array.from({length: layers}, (_, index) => index));
        const pieces = {headLayers, cut: [], builds: {}};
        const plain = await withCutSegments(project, prepared, pieces, async made => made);
        if (!plain.headOutputs.every(name => common.has(name))) continue;
        cuts++;
        await withCutSegments(
          project,
          prepared,
          {...pieces, builds: {device: {precision: 'int8', build}}},
          async made => {
            expect(made.tail).toEqual(plain.tail);
            expect(made.headOutputs).toEqual(plain.headOutputs);
            const operators = graphFromModel(made.head!).layers.map(({operator}) => operator);
            expect(
              operators.some(operator => INTEGER_KERNELS.test(operator)),
              operators.join(),
            ).toBe(true);
          },
        );
      }
      expect(cuts).toBeGreaterThan(2);
    }));

  it('the same holds of a tail, whatever the head is; the device alone goes on in fp32', () =>
    opened(async (project, prepared) => {
      const {graph} = prepared;
      const opening = await openLoweredBuild(project, prepared, build);
      const {common} = opening.homes;
      opening.close();
      const cloud = {precision: 'int8', build} as const;
      let cuts = 0;
      for (let layers = 0; layers < graph.layers.length; layers++) {
        const headLayers = new Set(Array.from({length: layers}, (_, index) => index));
        const plain = await withCutSegments(
          project,
          prepared,
          {headLayers, cut: [], builds: {}},
          async made => made,
        );
        if (!plain.boundary.every(name => common.has(name))) continue;
        cuts++;
        await withCutSegments(project, prepared, {headLayers, cut: [], builds: {cloud}}, async made => {
          expect(made.head).toEqual(plain.head);
          expect(made.rest).toEqual(plain.tail);
          const {layers: kernels, inputs, outputs} = graphFromModel(made.tail!);
          expect([inputs, outputs]).toEqual([plain.tailInputs, plain.tailOutputs]);
          const operators = kernels.map(({operator}) => operator);
          const isHeavy = graphFromModel(plain.tail!).layers.some(({operator}) => /Conv|Gemm/.test(operator));
          if (isHeavy)
            expect(
              operators.some(operator => INTEGER_KERNELS.test(operator)),
              operators.join(),
            ).toBe(true);
        });
      }
      expect(cuts).toBeGreaterThan(2);
    }));

  it('parts of one build in a row answer as the whole build does, wherever it is cut', () =>
    opened(async (project, prepared) => {
      const {layers, outputs} = prepared.graph;
      const int8 = {precision: 'int8', build} as const;
      const builds = {device: int8, gateway: int8, cloud: int8};
      const feeds = randomFeeds(prepared.inputs, 4);
      const answerOf = async (tierAt: (index: number) => Plan['layers'][number]['tier']) => {
        const placed = layers.map(({name}, index) => ({name, tier: tierAt(index)})) as Plan['layers'];
        return project.withTemporaryFolder(async own => {
          const composed = await openComposed(project, prepared, {layers: placed, cut: [], builds}, own, 1);
          const answer = await composed.run(feeds).finally(() => composed.close());
          return floatsOf(answer[outputs[0]!]!);
        });
      };
      const whole = await answerOf(() => 'cloud');
      const opening = await openLoweredBuild(project, prepared, build);
      const {common} = opening.homes;
      opening.close();
      const cuts = layers.slice(0, -1).filter(layer => layer.outputs.every(name => common.has(name)));
      expect(cuts.length).toBeGreaterThan(2);
      for (const {index, name} of cuts) {
        const answer = await answerOf(at => (at <= index ? 'device' : 'cloud'));
        answer.forEach((value, at) => expect(value, name).toBeCloseTo(whole[at]!, 6));
      }
      const three = await answerOf(at =>
        at <= cuts[0]!.index ? 'device' : at <= cuts[1]!.index ? 'gateway' : 'cloud',
      );
      three.forEach((value, at) => expect(value).toBeCloseTo(whole[at]!, 6));
    }));

  it('what travels rounded is called alike for the cloud and for the device alone', () =>
    opened(async (project, prepared) => {
      const headLayers = new Set([0]);
      const pieces = {headLayers, cut: [], builds: {cloud: {precision: 'int8', build} as const}};
      const [crossing = ''] = (await withCutSegments(project, prepared, pieces, async made => made)).boundary;
      const row = {
        ...{tensor: crossing, direction: 'up', bytes: 1},
        precision: 'fp16',
      } as Plan['cut'][number];
      await withCutSegments(project, prepared, {...pieces, cut: [row]}, async made => {
        const inputsOf = (model: OnnxModel | null) => graphFromModel(model!).inputs;
        expect(inputsOf(made.tail)).toEqual(made.tailInputs);
        expect(inputsOf(made.rest)).toEqual(made.tailInputs);
        expect(made.headOutputs).toContain(made.tailInputs[0]);
      });
    }));

  it('the times of its kernels become times of the model’s layers, and their sum stays', () =>
    opened(async (project, prepared) => {
      const opening = await openLoweredBuild(project, prepared, build);
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

  it('the cloud’s is chosen together with the cut, alone or beside the device’s', async () => {
    const budget = ['accuracy: {maxDrop: 5 points}'];
    const int8 = {precision: 'int8', build};
    const pins = ['pool1=device', 'conv2=cloud'];
    await writeProfiles({loweredMs: 200, cloud: {ms: 50, loweredMs: 1}});
    const alone = await planned(budget, pins);
    expect(alone.precision).toMatchObject({cloud: int8});
    expect(alone.precision!.device).toBeUndefined();
    const {accuracy} = alone.precision!.candidates.find(({verdict}) => verdict === 'chosen')!;
    expect(accuracy!.samples).toBe(80);
    expect(accuracy!.maxAbsoluteDifference).toBeGreaterThan(0);

    await writeProfiles({loweredMs: 1, cloud: {ms: 50, loweredMs: 1}});
    expect((await planned(budget, pins)).precision).toMatchObject({device: int8, cloud: int8});
    // Without a pin everything moves to where it is fast now.
    await writeProfiles({loweredMs: 200, cloud: {ms: 150, loweredMs: 1}});
    expect((await planned([])).layers.every(({tier}) => tier === 'device')).toBe(true);
    const moved = await planned(budget);
    expect(moved.layers.every(({tier}) => tier === 'cloud')).toBe(true);
    expect(moved.precision).toMatchObject({cloud: int8});

    const strict = await planned(['accuracy: {metric: sqnr, minimum: 200}'], pins);
    expect(strict.precision!.cloud).toBeUndefined();
    expect(strict.precision!.candidates).toContainEqual(
      expect.objectContaining({cloud: int8, verdict: 'refused'}),
    );
  });

  it('a gateway’s as well: the accuracy that counts is that of all parts in a row', async () => {
    const budget = ['accuracy: {maxDrop: 5 points}'];
    const int8 = {precision: 'int8', build};
    const pins = ['pool1=device', 'conv2=gateway', 'dense2=cloud'];
    await writeProfiles({loweredMs: 200, cloud: {ms: 1, loweredMs: 2}, gateway: {ms: 50, loweredMs: 1}});
    const chosen = await planned(budget, pins, GATEWAY);
    expect(chosen.precision).toMatchObject({gateway: int8});
    expect(chosen.precision!.device ?? chosen.precision!.cloud).toBeUndefined();
    const {accuracy} = chosen.precision!.candidates.find(({verdict}) => verdict === 'chosen')!;
    expect(accuracy!.samples).toBe(80);
    expect(accuracy!.maxAbsoluteDifference).toBeGreaterThan(0);
    expect(chosen.outlook).toBeDefined();
    // The gateway's own weights are what is held there.
    const fp32 = await planned([], pins, GATEWAY);
    const held = (plan: Plan) => plan.predicted.tiers!.find(({tier}) => tier === 'gateway')!.weightBytes;
    expect(held(chosen) / held(fp32)).toBeLessThan(0.4);
  });

  it('with another goal than latency, those with which that is the least', async () => {
    const int8 = {precision: 'int8', build};
    const pins = ['pool1=device', 'conv2=cloud'];
    const behind: Behind = {
      lines: [],
      device: ', power: {compute: "4 W", radio: "50 nJ/byte"}',
      cloud: ', pricePerHour: "0.40 USD"',
    };
    const budget = 'accuracy: {maxDrop: 5 points}';
    const plannedFor = (goal: string, on = pins) => planned([budget, `objective: ${goal}`], on, behind);
    const fp32 = (goal: string, on = pins) => planned([`objective: ${goal}`], on, behind);
    await writeProfiles({loweredMs: 1, cloud: {ms: 50, loweredMs: 20}});

    // The device's energy is of its own layers, the cloud's price of the cloud's.
    const frugal = await plannedFor('energy');
    expect(frugal.precision).toMatchObject({device: int8});
    expect(frugal.precision!.cloud).toBeUndefined();
    expect(frugal.predicted.energyMillijoules!).toBeLessThan(
      (await fp32('energy')).predicted.energyMillijoules! / 10,
    );
    expect(frugal.precision!.candidates).toContainEqual(
      expect.objectContaining({device: int8, cloud: int8, verdict: 'slower', reason: 'as good'}),
    );
    const cheap = await plannedFor('money');
    expect(cheap.precision).toMatchObject({cloud: int8});
    expect(cheap.precision!.device).toBeUndefined();
    expect(cheap.predicted.money!.amount / (await fp32('money')).predicted.money!.amount).toBeCloseTo(0.4, 2);
    const busy = await plannedFor('throughput', ['*=device']);
    expect(busy.precision).toMatchObject({device: int8});
    expect(busy.predicted.bottleneckMs!).toBeLessThan(
      (await fp32('throughput', ['*=device'])).predicted.bottleneckMs! / 10,
    );
    for (const {precision} of [frugal, cheap, busy])
      expect(precision!.candidates.find(({verdict}) => verdict === 'chosen')!.accuracy!.samples).toBe(80);
  });

  it('a front of two goals is that of the plan’s own builds', async () => {
    await writeProfiles({loweredMs: 1, cloud: {ms: 50, loweredMs: 20}});
    const behind: Behind = {lines: [], device: ', power: {compute: "4 W", radio: "50 nJ/byte"}'};
    const budget = ['accuracy: {maxDrop: 5 points}', 'objective: energy'];
    const {pareto, predicted} = await planned(budget, ['pool1=device', 'conv2=cloud'], behind, [
      'latency',
      'energy',
    ]);
    const chosen = pareto!.points.find(({isChosen}) => isChosen)!;
    expect(chosen.predicted.energyMillijoules).toBe(predicted.energyMillijoules);
    expect(chosen.predicted.latencyMs).toBe(predicted.latencyMs);
  });

  async function planned(
    lines: readonly string[],
    pins: readonly string[] = [],
    behind?: Behind,
    pareto?: ParetoGoals,
  ) {
    await declare([...lines, ...(behind?.lines ?? [])], behind);
    const {plans} = await plan(
      {
        projectPath: folder,
        devices: [],
        goals: {
          ...(pareto === undefined ? {} : {pareto}),
          constraints: {
            pins: pins.map(pin => {
              const [layers = '', tier = ''] = pin.split('=');
              return {layers, tier: tier as Plan['layers'][number]['tier']};
            }),
          },
        },
      },
      none,
    );
    return planFromYaml(await readFile(plans[0]!.file, 'utf8'), 'plan.yaml');
  }

  /** A device on which a layer takes 100 ms in fp32; others as told, which have no int8 build where nothing is said of it. */
  async function writeProfiles({
    loweredMs,
    cloud = {ms: 0.1},
    gateway = {ms: 0.1},
  }: {
    loweredMs: number;
    cloud?: {ms: number; loweredMs?: number};
    gateway?: {ms: number; loweredMs?: number};
  }): Promise<void> {
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
      const profile = (
        name: string,
        tier: Profile['machine']['tier'],
        models: ModelTimes[],
        to: readonly string[],
      ): Profile => ({
        kind: 'edgewise/profile',
        formatVersion: 1,
        madeBy: 'edgewise 0.1.0',
        madeAt: '2026-11-29T12:00:00.000Z',
        madeFrom: {model: modelDigest, build: digest},
        machine: {name, tier, address: 'local'},
        runtime: {onnxruntime: '1.30.0', node: '24.0.0'},
        models,
        links: to.map(name => ({
          ...{to: name, fixedMs: 1, roundTripMs: 1, upBytesPerSecond: 1e5, downBytesPerSecond: 1e5},
          ...{residualMs: 0, samples: 5, obtained: 'measured'},
        })),
      });
      const both = (layerMs: number, ofLowered?: number): ModelTimes[] => [
        times(layerMs),
        ...(ofLowered === undefined
          ? []
          : [{...times(ofLowered), build, lowered: {of: digest, precision: 'int8'} as const}]),
      ];
      const written = [
        profile('pi-7', 'device', both(100, loweredMs), ['hall', 'cloud']),
        profile('hall', 'gateway', both(gateway.ms, gateway.loweredMs), ['cloud']),
        profile('cloud', 'cloud', both(cloud.ms, cloud.loweredMs), []),
      ];
      for (const each of written)
        await writeFile(project.profileFile(each.machine.name), yamlFromDocument('profile', each));
    });
  }
});
