import {copyFile, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {zstdCompressSync} from 'node:zlib';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {yamlFromDocument} from '../../src/documents/printDocument.ts';
import type {Profile} from '../../src/documents/profile.ts';
import {planFromYaml} from '../../src/documents/readDocument.ts';
import {writeNpy} from '../../src/workspace/npy.ts';
import {openProject} from '../../src/workflows/openProject.ts';
import {plan} from '../../src/workflows/plan.ts';
import {withPreparedModel} from '../../src/workflows/prepareModel.ts';

const MODEL = fileURLToPath(new URL('../../templates/quickstart/pictures.onnx', import.meta.url));
const DATA = 'evaluation: {random: {samples: 8, seed: 1}}';
const CALIBRATION = 'calibration: {random: {samples: 8, seed: 2}}';
const none = (): void => {};

describe('the precision of what crosses is chosen together with the cut', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-plan-precision-'));
    await mkdir(join(folder, 'profiles'));
    await copyFile(MODEL, join(folder, 'pictures.onnx'));
    await declare([]);
    await writeProfiles();
  });
  afterAll(() => rm(folder, {recursive: true, force: true}));

  const declare = (lines: readonly string[]) =>
    writeFile(
      join(folder, 'edgewise.yaml'),
      [
        'kind: edgewise/project',
        'formatVersion: 1',
        'model: {file: pictures.onnx, inputs: {image: [1, 3, 32, 32]}}',
        'devices: [{name: pi-7, address: local}]',
        'clouds: [{name: cloud, url: "http://127.0.0.1:1"}]',
        ...lines,
        '',
      ].join('\n'),
    );

  /** A slow device behind a slow link: the fewer bytes, the better. */
  async function writeProfiles(packingNsPerByte?: number): Promise<void> {
    const project = await openProject(folder);
    await withPreparedModel(project, none, async ({digest, modelDigest, graph}) => {
      const ms = (medianMs: number) => ({medianMs, spreadMs: 0, runs: 5, obtained: 'measured'}) as const;
      const machine = (name: string, tier: 'device' | 'cloud', layerMs: number): Profile => ({
        kind: 'edgewise/profile',
        formatVersion: 1,
        madeBy: 'edgewise 0.1.0',
        madeAt: '2026-11-29T12:00:00.000Z',
        madeFrom: {model: modelDigest, build: digest},
        machine: {name, tier, address: 'local'},
        runtime: {onnxruntime: '1.30.0', node: '24.0.0'},
        models: [
          {
            build: digest,
            threads: 1,
            wholeRun: ms(layerMs * graph.layers.length),
            layers: graph.layers.map(layer => ({name: layer.name, operator: layer.operator, ms: layerMs})),
            requestOverhead: ms(0.1),
            sessionOverhead: ms(0.1),
          },
        ],
        links:
          tier === 'cloud'
            ? []
            : [
                {
                  to: 'cloud',
                  fixedMs: 1,
                  roundTripMs: 1,
                  upBytesPerSecond: 100_000,
                  downBytesPerSecond: 100_000,
                  residualMs: 0,
                  samples: 5,
                  obtained: 'measured',
                },
              ],
        codecs: (['fp16', 'int8', 'pixels'] as const).map(precision => ({
          precision,
          nsPerValue: 1,
          runs: 5,
          obtained: 'measured',
        })),
        ...(packingNsPerByte === undefined
          ? {}
          : {packing: {nsPerByte: packingNsPerByte, runs: 5, obtained: 'measured'} as const}),
      });
      for (const [name, tier, layerMs] of [
        ['pi-7', 'device', 100],
        ['cloud', 'cloud', 0.1],
      ] as const)
        await writeFile(
          join(folder, `profiles/${name}.yaml`),
          yamlFromDocument('profile', machine(name, tier, layerMs)),
        );
    });
  }

  const planned = async (lines: readonly string[], asked: Partial<Parameters<typeof plan>[0]> = {}) => {
    await declare(lines);
    const {plans} = await plan(
      {projectPath: folder, devices: [], goals: {constraints: {pins: []}}, ...asked},
      none,
    );
    return planFromYaml(await readFile(plans[0]!.file, 'utf8'), 'plan.yaml');
  };
  const upBytes = 3 * 32 * 32;

  it('nothing is rounded where nobody asks', async () => {
    const {cut, precision} = await planned([DATA, CALIBRATION]);
    expect(cut[0]).toMatchObject({tensor: 'image', bytes: upBytes * 4});
    expect(cut[0]).not.toHaveProperty('precision');
    expect(precision).toBeUndefined();
  });

  it('int8 within the budget: a quarter of the bytes, with its scale and what it costs in accuracy', async () => {
    const made = await planned([DATA, CALIBRATION], {precision: 'int8', maxDrop: '0.5'});
    expect(made.cut[0]).toMatchObject({precision: 'int8', bytes: upBytes});
    expect(made.cut[0]?.scale).toBeCloseTo(1 / 255, 3);
    expect(made.predicted.upBytes).toBe(upBytes);
    const [chosen] = made.precision!.candidates;
    expect(chosen).toMatchObject({boundary: 'int8', verdict: 'chosen'});
    expect(chosen?.accuracy?.maxAbsoluteDifference).toBeGreaterThan(0);
    expect(made.isApplyable).toBe(true);
  });

  it('what misses the budget is dropped with its numbers, and counted', async () => {
    const made = await planned([DATA, CALIBRATION], {precision: 'int8', maxDrop: '0'});
    expect(made.cut[0]).not.toHaveProperty('precision');
    expect(made.refusals).toContainEqual({reason: 'accuracy-budget-missed', count: 1});
    const refused = made.precision!.candidates.find(({verdict}) => verdict === 'refused');
    expect(refused?.accuracy?.drop).toBeGreaterThan(0);
  });

  it('without calibration data fp16 is left, without samples neither, and the plan says why', async () => {
    const fp16 = await planned([DATA], {precision: 'auto'});
    expect(fp16.cut[0]).toMatchObject({precision: 'fp16', bytes: upBytes * 2});
    expect(fp16.refusals).toContainEqual({reason: 'no-calibration-data', count: 1});
    const plain = await planned([], {precision: 'auto'});
    expect(plain.cut[0]).not.toHaveProperty('precision');
    expect(plain.refusals).toContainEqual({reason: 'no-evaluation-data', count: 2});
  });

  it('pictures travel as pixels where the preprocessing says so, unless the samples are none', async () => {
    const made = await planned(['preprocessing: unit']);
    expect(made.cut[0]).toMatchObject({precision: 'pixels', bytes: upBytes});
    const refused = await planned(['preprocessing: unit', DATA]);
    expect(refused.cut[0]).not.toHaveProperty('precision');
    expect(refused.refusals).toContainEqual({reason: 'input-is-not-pixels', count: 1});
  });

  it('what crosses is packed where that pays, in so many bytes as it really is; made-up samples tell nothing', async () => {
    // Dark pictures with one bright line.
    const values = new Float32Array(6 * upBytes);
    for (let at = 0; at < values.length; at += 32 * 32) values.fill(1, at, at + 32);
    await writeNpy(join(folder, 'dark.npy'), {
      elementType: 'float32',
      shape: [6, 3, 32, 32],
      bytes: new Uint8Array(values.buffer),
    });
    await writeProfiles(10);
    const made = await planned(['evaluation: dark.npy']);
    expect(made.cut[0]).toMatchObject({isPacked: true});
    expect(made.precision).toMatchObject({boundary: 'as-is', input: 'as-is', isPacked: true});
    const row = Buffer.from(new Uint8Array(values.buffer, 0, upBytes * 4));
    // Its header lies in the same body.
    expect(made.cut[0]!.bytes / zstdCompressSync(row).byteLength).toBeCloseTo(1, 0);
    expect(made.cut[0]!.bytes).toBeLessThan(upBytes / 4);
    const whole = made.precision!.candidates.find(({isPacked}) => isPacked === undefined)!;
    expect(whole.verdict).toBe('slower');
    const unknown = await planned([DATA]);
    expect(unknown.cut[0]).not.toHaveProperty('isPacked');
    await writeProfiles(1e6);
    const slow = await planned(['evaluation: dark.npy']);
    expect(slow.cut[0]).not.toHaveProperty('isPacked');
  });
});
