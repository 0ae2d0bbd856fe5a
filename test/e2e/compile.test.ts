import {spawn} from 'node:child_process';
import {existsSync} from 'node:fs';
import {copyFile, mkdir, readdir, readFile, truncate, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import sharp from 'sharp';
import {describe, expect, test} from 'vitest';
import type {Build} from '../../src/documents/build.ts';
import type {Evaluation} from '../../src/documents/evaluation.ts';
import {IMPROVEMENTS} from '../../src/documents/improvements.ts';
import {buildFromYaml} from '../../src/documents/readDocument.ts';
import {drawPictures} from '../../src/lab/pictures.ts';
import {writeNpy} from '../../src/workspace/npy.ts';
import {inTemporaryFolder, jsonOf, ROOT, runEdgewise, type Ended} from './runEdgewise.ts';

const PICTURES = join(ROOT, 'templates/quickstart/pictures.onnx');
const SIZE = 32;

interface Compiled {
  readonly builds: readonly {readonly file: string; readonly build: Build}[];
}

/** The quickstart's model beside labelled pictures, and whatever edgewise.yaml says besides. */
async function inProject<T>(yaml: string, work: (folder: string) => Promise<T>): Promise<T> {
  return inTemporaryFolder(async folder => {
    await copyFile(PICTURES, join(folder, 'model.onnx'));
    await writePictures(folder, 'calibration', 11, 48);
    await writePictures(folder, 'evaluation', 12, 100);
    await writeFile(
      join(folder, 'edgewise.yaml'),
      `kind: edgewise/project\nformatVersion: 1\nmodel: {file: model.onnx}\ndevices:\n  - {name: here, address: local}\n${yaml}`,
    );
    return work(folder);
  });
}

async function writePictures(folder: string, name: string, seed: number, count: number): Promise<void> {
  const {pixels, labels} = drawPictures(seed, count);
  const values = Float32Array.from(pixels, pixel => pixel / 255);
  await writeNpy(join(folder, `${name}.npy`), {
    elementType: 'float32',
    shape: [count, 3, SIZE, SIZE],
    bytes: new Uint8Array(values.buffer),
  });
  await writeNpy(join(folder, `${name}-labels.npy`), {
    elementType: 'uint8',
    shape: [count],
    bytes: Uint8Array.from(labels),
  });
}

const DATA = `calibration: calibration.npy
evaluation: {inputs: {image: evaluation.npy}, labels: evaluation-labels.npy}
`;

function edgewise(folder: string, args: readonly string[]): Promise<Ended> {
  return runEdgewise([...args, '--json'], {cwd: folder, home: folder});
}

/** The improvements take longest: left out where they are not what a test is about. */
const QUICKLY = IMPROVEMENTS.flatMap(name => ['--without', name]);

/** For tests that compile with all steps, or again and again, on a machine that has other things to do. */
const PATIENCE_MS = 240_000;

function failureOf(ended: Ended): {code: string; message: string} {
  expect(ended.stderr).not.toMatch(/bug in edgewise|\n\s+at /);
  return jsonOf<{error: {code: string; message: string}}>(ended).error;
}

describe('edgewise compile', () => {
  test(
    'quantises for a target, judges on labels, and says every decision; the second run comes from the cache',
    () =>
      inProject(`${DATA}accuracy: {maxDrop: 3 points}\n`, async folder => {
        // With all steps but the one that learns and takes most of the time: the documentation's example has that.
        const args = ['compile', '--target', 'x86-vnni', '--precision', 'int8', '--without', 'rounding'];
        const first = await edgewise(folder, args);
        expect(first.stderr).not.toContain('come from the cache');
        const [made] = jsonOf<Compiled>(first).builds;
        const build = buildFromYaml(await readFile(join(folder, 'builds/x86-vnni.yaml'), 'utf8'), 'build');
        expect(build).toMatchObject({
          target: 'x86-vnni',
          accuracy: {metric: 'top-1', samples: 100, budget: '3 points'},
          calibration: {isRandom: false},
        });
        const int8 = build.candidates?.find(({precision}) => precision === 'int8');
        expect(int8?.sizeBytes).toBeLessThan(0.3 * (build.artefact.originalSizeBytes ?? 0));
        expect(build.recipe.every(({decision, reason}) => decision !== '' && reason !== '')).toBe(true);
        expect(existsSync(join(folder, 'builds/x86-vnni.onnx'))).toBe(true);

        const second = await edgewise(folder, args);
        expect(second.stderr).toContain('come from the cache');
        expect(jsonOf<Compiled>(second).builds[0]?.build.candidates?.map(({name}) => name)).toEqual(
          made?.build.candidates?.map(({name}) => name),
        );
      }),
    PATIENCE_MS,
  );

  test(
    'a damaged build in the store, or a damaged entry of the cache, is made again',
    () =>
      inProject(DATA, async folder => {
        const args = ['compile', '--target', 'arm64', '--precision', 'int8', ...QUICKLY];
        const [made] = jsonOf<Compiled>(await edgewise(folder, args)).builds;
        const blob = join(folder, '.edgewise/store/sha256', made?.build.artefact.digest.slice(7) ?? '');
        await truncate(blob, 1000);
        const again = await edgewise(folder, args);
        expect(again.stderr).not.toContain('come from the cache');
        expect((await readFile(blob)).byteLength).toBe(made?.build.artefact.sizeBytes);
        const entries = join(folder, '.edgewise/cache/compiled');
        for (const entry of await readdir(entries)) await writeFile(join(entries, entry), '{"half":');
        const third = await edgewise(folder, args);
        expect([third.exitCode, third.stderr]).toEqual([
          0,
          expect.not.stringContaining('come from the cache'),
        ]);
      }),
    PATIENCE_MS,
  );

  test('a model without a project, for this machine, timed here', () =>
    inProject(DATA, async folder => {
      const bare = join(folder, 'bare');
      const ended = await runEdgewise(
        [
          'compile',
          'model.onnx',
          '--device',
          'local',
          '--data',
          'calibration.npy',
          '-C',
          bare,
          '--json',
          ...QUICKLY,
        ],
        {cwd: folder, home: folder},
      );
      const [made] = jsonOf<Compiled>(ended).builds;
      expect(made?.build.latency?.machine).toBe('local');
      expect(made?.build.latency?.ratio).toBeLessThanOrEqual(1);
      expect(await readdir(join(bare, 'builds'))).toHaveLength(2);
    }));

  test('random calibration data only when asked for by name, with a warning in the build', () =>
    inProject('', async folder => {
      const ended = await edgewise(folder, [
        'compile',
        '--target',
        'arm64',
        '--precision',
        'int8',
        '--data',
        'random',
        ...QUICKLY,
      ]);
      const {build} = jsonOf<Compiled>(ended).builds[0] ?? {};
      expect(build?.calibration?.isRandom).toBe(true);
      expect(build?.warnings?.join()).toContain('random values');
    }));

  test('what was assumed about the data stands in the build and in the evaluation', () =>
    inProject('evaluation: photos\n', async folder => {
      await mkdir(join(folder, 'photos'));
      await sharp({
        create: {width: SIZE, height: SIZE, channels: 3, background: {r: 200, g: 30, b: 60}},
      }).toFile(join(folder, 'photos/red.png'));
      const assumed = expect.arrayContaining([
        expect.stringMatching(/^No preprocessing is declared for input image: "\w+" is assumed/) as string,
      ]) as string[];
      const warningsOf = async (args: readonly string[]) =>
        jsonOf<Compiled>(await edgewise(folder, ['compile', ...args])).builds[0]?.build.warnings;
      expect(await warningsOf(['--target', 'x86', '--precision', 'fp32'])).toEqual(assumed);
      // A portable build wants the shape to be said.
      const file = join(folder, 'edgewise.yaml');
      const text = await readFile(file, 'utf8');
      await writeFile(file, text.replace('model.onnx', 'model.onnx, inputs: {image: [1, 3, 32, 32]}'));
      expect(await warningsOf([])).toEqual(assumed);
      const evaluated = await edgewise(folder, ['evaluate', 'model.onnx']);
      expect(jsonOf<Evaluation>(evaluated).warnings).toEqual(assumed);
    }));

  test.each([
    {
      name: 'no calibration data',
      yaml: '',
      args: ['--target', 'x86-vnni'],
      code: 'no-calibration-data',
      exitCode: 2,
      says: 'No calibration data are given',
    },
    {
      name: 'an unknown target',
      yaml: DATA,
      args: ['--target', 'x86-vni'],
      code: 'unknown-target',
      exitCode: 2,
      says: 'did you mean x86-vnni',
    },
    {
      name: 'an accuracy budget that int8 cannot meet',
      yaml: `${DATA}accuracy: {metric: cosine}\n`,
      args: ['--target', 'x86-vnni', '--precision', 'int8', '--max-drop', '0'],
      code: 'accuracy-budget-not-met',
      exitCode: 1,
      says: 'the best reached 0.99',
    },
    {
      name: 'a budget that is no number',
      yaml: DATA,
      args: ['--target', 'x86-vnni', '--max-drop', 'little'],
      code: 'accuracy-budget-invalid',
      exitCode: 2,
      says: 'neither a number, a percentage nor points',
    },
    {
      name: 'a budget that the metric cannot lose',
      yaml: `${DATA}accuracy: {metric: mean-absolute-error}\n`,
      args: ['--target', 'x86-vnni', '--max-drop', '1%'],
      code: 'accuracy-budget-invalid',
      exitCode: 2,
      says: 'does not suit mean-absolute-error',
    },
    {
      name: 'labels that do not match',
      yaml: DATA.replace('evaluation-labels', 'calibration-labels'),
      args: ['--target', 'x86-vnni'],
      code: 'labels-mismatch',
      exitCode: 2,
      says: '48',
    },
    {
      name: 'a metric that needs labels without any',
      yaml: 'calibration: calibration.npy\naccuracy: {metric: top-1, maxDrop: 1%}\n',
      args: ['--target', 'x86-vnni'],
      code: 'labels-missing',
      exitCode: 2,
      says: 'have none',
    },
    {
      name: 'a metric command that fails',
      yaml: `${DATA}accuracy: {metric: {command: [sh, -c, 'echo broken >&2; exit 3']}, maxDrop: 0.1}\n`,
      args: ['--target', 'x86-vnni'],
      code: 'metric-command-failed',
      exitCode: 12,
      says: 'broken',
    },
    {
      name: 'calibration data that are not there',
      yaml: DATA,
      args: ['--target', 'x86-vnni', '--data', 'nowhere/'],
      code: 'no-such-file',
      exitCode: 2,
      says: 'nowhere',
    },
  ])('$name: a clear error and no build', ({yaml, args, code, exitCode, says}) =>
    inProject(yaml, async folder => {
      const ended = await edgewise(folder, ['compile', ...args, ...QUICKLY]);
      expect(failureOf(ended)).toMatchObject({code, message: expect.stringContaining(says) as string});
      expect(ended.exitCode).toBe(exitCode);
      expect(existsSync(join(folder, 'builds'))).toBe(false);
      expect(
        existsSync(join(folder, '.edgewise/tmp')) ? await readdir(join(folder, '.edgewise/tmp')) : [],
      ).toEqual([]);
    }),
  );

  test("a user's own command decides with the last number it prints", () =>
    inProject(
      `${DATA}accuracy: {metric: {command: [sh, -c, 'echo model of 2 kinds; echo 0.5']}, maxDrop: 0.1}\n`,
      async folder => {
        const ended = await edgewise(folder, [
          'compile',
          '--target',
          'arm64',
          '--precision',
          'int8',
          ...QUICKLY,
        ]);
        expect(jsonOf<Compiled>(ended).builds[0]?.build.accuracy).toMatchObject({original: 0.5, build: 0.5});
      },
    ));

  test('Ctrl-C leaves no half build', () =>
    inProject(DATA, async folder => {
      const child = spawn(process.execPath, [join(ROOT, 'bin/run.js'), 'compile', '--target', 'x86-vnni'], {
        cwd: folder,
        env: {PATH: process.env['PATH'] ?? '', HOME: folder},
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const ended = new Promise<NodeJS.Signals | null>(resolve =>
        child.once('close', (_, signal) => resolve(signal)),
      );
      await new Promise<void>(resolve => {
        child.stderr.setEncoding('utf8').on('data', (text: string) => {
          if (text.includes('prepare')) resolve();
        });
      });
      child.kill('SIGINT');
      // What a shell reports as exit code 130.
      expect(await ended).toBe('SIGINT');
      expect(existsSync(join(folder, 'builds'))).toBe(false);
      expect(await readdir(join(folder, '.edgewise/tmp'))).toEqual([]);
    }));
});

describe('edgewise evaluate', () => {
  test('tells metric, decibels and the layers that lose most', () =>
    inProject(DATA, async folder => {
      await edgewise(folder, ['compile', '--target', 'arm64', '--precision', 'int8', ...QUICKLY]);
      const evaluation = jsonOf<Evaluation>(
        await edgewise(folder, ['evaluate', 'builds/arm64.yaml', '--layers', '3']),
      );
      expect(evaluation.accuracy.metric).toBe('top-1');
      expect(evaluation.accuracy.original).toBeGreaterThan(0.85);
      expect(evaluation.outputs[0]?.sqnrDb).toBeGreaterThan(15);
      expect(evaluation.worstAccumulated.length).toBeGreaterThan(0);
      // Fed with what the original computes, a layer is closer to it than with all errors before it.
      const [own, together] = [
        evaluation.worstOwn[0]?.sqnrDb ?? 0,
        evaluation.worstAccumulated[0]?.sqnrDb ?? 0,
      ];
      expect(own).toBeGreaterThanOrEqual(together);
    }));

  test('the original against itself is equal', () =>
    inProject(DATA, async folder => {
      const evaluation = jsonOf<Evaluation>(await edgewise(folder, ['evaluate', 'model.onnx']));
      expect(evaluation).toMatchObject({maxAbsoluteDifference: expect.closeTo(0, 4) as number});
    }));
});
