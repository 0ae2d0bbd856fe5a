import type {Machine} from '../device/machine.ts';
import type {BenchmarkResult} from '../documents/benchmark.ts';
import type {Plan} from '../documents/plan.ts';
import type {ProjectDevice} from '../documents/project.ts';
import type {Release} from '../documents/release.ts';
import {PAUSE_MS} from '../engine/pauseMs.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {runStepOn, type EmitEvent} from '../events.ts';
import type {EndpointLoad, SingleRequest} from '../runtime/measure/loadEndpoint.ts';
import {quantile} from '../runtime/measure/quantile.ts';
import {hexOfDigest} from '../workspace/digest.ts';
import {withDevice, type ConnectOptions} from './connectDevice.ts';
import {requireSuccess} from './deploy/runOnDevice.ts';
import {openProject, selectDevices} from './openProject.ts';
import {powerFrom} from './planGoals.ts';
import {findPlan, readServedRelease} from './release/servedRelease.ts';

export interface BenchRequest {
  readonly projectPath: string;
  readonly device: string;
  readonly requests: number;
  readonly concurrency: number;
  /** Of the part without pauses. */
  readonly seconds: number;
  readonly connect: ConnectOptions;
}

const WARM_UPS = 10;
const TIMEOUT_MS = 3_600_000;

/**
 * Loads the device's endpoint from the device itself, as the programs there do: how long requests take, how many a second
 * are answered, and the plan's prediction beside them.
 * @throws ExpectedError `nothing-deployed`, `time-requests-failed`, `device-unreachable` …
 */
export async function bench(request: BenchRequest, emit: EmitEvent): Promise<BenchmarkResult> {
  const project = await openProject(request.projectPath);
  const [device] = selectDevices(project.project, [request.device]);
  if (device === undefined) throw new Error('selectDevices gave no device');
  return withDevice(project, device, request.connect, async machine => {
    const {home, release} = await readServedRelease(machine);
    const load = await runStepOn(
      emit,
      device.name,
      'bench',
      `${request.requests} requests, then ${request.concurrency} at a time for ${request.seconds} s`,
      () => loadFromDevice(machine, home, release, request),
      load => ({detail: `${singleOf(load).length + load.rate.wallMs.length} requests answered`}),
    );
    if (singleOf(load).length === 0)
      throw new ExpectedError(
        'time-requests-failed',
        `The endpoint of ${device.name} answered none of ${request.requests} requests.`,
        EXIT.commandFailed,
        {hints: [`edgewise devices`, `edgewise push plans/${device.name}.yaml`]},
      );
    const found = await findPlan(project, release);
    return resultFrom(device, release, load, found);
  });
}

/** Those of the only model that were answered. */
function singleOf({rounds}: EndpointLoad): SingleRequest[] {
  return rounds.flatMap(([only]) => only ?? []);
}

async function loadFromDevice(
  machine: Machine,
  home: string,
  {runtime, endpoint, model}: Release,
  {requests, concurrency, seconds}: BenchRequest,
): Promise<EndpointLoad> {
  const folder = `${home}/.edgewise/runtime/${hexOfDigest(runtime)}`;
  const argv = [
    `${folder}/bin/node`,
    `${folder}/edgewise.mjs`,
    'load-endpoint',
    ...['--url', `http://127.0.0.1:${endpoint.port}`, '--model-names', model.name],
    ...['--rounds', String(requests), '--warm-ups', String(Math.min(WARM_UPS, requests))],
    ...['--pause-ms', String(PAUSE_MS)],
    ...['--concurrency', String(concurrency), '--seconds', String(seconds)],
  ];
  const result = requireSuccess(machine, await machine.run(argv, {timeoutMs: TIMEOUT_MS}));
  return JSON.parse(result.stdout) as EndpointLoad;
}

function resultFrom(
  device: ProjectDevice,
  release: Release,
  load: EndpointLoad,
  found: {readonly file: string; readonly plan: Plan} | null,
): BenchmarkResult {
  const {rate, failures} = load;
  const single = singleOf(load);
  const sorted = (values: readonly number[]): number[] => values.toSorted((one, other) => one - other);
  const totals = sorted(single.map(({totalMs}) => totalMs));
  const waits = sorted(rate.wallMs);
  const medianOf = (part: 'headMs' | 'linkMs' | 'tailMs'): number =>
    quantile(sorted(single.map(each => each[part])), 0.5);
  const plan = found?.plan ?? null;
  const alternativeMs = (name: string): number | null =>
    plan?.alternatives.find(alternative => alternative.name === name)?.predicted?.latencyMs ?? null;
  const deviceMs = medianOf('headMs');
  return {
    device: device.name,
    release: release.id,
    planFile: found?.file ?? null,
    latency: {
      requests: single.length,
      meanMs: totals.reduce((sum, ms) => sum + ms, 0) / totals.length,
      p50Ms: quantile(totals, 0.5),
      p90Ms: quantile(totals, 0.9),
      p99Ms: quantile(totals, 0.99),
      mostMs: totals.at(-1) ?? NaN,
      deviceMs,
      linkMs: medianOf('linkMs'),
      cloudMs: medianOf('tailMs'),
    },
    throughput: {
      concurrency: rate.concurrency,
      seconds: rate.seconds,
      requestsPerSecond: rate.wallMs.length / rate.seconds,
      p50Ms: waits.length === 0 ? 0 : quantile(waits, 0.5),
      p99Ms: waits.length === 0 ? 0 : quantile(waits, 0.99),
    },
    failures,
    aloneRequests: single.filter(({isAlone}) => isAlone).length,
    energyMillijoules: energyOf(device, deviceMs, plan),
    predicted: plan?.predicted ?? null,
    deviceOnlyMs: alternativeMs('device-only'),
    cloudOnlyMs: alternativeMs('cloud-only'),
  };
}

/** Watts are millijoules per millisecond; the bytes are the plan's, for what crosses is what it says. */
function energyOf({power}: ProjectDevice, deviceMs: number, plan: Plan | null): number | null {
  if (power === undefined) return null;
  const {computeWatts, radioNanojoulesPerByte} = powerFrom(power);
  const bytes = plan === null ? 0 : plan.predicted.upBytes + plan.predicted.downBytes;
  return computeWatts * deviceMs + (radioNanojoulesPerByte * bytes) / 1e6;
}
