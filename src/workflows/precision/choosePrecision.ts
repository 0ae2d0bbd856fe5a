import type {PixelValues} from '../../documents/boundary.ts';
import type {Plan} from '../../documents/plan.ts';
import type {BoundaryChoice, ComposedAccuracy, PrecisionCandidate} from '../../documents/planPrecision.ts';
import type {Profile} from '../../documents/profile.ts';
import {ExpectedError} from '../../errors.ts';
import {runStep, type EmitEvent} from '../../events.ts';
import {twoTiersOf} from '../../placement/measurements.ts';
import {planDocument} from '../../placement/planDocument.ts';
import {
  listBoundaryCandidates,
  withTravel,
  type BoundaryCandidate,
  type CodecCosts,
} from './boundaryCandidates.ts';
import {encodedCut} from './boundaryRanges.ts';
import type {PrecisionData} from './precisionData.ts';
import {sentenceFromAccuracy} from './sentenceFromAccuracy.ts';

export interface PrecisionQuestion {
  readonly request: Parameters<typeof planDocument>[0];
  /** What may cross other than as it is. */
  readonly boundaries: readonly BoundaryChoice[];
  readonly pixels: ReadonlyMap<string, PixelValues>;
  readonly deviceProfile: Profile;
  readonly cloudProfile: Profile | null;
  readonly data: PrecisionData;
}

/**
 * Plans once for each way in which what crosses can travel, and takes the best of those plans that holds the accuracy budget
 * when its very segments are run on the samples. What changes nothing always holds.
 * @throws ExpectedError as planDocument, and what reading data throws
 */
export async function choosePrecision(question: PrecisionQuestion, emit: EmitEvent): Promise<Plan> {
  const {request, deviceProfile, cloudProfile, pixels} = question;
  const {measurements} = request;
  const rows = [...measurements.tensors];
  const costs = codecCosts(deviceProfile, cloudProfile);
  const planned = new Map<BoundaryCandidate, Plan>();
  const refused: RefusedCandidate[] = [];
  const packed =
    costs === null || costs.packingNsPerByte === 0 ? null : await question.data.packedSizes(pixels);
  const listed = listBoundaryCandidates(rows, question.boundaries, pixels, packed);
  const [plain] = listed;
  if (plain === undefined) throw new RangeError('no candidates');
  const plainPlan = planDocument({...request, measurements: {...measurements, tensors: rows}});
  if (plainPlan.cloud === null || listed.length === 1) return plainPlan;
  planned.set(plain, plainPlan);
  for (const candidate of listed.slice(1)) {
    const refusal = costs === null ? ENCODING_NOT_MEASURED : await missingData(candidate, question.data);
    if (refusal !== null || costs === null) {
      refused.push({candidate, plan: null, ...(refusal ?? ENCODING_NOT_MEASURED)});
      continue;
    }
    const {device, link} = twoTiersOf(measurements);
    const tensors = withTravel(rows, candidate, costs, {device, link: link?.link ?? null});
    const plan = planDocument({...request, measurements: {...measurements, tensors}});
    if (isEncoding(plan, candidate)) planned.set(candidate, plan);
  }

  const byLatency = [...planned].sort(([, one], [, other]) => latencyOf(one) - latencyOf(other));
  for (const [candidate, plan] of byLatency) {
    const answer = await tryCandidate(candidate, plan, question, emit);
    if (answer.kind === 'refused') {
      refused.push({candidate, plan, ...answer});
      continue;
    }
    const others = byLatency.filter(([other]) => !refused.some(one => one.candidate === other));
    const chosen = {...plan, cut: answer.cut};
    return withPrecision(chosen, candidate, answer, others, refused);
  }
  throw new Error('what crosses as it is was refused');
}

type Answer =
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

type Refusal = Pick<Extract<Answer, {kind: 'refused'}>, 'code' | 'reason' | 'accuracy'>;
type RefusedCandidate = Refusal & {readonly candidate: BoundaryCandidate; readonly plan: Plan | null};

const ENCODING_NOT_MEASURED: Refusal = {
  code: 'encoding-not-measured',
  reason: 'the profiles do not say what encoding costs: edgewise profile measures it',
};

/** Whether something of what crosses goes otherwise than as it is. */
function isEncoding({cut}: Plan, {precisions, packed}: BoundaryCandidate): boolean {
  return cut.some(({tensor, direction}) => direction === 'up' && (packed !== null || precisions.has(tensor)));
}

function latencyOf({predicted}: Plan): number {
  return predicted.latencyMs;
}

