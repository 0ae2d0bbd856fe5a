import {setTimeout as sleep} from 'node:timers/promises';
import type {InferResult, MeasuredLatency} from '../documents/inference.ts';
import type {Release} from '../documents/release.ts';
import type {NamedTensors, Tensor} from '../documents/tensor.ts';
import {PAUSE_MS} from '../engine/pauseMs.ts';
import {runStepOn, type EmitEvent} from '../events.ts';
import {openProtocolClient, type ProtocolClient} from '../runtime/client.ts';
import {quantile} from '../runtime/measure/quantile.ts';
import {askRepeatedly} from '../runtime/relay/askRepeatedly.ts';
import type {Repetition} from '../runtime/relay/repetition.ts';
import {hexOfDigest} from '../workspace/digest.ts';
import {askFromDevice} from './askFromDevice.ts';
import {withDevice, type ConnectOptions} from './connectDevice.ts';
import {openDataSet, type DataSet} from './openDataSet.ts';
import {openProject, selectDevices, type OpenProject} from './openProject.ts';
import {joinOutputs, writeOutputs} from './outputFiles.ts';
import {classCountOf, requireEvaluationData} from './projectData.ts';
import {findPlan, readServedRelease} from './release/servedRelease.ts';
import {countTopOne} from './topOne.ts';

export interface InferRequest {
  readonly projectPath: string;
  readonly device: string;
  /** .npy file per input name ('' for the only input); `null` takes the project's evaluation set. */
  readonly inputs: Readonly<Record<string, string>> | null;
  /** How often all samples are sent; latency is over all of it, the answers are the first ones. */
  readonly repeat: number;
  /** How long it is asked before anything counts; `null`: a few times. */
  readonly warmUpSeconds: number | null;
  /** Folder for <output>.npy files. */
  readonly outputFolder?: string;
  readonly connect: ConnectOptions;
}

const LEAST_WARM_UPS = 3;
const MOST_WARM_UPS = 12;
const MOST_WARM_UPS_IN_TIME = 1000;

/**
 * Sends samples through the device's own endpoint, asked on the device, and sets what the endpoint measured beside
 * what the plan predicted.
 * @throws ExpectedError `nothing-deployed`, `wrong-input-shape` …, `cloud-error`
 */
export async function infer(request: InferRequest, emit: EmitEvent): Promise<InferResult> {
  const project = await openProject(request.projectPath);
  const [device] = selectDevices(project.project, [request.device]);
  if (device === undefined) throw new Error('selectDevices gave no device');
  return withDevice(project, device, request.connect, async machine => {
    const {home, release} = await readServedRelease(machine);
    const samples = await openSamples(project, release, request.inputs);
    for (const text of samples.notes) emit({kind: 'note', level: 'warning', text});
    const {runtime, endpoint} = release;
    const program = {home, runtimeHex: hexOfDigest(runtime)};
    const asker = await askFromDevice(machine, program, endpoint.port);
    const client = openProtocolClient(asker.url);
    try {
      const answers = await runStepOn(
        emit,
        device.name,
        'infer',
        'infer',
        progress =>
          askAll(client, release.model.name, samples, {
            pauseMs: asker.pauseMs,
            repeat: request.repeat,
            warmUpSeconds: request.warmUpSeconds,
            progress,
          }),
        ({totals}) => ({detail: `${totals.length} requests`}),
      );
      const outputs = joinOutputs(answers.outputs);
      const found = await findPlan(project, release);
      return {
        device: device.name,
        release: release.id,
        requests: answers.totals.length,
        samples: samples.sampleCount,
        measured: answers.latency,
        predicted: found?.plan.predicted ?? null,
        planFile: found?.file ?? null,
        outputs: Object.entries(outputs).map(([name, {elementType, shape}]) => ({name, elementType, shape})),
        outputFiles: await writeOutputs(request.outputFolder, outputs),
        accuracy: request.inputs === null ? accuracyOf(samples.labels, outputs) : null,
      };
    } finally {
      client.close();
      await asker.close();
      await samples.close();
    }
  });
}

/** A file given without a name is for the model's only input; the project's preprocessing is for given images too. */
async function openSamples(
  project: OpenProject,
  release: Release,
  given: InferRequest['inputs'],
): Promise<DataSet> {
  const {inputs, outputs} = release.model;
  if (given === null) return requireEvaluationData(project, inputs, classCountOf(outputs));
  const [only, ...others] = inputs;
  const {'': file, ...named} = given;
  const files =
    file === undefined || only === undefined || others.length > 0 ? given : {...named, [only.name]: file};
  return openDataSet({inputs: files}, inputs, {preprocessing: project.project.preprocessing});
}

