import type {PixelValues} from '../../documents/boundary.ts';
import type {Plan} from '../../documents/plan.ts';
import type {ComposedAccuracy} from '../../documents/planPrecision.ts';
import {textFromTierPrecisions} from '../../documents/tierBuilds.ts';
import {ExpectedError} from '../../errors.ts';
import {runStepOn, type EmitEvent} from '../../events.ts';
import type {BoundaryCandidate} from './boundaryCandidates.ts';
import {encodedCut} from './boundaryRanges.ts';
import type {PrecisionData} from './precisionData.ts';
import {sentenceFromAccuracy} from './sentenceFromAccuracy.ts';

export type Answer =
  | {
      readonly kind: 'holds';
      readonly cut: Plan['cut'];
      readonly accuracy?: ComposedAccuracy;
      readonly reason: string;
    }
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly accuracy?: ComposedAccuracy;
      readonly reason: string;
    };

export type Refusal = Pick<Extract<Answer, {kind: 'refused'}>, 'code' | 'reason' | 'accuracy'>;

/** Rounding and lowered builds need samples to be judged on, and scales need others to be measured on; pixels need none. */
export async function missingData(
  {boundary, builds}: BoundaryCandidate,
  data: PrecisionData,
): Promise<Refusal | null> {
  if (boundary === 'as-is' && builds.size === 0) return null;
  if ((await data.judge()) === null)
    return {
      code: 'no-evaluation-data',
      reason: 'there are no samples to measure its accuracy on: set evaluation in edgewise.yaml',
    };
  if (boundary === 'int8' && (await data.ranges()) === null)
    return {
      code: 'no-calibration-data',
      reason: 'there are no samples to measure ranges on: set calibration in edgewise.yaml (fp16 needs none)',
    };
  return null;
}

/** The plan's cut as it would travel, where the budget holds on the samples with the very segments that would be pushed. */
export async function tryCandidate(
  candidate: BoundaryCandidate,
  plan: Plan,
  {data, pixels}: {readonly data: PrecisionData; readonly pixels: ReadonlyMap<string, PixelValues>},
  emit: EmitEvent,
): Promise<Answer> {
  if (candidate.precisions.size === 0 && candidate.builds.size === 0) {
    const cut = await encodedCut(plan.cut, candidate, pixels, null);
    return {kind: 'holds', cut, reason: 'nothing is rounded'};
  }
  const where = plan.alternatives.find(({verdict}) => verdict === 'chosen')?.name ?? '';
  const name = `${nameOfCandidate(candidate)}, ${where}`;
  return runStepOn(
    emit,
    plan.device,
    name,
    `accuracy with ${name}`,
    async () => {
      try {
        return await judgeCandidate(candidate, plan, data, pixels);
      } catch (error) {
        if (!(error instanceof ExpectedError) || !CANDIDATE_ERRORS.has(error.code)) throw error;
        return {kind: 'refused', code: error.code, reason: error.message};
      }
    },
    ({reason}) => ({detail: reason}),
  );
}

/** What says that a candidate cannot be, not that the project is wrong. */
const CANDIDATE_ERRORS = new Set([
  'activation-not-finite',
  'build-cannot-be-cut',
  'opset-unsupported',
  'model-run-failed',
]);

async function judgeCandidate(
  candidate: BoundaryCandidate,
  plan: Plan,
  data: PrecisionData,
  pixels: ReadonlyMap<string, PixelValues>,
): Promise<Answer> {
  const cut = await encodedCut(plan.cut, candidate, pixels, await data.ranges());
  const isLossless =
    candidate.builds.size === 0 &&
    cut.every(({precision}) => precision === undefined || precision === 'pixels');
  const judge = await data.judge();
  if (judge === null) {
    if (isLossless) return {kind: 'holds', cut, reason: 'pixels come back to the bit'};
    // Those that round are refused before they are planned with.
    throw new RangeError(`no samples to judge ${nameOfCandidate(candidate)} on`);
  }
  const {accuracy, verdict} = await judge.judge({
    cut,
    layers: plan.layers,
    builds: Object.fromEntries(candidate.builds),
  });
  const reason = sentenceFromAccuracy(accuracy);
  if (isLossless)
    return accuracy.maxAbsoluteDifference === 0
      ? {kind: 'holds', cut, accuracy, reason: 'pixels come back to the bit'}
      : {
          kind: 'refused',
          code: 'input-is-not-pixels',
          accuracy,
          reason: `the samples are not what the preprocessing makes of pixels: answers differ by ${accuracy.maxAbsoluteDifference.toPrecision(3)}`,
        };
  return verdict.isMet
    ? {kind: 'holds', cut, accuracy, reason}
    : {kind: 'refused', code: 'accuracy-budget-missed', accuracy, reason};
}

function nameOfCandidate({builds, boundary, input, packed}: BoundaryCandidate): string {
  const parts = [...(input === 'pixels' ? ['pixels'] : []), ...(boundary === 'as-is' ? [] : [boundary])];
  const name = parts.length === 0 ? 'tensors as they are' : parts.join(' and ');
  const travel = packed === null ? name : `${name}, packed`;
  const precisions = [...builds].map(([tier, {precision}]) => [tier, precision] as const);
  return builds.size === 0 ? travel : `${textFromTierPrecisions(Object.fromEntries(precisions))}, ${travel}`;
}
