import type {Machine} from '../../device/machine.ts';
import type {NamedTensors} from '../../documents/tensor.ts';
import {messageOf} from '../../errors.ts';
import {compareOutputs} from './compareOutputs.ts';
import {isServing, readDeviceTruth} from './readDeviceTruth.ts';
import type {DeviceProgram} from './runOnDevice.ts';
import {isTooSlow, judgeSpeed, textFromSpeed, type SpeedLimits, type SpeedVerdict} from './judgeSpeed.ts';
import {servingTimesFrom, timeUntilTold, withTimedEndpoint, type ServingTimes} from './servingTimes.ts';

/** A request and the answer that the unsplit build gives to it. */
export interface GoldenSample {
  readonly inputs: NamedTensors;
  readonly outputs: NamedTensors;
}

export interface HealthExpectation {
  readonly release: string;
  readonly program: DeviceProgram;
  readonly port: number;
  readonly model: string;
  readonly golden: readonly GoldenSample[];
  /** Largest allowed difference of an output, as a part of that output's largest value. */
  readonly tolerance: number;
  /** Requests that are timed, after the golden ones. */
  readonly runs: number;
  /** `null`: how fast it is is judged elsewhere. */
  readonly limits: SpeedLimits | null;
}

export type HealthProblem =
  | {readonly kind: 'not-serving'; readonly detail: string}
  | {readonly kind: 'request-failed'; readonly detail: string}
  | {readonly kind: 'golden-differs'; readonly detail: string}
  | {readonly kind: 'too-slow'; readonly detail: string};

export interface HealthReport {
  readonly release: string;
  /** What makes the release unfit; empty when it is well. */
  readonly problems: readonly HealthProblem[];
  /** As a part of the output's largest value; `null` when nothing was answered. */
  readonly largestDifference: number | null;
  readonly times: ServingTimes | null;
  /** Against the prediction and against the release before, as far as there are such. */
  readonly speed: readonly SpeedVerdict[];
}

const REQUEST_DEADLINE_MS = 60_000;

/**
 * Asks the device's own endpoint: the process lives and serves this very release, golden inputs give the golden outputs,
 * and how long requests take. Times are the device's own, without the link to here. One that is too slow
 * is given time to recover before that is said.
 */
export async function checkHealth(machine: Machine, expected: HealthExpectation): Promise<HealthReport> {
  const {release, limits} = expected;
  const problems: HealthProblem[] = [];
  let largestDifference: number | null = null;
  let timesMs: readonly number[] = [];
  try {
    const [first] = expected.golden;
    const {program, port} = expected;
    await withTimedEndpoint(machine, {program, port, inputs: first?.inputs ?? {}}, async client => {
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
      if (first !== undefined)
        timesMs = await timeUntilTold(client, expected.model, first.inputs, {
          runs: expected.runs,
          isTold: soFarMs => !isTooSlow(judgeSpeed(soFarMs, limits)),
        });
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
  const speed = judgeSpeed(timesMs, limits);
  if (isTooSlow(speed))
    problems.push({
      kind: 'too-slow',
      detail: speed
        .filter(({verdict}) => verdict === 'fail')
        .map(textFromSpeed)
        .join('; '),
    });
  return {release, problems, largestDifference, times: servingTimesFrom(timesMs), speed};
}
