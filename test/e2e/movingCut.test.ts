import {copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {LocalMachine} from '../../src/device/localMachine.ts';
import {probeHardware} from '../../src/device/probeHardware.ts';
import type {AgentStatistics, CutStatistics} from '../../src/documents/agentStatistics.ts';
import type {BenchmarkResult} from '../../src/documents/benchmark.ts';
import type {InferResult} from '../../src/documents/inference.ts';
import {yamlFromDocument} from '../../src/documents/printDocument.ts';
import {IMPROVEMENTS} from '../../src/documents/improvements.ts';
import type {ModelTimes, Profile} from '../../src/documents/profile.ts';
import {planFromYaml, profileFromYaml} from '../../src/documents/readDocument.ts';
import {targetFromHardware} from '../../src/targets/targetFromHardware.ts';
import {writePictures} from '../../src/workflows/quickstartSamples.ts';
import {whatIsThere} from './whatIsThere.ts';
import {jsonOf, ROOT, runEdgewise, type Ended} from './runEdgewise.ts';

/** Of eight a request: one request more is a wait more, in each of many runs. */
const PICTURES = 40;

describe('what crosses and where, in the lab', {timeout: 300_000}, () => {
  let folder: string;
  const project = () => join(folder, 'project');
  const lab = () => join(project(), '.edgewise/lab');
  const processesOf = async (word: string): Promise<string[]> => {
    const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
    const lines = pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''));
    return (await Promise.all(lines)).filter(line => line.includes(word) && line.includes(lab()));
  };
  const edgewise = (...args: string[]): Promise<Ended> =>
    runEdgewise(args, {cwd: project(), home: join(folder, 'home'), timeoutMs: 240_000});
  const succeed = async (...args: string[]): Promise<Ended> => {
    const ended = await edgewise(...args);
    expect(ended.exitCode, `${args.join(' ')}\n${ended.stdout}\n${ended.stderr}`).toBe(0);
    return ended;
  };
  const planned = async (...args: string[]) => {
    await succeed('plan', 'pi-1', ...args);
    const file = join(project(), 'plans/pi-1.yaml');
    return planFromYaml(await readFile(file, 'utf8'), file);
  };
  const infer = async () => jsonOf<InferResult>(await succeed('infer', 'pi-1', '--evaluation', '--json'));
  /** As if that had been measured: what is the best must not depend on how busy the machine was. */
  const claim = async (change: (profile: Profile) => Profile): Promise<void> => {
    const file = join(project(), 'profiles/pi-1.yaml');
    measured ||= await readFile(file, 'utf8');
    await writeFile(file, yamlFromDocument('profile', change(profileFromYaml(measured, file))));
  };
  const withLink =
    (upBytesPerSecond: number) =>
    (profile: Profile): Profile => ({
      ...profile,
      links: profile.links.map(link => ({...link, upBytesPerSecond})),
    });
  /** Layer by layer in a fraction of the time that the same layer takes in float. */
  const fasterBy = (factor: number, lowered: ModelTimes, float: ModelTimes): ModelTimes => ({
    ...lowered,
    wholeRun: {...float.wholeRun, medianMs: float.wholeRun.medianMs / factor},
    layers: float.layers.map(layer => ({...layer, ms: layer.ms / factor})),
  });
  const declare = async (lines: readonly string[]): Promise<void> => {
    const own = written.split('\n').filter(line => !line.startsWith('preprocessing:'));
    await writeFile(join(project(), 'edgewise.yaml'), [...own, ...lines, ''].join('\n'));
  };
  let written: string;
  let measured = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-moving-'));
    for (const part of ['home', 'project']) await mkdir(join(folder, part));
    await copyFile(join(ROOT, 'templates/quickstart/pictures.onnx'), join(project(), 'pictures.onnx'));
    await writePictures(project(), PICTURES);
    await succeed(
      ...['lab', 'up', '--device', 'pi-1', '--slowdown', '1', '--link-mbit', '200', '--link-rtt-ms', '2'],
      ...['--model', 'pictures.onnx', '--shape', 'image=8,3,32,32'],
    );
    written = [
      (await readFile(join(project(), 'edgewise.yaml'), 'utf8')).trimEnd(),
      'calibration: {inputs: {image: evaluation/image.npy}, labels: evaluation/labels.npy, samples: 20, seed: 3}',
      'evaluation: {inputs: {image: evaluation/image.npy}, labels: evaluation/labels.npy}',
      // What plans predict is made up below.
      'rollout: {gates: {minSamples: 5, p95ToPrediction: 1000, p95ToPrevious: 1000}}',
    ].join('\n');
    await declare([]);
    // The device is this machine. Timed on it, fp32 would be handed out where something else had slowed int8 down.
    const here = new LocalMachine('here', folder, process.env);
    const target = targetFromHardware(await probeHardware(here)).name;
    await here.close();
    await succeed(
      ...['compile', '--target', target, '--precision', 'int8', '--max-drop', '5 points', '--samples', '16'],
      ...IMPROVEMENTS.flatMap(name => ['--without', name]),
    );
    await succeed(
      ...['profile', 'pi-1', '--runs', '3', '--sustained-seconds', '0', '--link-seconds', '1'],
      '--accept-new-host-keys',
    );
  }, 120_000);

  afterAll(async () => {
    await edgewise('lab', 'down');
    await rm(folder, {recursive: true, force: true});
  });

  it('plan --verify: decides by measuring, and leaves nothing anywhere', async () => {
    await succeed('plan', 'pi-1', '--pin', '*=device');
    await succeed('push', 'plans/pi-1.yaml');
    const before = await whatIsThere(lab(), 'pi-1');
    const plan = await planned('--verify', '--candidates', '2', '--rounds', '6');
    const {candidates, rounds} = plan.verified!;
    expect(rounds).toBe(6);
    expect(candidates.map(({name}) => name)).toEqual(expect.arrayContaining(['device-only', 'cloud-only']));
    for (const {predictedMs, measured, verdict} of candidates) {
      expect(measured!.requests).toBe(rounds);
      expect(measured!.p50Ms).toBeLessThanOrEqual(measured!.p95Ms);
      expect(measured!.interval90.lowMs).toBeLessThanOrEqual(measured!.interval90.highMs);
      expect([predictedMs > 0, verdict === 'failed']).toEqual([true, false]);
    }
    // Where the time went tells who ran what.
    const of = (name: string) => candidates.find(candidate => candidate.name === name)!;
    const alone = of('device-only').measured!;
    expect([alone.linkMs, alone.cloudMs, of('cloud-only').measured!.deviceMs]).toEqual([0, 0, 0]);
    const chosen = candidates.find(({verdict}) => verdict === 'chosen')!;
    expect(plan.alternatives.find(({verdict}) => verdict === 'chosen')).toMatchObject({
      name: chosen.name,
      reason: chosen.reason,
    });
    expect(await whatIsThere(lab(), 'pi-1')).toEqual(before);
    const {stdout} = await succeed('explain', 'plans/pi-1.yaml', '--html', 'plan.html');
    expect(stdout).toMatch(/Measured in turn, \d+ times/);
    expect(await readFile(join(project(), 'plan.html'), 'utf8')).toContain('Measured before it was decided');
  });

  it('plan --verify: after Ctrl-C nothing is left either, and the plan is the one that was there', async () => {
    const before = [
      await whatIsThere(lab(), 'pi-1'),
      await readFile(join(project(), 'plans/pi-1.yaml'), 'utf8'),
    ];
    const ended = await runEdgewise(['plan', 'pi-1', '--verify'], {
      ...{cwd: project(), home: join(folder, 'home'), timeoutMs: 60_000},
      interruptAfter: /send samples: done/,
    });
    expect(ended.exitCode).not.toBe(0);
    expect([
      await whatIsThere(lab(), 'pi-1'),
      await readFile(join(project(), 'plans/pi-1.yaml'), 'utf8'),
    ]).toEqual(before);
    // It noticed by itself that nobody waits any more.
    await expect.poll(() => processesOf('time-releases'), {timeout: 30_000}).toEqual([]);
  });

  it('int8 in the cut and on the device: the accuracy that the plan promises is the one that the device gives', async () => {
    await claim(profile => {
      const float = profile.models.find(({lowered}) => lowered === undefined)!;
      const lowered = profile.models.filter(model => model !== float);
      expect(lowered.map(model => model.lowered!.precision)).toEqual(['int8']);
      return {
        ...withLink(1e6)(profile),
        models: [float, ...lowered.map(model => fasterBy(10, model, float))],
      };
    });
    const plan = await planned(
      ...['--precision', 'int8', '--max-drop', '5 points', '--pin', 'pool1=device', '--pin', 'conv2=cloud'],
    );
    const [up] = plan.cut;
    expect(plan.precision!.device).toMatchObject({precision: 'int8'});
    expect(up).toMatchObject({direction: 'up', precision: 'int8'});
    // Packed, if that pays, in fewer still.
    expect(up!.isPacked === true ? up!.bytes < 8 * 32 * 16 * 16 : up!.bytes === 8 * 32 * 16 * 16).toBe(true);
    const promised = plan.precision!.candidates.find(({verdict}) => verdict === 'chosen')!.accuracy!;
    expect(promised.drop).toBeLessThanOrEqual(0.05);
    const pushed = jsonOf<{outcome: string}>(await succeed('push', 'plans/pi-1.yaml', '--json'));
    expect(pushed.outcome).toBe('activated');
    const {accuracy, samples} = await infer();
    expect(samples).toBe(PICTURES);
    expect(accuracy!.value).toBeCloseTo(promised.composed!, 2);
  });

  it('pictures as their pixels: a quarter of the bytes, and the same answers', async () => {
    await claim(withLink(1e6));
    await declare(['preprocessing: unit']);
    const plan = await planned('--pin', '*=cloud');
    expect(plan.cut[0]).toMatchObject({precision: 'pixels'});
    expect(plan.cut[0]!.bytes).toBeLessThanOrEqual(8 * 3 * 32 * 32);
    const packed = plan.precision!.candidates.find(
      ({input, isPacked}) => input === 'pixels' && isPacked === true,
    );
    // Drawn pictures have little in them.
    expect(packed!.upBytes).toBeLessThan(8 * 3 * 32 * 32);
    await succeed('push', 'plans/pi-1.yaml');
    const {accuracy} = await infer();
    await declare([]);
    expect(accuracy!.value).toBe(plan.precision!.candidates[0]!.accuracy!.original);
  });

  it('the link gets slower and recovers: the cut moves there and back, and every answer is the same', async () => {
    await claim(profile => ({
      ...withLink(10e6)(profile),
      models: profile.models.map(model => ({
        ...model,
        wholeRun: {...model.wholeRun, medianMs: 120},
        layers: model.layers.map(layer => ({...layer, ms: 120 / model.layers.length})),
      })),
    }));
    const plan = await planned();
    const {pieces} = plan.envelope!.axes.find(({what}) => what === 'link-bandwidth')!;
    expect(pieces.length).toBeGreaterThan(1);
    expect(plan.layers.some(({tier}) => tier === 'cloud')).toBe(true);
    await succeed('push', 'plans/pi-1.yaml');
    const before = await infer();
    const {serving} = await readCuts();
    await succeed('lab', 'link', '--mbit', '0.2');
    const slow = await inferUntil(cuts => cuts.serving !== serving);
    await succeed('lab', 'link', '--mbit', '200');
    const after = await inferUntil(cuts => cuts.serving === serving);
    for (const {accuracy, measured} of [...slow, ...after]) {
      expect(accuracy!.value).toBe(before.accuracy!.value);
      expect(measured.totalMs).toBeGreaterThan(0);
    }
    const {moves, requests} = await readCuts();
    expect(moves).toBeGreaterThanOrEqual(2);
    expect(Object.keys(requests).length).toBeGreaterThan(1);
  });

  it('bench: quantiles, rate and energy of what is deployed, beside the prediction', async () => {
    const {latency, throughput, failures, predicted, deviceOnlyMs, energyMillijoules} =
      jsonOf<BenchmarkResult>(
        await succeed('bench', 'pi-1', '--requests', '6', '--concurrency', '2', '--seconds', '1', '--json'),
      );
    expect(latency.requests).toBe(6);
    expect(latency.p50Ms).toBeLessThanOrEqual(latency.p90Ms);
    expect(latency.p90Ms).toBeLessThanOrEqual(latency.p99Ms);
    expect(throughput.concurrency).toBe(2);
    expect(throughput.requestsPerSecond).toBeGreaterThan(0);
    expect(failures).toBe(0);
    expect(predicted!.latencyMs).toBeGreaterThan(0);
    expect(deviceOnlyMs).toBeGreaterThan(0);
    expect(energyMillijoules).toBeNull();
    const unknown = await edgewise('bench', 'pi-9');
    expect([unknown.exitCode, unknown.stderr]).toEqual([2, expect.stringContaining('pi-9')]);
  });

  it('movesCut: false leaves the plan’s cut alone', async () => {
    await declare(['movesCut: false']);
    await planned();
    await succeed('push', 'plans/pi-1.yaml');
    expect(await readStatistics()).not.toHaveProperty('current.cuts');
  });

  async function readStatistics(): Promise<AgentStatistics> {
    const [, port] = /endpointPort: (\d+)/.exec(written) ?? [];
    const answer = await fetch(`http://127.0.0.1:${port}/v2/edgewise/statistics`);
    return (await answer.json()) as AgentStatistics;
  }

  async function readCuts(): Promise<CutStatistics> {
    const {current} = await readStatistics();
    expect(current!.errors).toBe(0);
    return current!.cuts!;
  }

  async function inferUntil(isReached: (cuts: CutStatistics) => boolean): Promise<InferResult[]> {
    const answers: InferResult[] = [];
    for (let round = 0; round < 6; round++) {
      answers.push(await infer());
      if (isReached(await readCuts())) return answers;
    }
    throw new Error(`the cut does not move: ${JSON.stringify(await readCuts())}`);
  }
});
