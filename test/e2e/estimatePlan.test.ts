import {copyFile, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {stringify} from 'yaml';
import type {Plan} from '../../src/documents/plan.ts';
import {planFromYaml, profileFromYaml} from '../../src/documents/readDocument.ts';
import {ignoreEvents} from '../../src/events.ts';
import {rememberLayerTimes} from '../../src/workflows/estimateTimes.ts';
import {openProject} from '../../src/workflows/openProject.ts';
import {withPreparedModel} from '../../src/workflows/prepareModel.ts';
import {cloudProfile, deviceProfile, readLayers, type FleetLayers} from './fleetProfiles.ts';
import {ROOT, jsonOf, runEdgewise, type Ended} from './runEdgewise.ts';

/** Sizes of the input make models of the same layers that take different times. */
const OTHER_SIZES = [16, 24, 48, 64, 80];
const MS_PER_MEGA_PIXEL = 4000;

let folder: string;
let planned: string;

const edgewise = (...args: string[]): Promise<Ended> =>
  runEdgewise(args, {
    cwd: planned,
    home: folder,
    environment: {XDG_CACHE_HOME: join(folder, 'cache')},
  });

/** A project on the picture classifier that takes pictures of this size. */
async function projectOf(size: number): Promise<{path: string; layers: FleetLayers}> {
  const path = join(folder, `of-${size}`);
  await mkdir(join(path, 'profiles'), {recursive: true});
  await copyFile(join(ROOT, 'templates/quickstart/pictures.onnx'), join(path, 'pictures.onnx'));
  await writeFile(
    join(path, 'edgewise.yaml'),
    stringify({
      kind: 'edgewise/project',
      formatVersion: 1,
      // More pictures a request are more work, with the model's own shapes.
      model: {file: 'pictures.onnx', inputs: {image: [size, 3, 32, 32]}},
      devices: [{name: 'pi-1', address: 'pi-1.example'}],
      clouds: [{name: 'cloud', url: 'http://cloud.example:8700'}],
    }),
  );
  const {layers, ...rest} = await readLayers(path);
  const factor = (size * 32 * 32 * MS_PER_MEGA_PIXEL) / 1e6;
  return {path, layers: {...rest, layers: layers.map(layer => ({...layer, ms: layer.ms * factor}))}};
}

/** As profiling leaves it behind: the profile in the project, the layers in the user's cache. */
async function profileProject({path, layers}: Awaited<ReturnType<typeof projectOf>>): Promise<void> {
  const device = deviceProfile('pi-1', layers, {slowness: 1, megabits: 20, seed: 7});
  const cloud = cloudProfile('cloud', layers);
  await writeFile(join(path, 'profiles/pi-1.yaml'), device);
  await writeFile(join(path, 'profiles/cloud.yaml'), cloud);
  await withPreparedModel(await openProject(path), ignoreEvents, async prepared => {
    for (const text of [device, cloud])
      await rememberLayerTimes(profileFromYaml(text, 'profile.yaml'), prepared);
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgewise-estimate-'));
  process.env['XDG_CACHE_HOME'] = join(folder, 'cache');
  const [first, ...others] = OTHER_SIZES;
  const measured = await projectOf(first!);
  await profileProject(measured);
  const target = await projectOf(32);
  planned = target.path;
  for (const name of ['pi-1', 'cloud'])
    await copyFile(join(measured.path, `profiles/${name}.yaml`), join(planned, `profiles/${name}.yaml`));

  const tooFew = await edgewise('plan', '--estimate');
  expect(tooFew.exitCode, tooFew.stderr).toBe(13);
  expect(tooFew.stderr).toContain('only pictures was measured on machines like it');
  for (const size of others) await profileProject(await projectOf(size));
}, 120_000);

afterAll(async () => {
  delete process.env['XDG_CACHE_HOME'];
  await rm(folder, {recursive: true, force: true});
});

it('is refused without --estimate, and says that there is one', async () => {
  const ended = await edgewise('plan');
  expect(ended.exitCode).toBe(14);
  expect(ended.stderr).toContain('edgewise plan pi-1 --estimate');
});

it('plans a model that was not measured from those that were, marked and with an interval', async () => {
  const ended = await edgewise('plan', '--estimate', '--json');
  expect(ended.exitCode, ended.stdout).toBe(0);
  const {plans} = jsonOf<{plans: {file: string; plan: Plan}[]}>(ended);
  const {estimated, predicted, isApplyable} = plans[0]!.plan;
  expect(isApplyable).toBe(true);
  expect(estimated?.share).toBe(0.9);
  expect(estimated?.machines.map(({machine, models}) => [machine, models.length])).toEqual([
    ['pi-1', OTHER_SIZES.length],
    ['cloud', OTHER_SIZES.length],
  ]);
  expect(estimated!.latencyMs.low).toBeLessThan(predicted.latencyMs);
  expect(estimated!.latencyMs.high).toBeGreaterThan(predicted.latencyMs);
  const written = planFromYaml(await readFile(plans[0]!.file, 'utf8'), plans[0]!.file);
  expect(written.estimated?.machines).toHaveLength(2);

  const {layers} = await projectOf(32);
  const trueMs = layers.layers.reduce((sum, {ms}) => sum + ms, 0);
  const estimatedMs = written.layers.reduce((sum, {deviceMs}) => sum + deviceMs, 0);
  const {lowFactor, highFactor} = estimated!.machines[0]!;
  expect(trueMs).toBeGreaterThan(estimatedMs * lowFactor);
  expect(trueMs).toBeLessThan(estimatedMs * highFactor);
  expect(highFactor).toBeLessThan(2);
});

it('tells people that nothing was measured', async () => {
  const {stdout, exitCode} = await edgewise('plan', '--estimate');
  expect(exitCode).toBe(0);
  expect(stdout.replaceAll(/\s+/g, ' ')).toMatch(
    /Estimated, not measured: pi-1 from 5 other models, cloud from 5 other models\. With 90 % probability a request takes \S+ ms to \S+ m?s\./,
  );
});