interface Answers {
  readonly outputs: readonly NamedTensors[];
  readonly totals: readonly number[];
  readonly latency: MeasuredLatency;
}

async function askAll(
  client: ProtocolClient,
  model: string,
  samples: DataSet,
  {
    pauseMs,
    repeat,
    warmUpSeconds,
    progress,
  }: {
    readonly pauseMs: number;
    readonly repeat: number;
    readonly warmUpSeconds: number | null;
    readonly progress: (detail: {doneCount: number; totalCount: number}) => void;
  },
): Promise<Answers> {
  const outputs: NamedTensors[] = [];
  const timings: ReadonlyMap<string, number>[] = [];
  const seen: number[] = [];
  const first = await samples.readRequest(0);
  const totalCount = repeat * samples.requestCount;
  await askRepeatedly(client, model, first, warmUpFrom(totalCount, warmUpSeconds));
  for (let index = 0; index < totalCount; index++) {
    const inputs = await samples.readRequest(index % samples.requestCount);
    // As the profile was measured: requests that come now and then, not as fast as can be.
    await sleep(PAUSE_MS);
    const answer = await client.infer(model, {inputs}, {deadlineMs: 60_000});
    if (index < samples.requestCount) outputs.push(answer.outputs);
    timings.push(answer.serverTiming);
    seen.push(Math.max(0, answer.wallMs - pauseMs));
    progress({doneCount: index + 1, totalCount});
  }
  const valuesOf = (name: string): number[] =>
    timings.flatMap(timing => timing.get(name) ?? []).sort((a, b) => a - b);
  const medianOrNull = (name: string): number | null => {
    const values = valuesOf(name);
    return values.length === 0 ? null : quantile(values, 0.5);
  };
  const totals = valuesOf('total');
  return {
    outputs,
    totals,
    latency: {
      totalMs: quantile(totals, 0.5),
      p95Ms: quantile(totals, 0.95),
      headMs: medianOrNull('head'),
      linkMs: medianOrNull('link'),
      tailMs: medianOrNull('tail'),
      ...partsByTier(timings),
      aloneRequests: timings.filter(timing => timing.has('fallback')).length,
      seenFromHereMs: quantile(
        seen.sort((a, b) => a - b),
        0.5,
      ),
    },
  };
}

/** The first requests open connections, warm caches and get the code compiled, here and in the cloud. */
function warmUpFrom(requestCount: number, seconds: number | null): Repetition {
  if (seconds !== null)
    return {atLeast: 1, atMost: MOST_WARM_UPS_IN_TIME, withinMs: 1000 * seconds, pauseMs: 0};
  const times = Math.min(Math.max(requestCount, LEAST_WARM_UPS), MOST_WARM_UPS);
  return {atLeast: times, atMost: times, withinMs: 0, pauseMs: 0};
}

const TIERS = ['device', 'gateway', 'cloud'] as const;

/** Medians of what a release that uses a gateway tells by tier and link; none of other releases. */
function partsByTier(
  timings: readonly ReadonlyMap<string, number>[],
): Pick<MeasuredLatency, 'tiers' | 'links'> {
  const medianOf = (name: string): number | null => {
    const values = timings.flatMap(timing => timing.get(name) ?? []).sort((a, b) => a - b);
    return values.length === 0 ? null : quantile(values, 0.5);
  };
  if (medianOf('device-gateway') === null) return {tiers: [], links: []};
  const tiers = TIERS.flatMap(tier => {
    const ms = medianOf(tier === 'device' ? 'head' : tier);
    return ms === null ? [] : [{tier, ms}];
  });
  const links = TIERS.flatMap((from, at) =>
    TIERS.slice(at + 1).flatMap(to => {
      const ms = medianOf(`${from}-${to}`);
      return ms === null ? [] : [{from, to, ms}];
    }),
  );
  return {tiers, links};
}

function accuracyOf(
  labels: readonly number[] | null,
  outputs: Record<string, Tensor>,
): InferResult['accuracy'] {
  const [scores] = Object.values(outputs);
  if (labels === null || scores === undefined) return null;
  const samples = labels.length;
  return {metric: 'top-1', value: countTopOne(scores, labels) / samples, samples};
}
