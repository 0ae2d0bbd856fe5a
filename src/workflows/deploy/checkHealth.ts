import {setTimeout as sleep} from 'node:timers/promises';
import type {Machine} from '../../device/machine.ts';
import {releaseFromJson} from '../../documents/readDocument.ts';
import type {NamedTensors} from '../../documents/tensor.ts';
import {PAUSE_MS} from '../../engine/pauseMs.ts';
import {messageOf} from '../../errors.ts';
import {openProtocolClient, type ProtocolClient} from '../../runtime/client.ts';
import {compareOutputs} from './compareOutputs.ts';
import {isServing, readDeviceTruth} from './readDeviceTruth.ts';

/** A request and the answer that the unsplit build gives to it. */
export interface GoldenSample {
  readonly inputs: NamedTensors;
  readonly outputs: NamedTensors;
}

export interface HealthExpectation {
  readonly release: string;
  readonly port: number;
  readonly model: string;
  readonly golden: readonly GoldenSample[];
  /** Largest allowed difference of an output, as a part of that output's largest value. */
  readonly tolerance: number;
  /** Requests that are timed, after as many golden ones as there are. */
  readonly runs: number;
  readonly predictedMs: number | null;
  /** Of the release before, measured the same way just before the switch. */
  readonly oldP95Ms: number | null;
}

export interface ServingTimes {
  readonly requests: number;
  readonly medianMs: number;
  readonly p95Ms: number;
}

export type HealthProblem =
  | {readonly kind: 'not-serving'; readonly detail: string}
  | {readonly kind: 'request-failed'; readonly detail: string}
  | {readonly kind: 'golden-differs'; readonly detail: string};

export interface HealthReport {
  readonly release: string;
  /** What makes the release unfit; empty when it is well. Speed is for the caller to judge. */
  readonly problems: readonly HealthProblem[];
  /** As a part of the output's largest value; `null` when nothing was answered. */
  readonly largestDifference: number | null;
  readonly times: ServingTimes | null;
  readonly p95ToPrediction: number | null;
  readonly p95ToOld: number | null;
}

const REQUEST_DEADLINE_MS = 60_000;
/** Slow models are timed for this long at most. */
const TIMING_MS = 20_000;
const WARM_UPS = 3;

/**
 * Asks the device's own endpoint: the process lives and serves this very release, golden inputs give the golden outputs,
 * and how long requests take. Times are the device's own, without the link to here.
 */
export async function checkHealth(machine: Machine, expected: HealthExpectation): Promise<HealthReport> {
  const {release, predictedMs, oldP95Ms} = expected;
  const problems: HealthProblem[] = [];
  let largestDifference: number | null = null;
  let times: ServingTimes | null = null;
  try {
    await withEndpoint(machine, expected.port, async client => {
      for (const {inputs, outputs} of expected.golden) {
        const answer = await client.infer(expected.model, {inputs}, {deadlineMs: REQUEST_DEADLINE_MS});
        const compared = compareOutputs(answer.outputs, outputs);
        largestDifference = Math.max(largestDifference ?? 0, compared.largestDifference);
        if (compared.problem !== null) problems.push({kind: 'golden-differs', detail: compared.problem});
        else if (!(compared.largestDifference <= expected.tolerance))
          problems.push({
            kind: 'golden-differs',
            detail: `an output differs by ${(compared.largestDifference * 100).toFixed(2)} % of its range; ${(expected.tolerance * 100).toFixed(2)} % are allowed`,
          });
      }
      const [first] = expected.golden;
      if (first !== undefined)
        times = await timeRequests(client, expected.model, first.inputs, expected.runs);
    });
  } catch (error) {
    problems.push({kind: 'request-failed', detail: messageOf(error)});
  }
  // Last: a process that dies of its first requests has died by now.
  const truth = await readDeviceTruth(machine);
  if (!isServing(truth, release))
    problems.push({
      kind: 'not-serving',
      detail: `the device says ${truth.agent?.status ?? 'nothing'} for ${truth.agent?.release ?? 'no release'}`,
    });
  const measured = times as ServingTimes | null;
  return {
    release,
    problems,
    largestDifference,
    times: measured,
    p95ToPrediction: measured === null || !predictedMs ? null : measured.p95Ms / predictedMs,
    p95ToOld: measured === null || !oldP95Ms ? null : measured.p95Ms / oldP95Ms,
  };
}

/** How long the release that serves now takes for the same requests; `null` where it takes other inputs, or none. */
export async function timeServing(
  machine: Machine,
  inputs: NamedTensors,
  runs: number,
): Promise<ServingTimes | null> {
  const truth = await readDeviceTruth(machine);
  if (truth.currentRelease === null || !isServing(truth, truth.currentRelease)) return null;
  try {
    const file = `${truth.home}/.edgewise/current/release.json`;
    const release = releaseFromJson(new TextDecoder().decode(await machine.download(file)), file);
    return await withEndpoint(machine, release.endpoint.port, client =>
      timeRequests(client, release.model.name, inputs, runs),
    );
  } catch {
    // The old release need not be well for a new one to come.
    return null;
  }
}

async function withEndpoint<T>(
  machine: Machine,
  port: number,
  work: (client: ProtocolClient) => Promise<T>,
): Promise<T> {
  const tunnel = await machine.openTunnel(port);
  const client = openProtocolClient(`http://127.0.0.1:${tunnel.localPort}`);
  try {
    return await work(client);
  } finally {
    client.close();
    await tunnel.close();
  }
}

async function timeRequests(
  client: ProtocolClient,
  model: string,
  inputs: NamedTensors,
  runs: number,
): Promise<ServingTimes> {
  const startedAt = performance.now();
  const totals: number[] = [];
  for (let warmUp = 0; warmUp < WARM_UPS; warmUp++)
    await client.infer(model, {inputs}, {deadlineMs: REQUEST_DEADLINE_MS});
  while (totals.length < runs && (totals.length === 0 || performance.now() - startedAt < TIMING_MS)) {
    // As the prediction was measured: requests that come now and then.
    await sleep(PAUSE_MS);
    const {serverTiming, wallMs} = await client.infer(model, {inputs}, {deadlineMs: REQUEST_DEADLINE_MS});
    totals.push(serverTiming.get('total') ?? wallMs);
  }
  const sorted = totals.toSorted((a, b) => a - b);
  const rank = (fraction: number): number =>
    sorted[Math.min(sorted.length - 1, Math.ceil(fraction * sorted.length) - 1)] ?? NaN;
  return {requests: sorted.length, medianMs: rank(0.5), p95Ms: rank(0.95)};
}