/** `null` where one of the two was profiled before encoding was measured. */
function codecCosts(device: Profile, cloud: Profile | null): CodecCosts | null {
  if (device.codecs === undefined || cloud?.codecs === undefined) return null;
  const isMeasured = device.packing !== undefined && cloud.packing !== undefined;
  const packingNsPerByte = isMeasured
    ? (device.packing?.nsPerByte ?? 0) + (cloud.packing?.nsPerByte ?? 0)
    : 0;
  return {encode: device.codecs, decode: cloud.codecs, packingNsPerByte};
}

/** Rounding needs samples to be judged on, and scales need others to be measured on; pixels need none. */
async function missingData({boundary}: BoundaryCandidate, data: PrecisionData): Promise<Refusal | null> {
  if (boundary === 'as-is') return null;
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

async function tryCandidate(
  candidate: BoundaryCandidate,
  plan: Plan,
  {data, pixels}: PrecisionQuestion,
  emit: EmitEvent,
): Promise<Answer> {
  if (candidate.precisions.size === 0) {
    const cut = await encodedCut(plan.cut, candidate, pixels, null);
    return {kind: 'holds', cut, reason: 'nothing is rounded'};
  }
  const name = nameOfCandidate(candidate);
  return runStep(
    emit,
    `${plan.device}/${name}`,
    `${plan.device}: accuracy with ${name}`,
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
const CANDIDATE_ERRORS = new Set(['activation-not-finite', 'opset-unsupported', 'model-run-failed']);

async function judgeCandidate(
  candidate: BoundaryCandidate,
  plan: Plan,
  data: PrecisionData,
  pixels: ReadonlyMap<string, PixelValues>,
): Promise<Answer> {
  const cut = await encodedCut(plan.cut, candidate, pixels, await data.ranges());
  const isLossless = cut.every(({precision}) => precision === undefined || precision === 'pixels');
  const judge = await data.judge();
  if (judge === null) {
    if (isLossless) return {kind: 'holds', cut, reason: 'pixels come back to the bit'};
    // Those that round are refused before they are planned with.
    throw new RangeError(`no samples to judge ${nameOfCandidate(candidate)} on`);
  }
  const {accuracy, verdict} = await judge.judge({cut, layers: plan.layers});
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

function nameOfCandidate({boundary, input, packed}: BoundaryCandidate): string {
  const parts = [...(input === 'pixels' ? ['pixels'] : []), ...(boundary === 'as-is' ? [] : [boundary])];
  const name = parts.length === 0 ? 'tensors as they are' : parts.join(' and ');
  return packed === null ? name : `${name}, packed`;
}

function withPrecision(
  plan: Plan,
  chosen: BoundaryCandidate,
  {accuracy, reason}: Extract<Answer, {kind: 'holds'}>,
  others: readonly (readonly [BoundaryCandidate, Plan])[],
  refused: readonly RefusedCandidate[],
): Plan {
  const {boundary, input} = chosen;
  const packingOf = ({packed}: BoundaryCandidate): {isPacked?: true} =>
    packed === null ? {} : {isPacked: true};
  const rowOf = (
    candidate: BoundaryCandidate,
    planned: Plan | null,
    rest: Pick<PrecisionCandidate, 'verdict' | 'reason'> & {accuracy?: ComposedAccuracy | undefined},
  ): PrecisionCandidate => ({
    boundary: candidate.boundary,
    input: candidate.input,
    ...packingOf(candidate),
    predictedMs: planned === null ? null : latencyOf(planned),
    upBytes: planned?.predicted.upBytes ?? null,
    verdict: rest.verdict,
    reason: rest.reason,
    ...(rest.accuracy === undefined ? {} : {accuracy: rest.accuracy}),
  });
  const counts = new Map<string, number>();
  for (const {code} of refused) counts.set(code, (counts.get(code) ?? 0) + 1);
  return {
    ...plan,
    precision: {
      boundary,
      input,
      ...packingOf(chosen),
      candidates: [
        rowOf(chosen, plan, {verdict: 'chosen', reason, accuracy}),
        ...others
          .filter(([candidate]) => candidate !== chosen)
          .map(([candidate, planned]) =>
            rowOf(candidate, planned, {
              verdict: 'slower',
              reason: `slower by ${Number((latencyOf(planned) - latencyOf(plan)).toPrecision(3))} ms`,
            }),
          ),
        ...refused.map(({candidate, plan: planned, reason: why, accuracy: measured}) =>
          rowOf(candidate, planned, {verdict: 'refused', reason: why, accuracy: measured}),
        ),
      ],
    },
    refusals: [...plan.refusals, ...[...counts].map(([code, count]) => ({reason: code, count}))],
  };
}
