import type {PixelValues} from '../../documents/boundary.ts';
import type {Plan} from '../../documents/plan.ts';
import type {BoundaryChoice, ComposedAccuracy, PrecisionCandidate} from '../../documents/planPrecision.ts';
import type {Tier} from '../../documents/planTiers.ts';
import {tierBuildsOf, type TierBuilds} from '../../documents/tierBuilds.ts';
import type {Profile} from '../../documents/profile.ts';
import {ExpectedError} from '../../errors.ts';
import type {EmitEvent} from '../../events.ts';
import {amountOfPlan} from '../../placement/goalOfPlan.ts';
import {twoTiersOf, type PlacementMeasurements} from '../../placement/measurements.ts';
import {isHeadAndTail, isPlain, planDocument, type PlanRequest} from '../../placement/planDocument.ts';
import {
  listBoundaryCandidates,
  withBuildsTensors,
  withTierBuilds,
  withTravel,
  type BoundaryCandidate,
  type CodecCosts,
  type LoweredBuild,
} from './boundaryCandidates.ts';
import {draftPlans, listPlansToTry} from './plansToTry.ts';
import type {PrecisionData} from './precisionData.ts';
import {missingData, tryCandidate, type Answer, type Refusal} from './tryCandidate.ts';

export interface PrecisionQuestion {
  readonly request: PlanRequest;
  /** What may cross other than as it is. */
  readonly boundaries: readonly BoundaryChoice[];
  readonly pixels: ReadonlyMap<string, PixelValues>;
  /** What each tier's layers can be taken from besides the fp32 build. */
  readonly builds: ReadonlyMap<Tier, readonly LoweredBuild[]>;
  readonly deviceProfile: Profile;
  readonly cloudProfile: Profile | null;
  readonly data: PrecisionData;
}

export interface PrecisionChoice {
  readonly plan: Plan;
  /** What one of these plans was made from: its tiers with their builds, its tensors as they travel. */
  measurementsOf(plan: Plan): PlacementMeasurements;
  /**
   * The plan and what else is worth measuring, as predicted from the best on: `count` of them, and everything on one tier
   * where that is allowed. All hold the accuracy budget, and each could be pushed.
   */
  listPlansToTry(count: number): Promise<readonly Plan[]>;
}

/**
 * Plans once for each way in which what crosses can travel and for each choice of the tiers' builds, and takes the best of
 * those plans for what was asked for that holds the accuracy budget when its very segments are run on the samples. What changes
 * nothing always holds.
 * @throws ExpectedError as planDocument, and what reading data throws
 */
export async function choosePrecision(
  question: PrecisionQuestion,
  emit: EmitEvent,
): Promise<PrecisionChoice> {
  const {request, deviceProfile, cloudProfile, pixels} = question;
  const {measurements} = request;
  const rows = [...measurements.tensors];
  const costs = codecCosts(deviceProfile, cloudProfile);
  const planned = new Map<BoundaryCandidate, Plan>();
  const refused: RefusedCandidate[] = [];
  // Over a gateway and with return trips tensors travel as they are.
  const canPack = costs !== null && costs.packingNsPerByte > 0 && isHeadAndTail(measurements);
  const packed = canPack ? await question.data.packedSizes(pixels) : null;
  const listed = listBoundaryCandidates(rows, question.boundaries, pixels, packed, question.builds);
  const [plain] = listed;
  if (plain === undefined) throw new RangeError('no candidates');
  /** The question as it is when what crosses travels that way. */
  const requestWith = (candidate: BoundaryCandidate): PlanRequest => {
    const tiers = withTierBuilds(measurements.tiers, candidate.builds, measurements.build);
    const known = withBuildsTensors(rows, candidate.builds);
    const {device, link} = twoTiersOf(measurements);
    const tensors =
      costs === null ? known : withTravel(known, candidate, costs, {device, link: link?.link ?? null});
    return {...request, measurements: {...measurements, tiers, tensors}, isDraft: listed.length > 1};
  };
  // Where fp32 weights do not fit, smaller ones may.
  const plainPlan =
    question.builds.size === 0 ? planDocument(requestWith(plain)) : planIfFeasible(requestWith(plain));
  if (plainPlan === null) refused.push({candidate: plain, plan: null, ...NOTHING_WITHIN_LIMITS});
  else planned.set(plain, plainPlan);
  const hasOthers = measurements.tiers.length > 1 && measurements.links.length > 0;
  const worthPlanning = listed.slice(1).filter(({builds}) => hasOthers || builds.has('device'));
  const isOnlyPlain = worthPlanning.length === 0;
  for (const candidate of worthPlanning) {
    const isEncoded = candidate.precisions.size > 0 || candidate.packed !== null;
    const refusal =
      costs === null && isEncoded ? ENCODING_NOT_MEASURED : await missingData(candidate, question.data);
    if (refusal !== null) {
      refused.push({candidate, plan: null, ...refusal});
      continue;
    }
    const plan = planIfFeasible(requestWith(candidate));
    if (plan === null) refused.push({candidate, plan, ...NOTHING_FITS});
    else if (isItself(plan, candidate)) planned.set(candidate, plan);
  }

  const byAmount = [...planned].sort(([, one], [, other]) => amountOf(one) - amountOf(other));
  /** The plan with its cut as it travels that way; `null` where it loses too much. */
  const finish = async (candidate: BoundaryCandidate, plan: Plan): Promise<Plan | null> => {
    const answer = await tryCandidate(candidate, plan, question, emit);
    if (answer.kind === 'refused') {
      if (planned.get(candidate) === plan) refused.push({candidate, plan, ...answer});
      return null;
    }
    if (isOnlyPlain) return withOutlook(plan, requestWith(candidate));
    const others = byAmount.filter(([other]) => !refused.some(one => one.candidate === other));
    const whole = withOutlook({...plan, cut: answer.cut}, requestWith(candidate));
    return withPrecision(whole, candidate, answer, others, refused);
  };
  for (const [candidate, plan] of byAmount) {
    const chosen = await finish(candidate, plan);
    if (chosen === null) continue;
    const standing = () => byAmount.filter(([other]) => !refused.some(one => one.candidate === other));
    return {
      plan: chosen,
      measurementsOf: ({precision}) =>
        requestWith(listed.find(each => isOfPrecision(each, precision)) ?? candidate).measurements,
      listPlansToTry: count =>
        listPlansToTry(chosen, draftPlans({candidate, plan}, standing(), requestWith, count), {
          count,
          finish,
        }),
    };
  }
  // Says which limits cannot be kept.
  planDocument(requestWith(plain));
  throw new Error('what crosses as it is was refused');
}

/** What was left out of a draft, now that it is one of those that are shown. */
function withOutlook(plan: Plan, {isDraft = false, ...request}: PlanRequest): Plan {
  if (!isDraft || isPlain(request.measurements)) return plan;
  const {outlook} = planDocument({...request, placed: plan.layers.map(({tier}) => tier)});
  return outlook === undefined ? plan : {...plan, outlook};
}

type RefusedCandidate = Refusal & {readonly candidate: BoundaryCandidate; readonly plan: Plan | null};

const ENCODING_NOT_MEASURED: Refusal = {
  code: 'encoding-not-measured',
  reason: 'the profiles do not say what encoding costs: edgewise profile measures it',
};

const NOTHING_WITHIN_LIMITS: Refusal = {
  code: 'nothing-feasible',
  reason: 'no placement of the fp32 build keeps within the limits',
};

const NOTHING_FITS: Refusal = {
  code: 'nothing-feasible',
  reason: 'no placement fits: the build does not know what would have to cross',
};

/** `null` where the constraints cannot be met with what a build knows. */
function planIfFeasible(request: PlanRequest): Plan | null {
  try {
    return planDocument(request);
  } catch (error) {
    if (!(error instanceof ExpectedError) || error.code !== 'nothing-feasible') throw error;
    return null;
  }
}

/** Whether the plan makes use of what the candidate is: otherwise it is another one's. */
function isItself({cut, layers}: Plan, {builds, precisions, packed}: BoundaryCandidate): boolean {
  const isAsItIs = precisions.size === 0 && packed === null;
  const isEncoding = cut.some(
    ({tensor, direction}) => direction === 'up' && (packed !== null || precisions.has(tensor)),
  );
  const used = new Set(layers.map(({tier}) => tier));
  return (isAsItIs || isEncoding) && [...builds.keys()].every(tier => used.has(tier));
}

/** Whether plans with that precision are the candidate's. */
function isOfPrecision(
  {builds, boundary, input, packed}: BoundaryCandidate,
  precision: Plan['precision'],
): boolean {
  const said = Object.entries(tierBuildsOf(precision));
  return (
    boundary === (precision?.boundary ?? 'as-is') &&
    input === (precision?.input ?? 'as-is') &&
    (packed !== null) === (precision?.isPacked ?? false) &&
    said.length === builds.size &&
    said.every(([tier, each]) => builds.get(tier as Tier)?.build === each?.build)
  );
}

/** What is to be as little as possible. */
function amountOf(plan: Plan): number {
  return amountOfPlan(plan, plan.predicted);
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

function withPrecision(
  plan: Plan,
  chosen: BoundaryCandidate,
  {accuracy, reason}: Extract<Answer, {kind: 'holds'}>,
  others: readonly (readonly [BoundaryCandidate, Plan])[],
  refused: readonly RefusedCandidate[],
): Plan {
  const {boundary, input} = chosen;
  const buildsOf = ({builds}: BoundaryCandidate): TierBuilds =>
    Object.fromEntries([...builds].map(([tier, {precision, build}]) => [tier, {precision, build}]));
  const packingOf = ({packed}: BoundaryCandidate): {isPacked?: true} =>
    packed === null ? {} : {isPacked: true};
  const rowOf = (
    candidate: BoundaryCandidate,
    planned: Plan | null,
    rest: Pick<PrecisionCandidate, 'verdict' | 'reason'> & {accuracy?: ComposedAccuracy | undefined},
  ): PrecisionCandidate => ({
    ...buildsOf(candidate),
    boundary: candidate.boundary,
    input: candidate.input,
    ...packingOf(candidate),
    predictedMs: planned === null ? null : planned.predicted.latencyMs,
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
      ...buildsOf(chosen),
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
              reason: differenceInWords(planned, plan),
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

function differenceInWords(other: Plan, chosen: Plan): string {
  const [amount, least] = [amountOf(other), amountOf(chosen)];
  if (chosen.objective === 'latency')
    return `${amount < least ? 'predicted to be faster' : 'slower'} by ${rounded(Math.abs(amount - least))} ms`;
  if (amount === least) return 'as good';
  if (least === 0) return 'worse: this plan takes nothing';
  return `${amount < least ? 'predicted to be better' : 'worse'} by ${rounded((100 * Math.abs(amount - least)) / least)} %`;
}

function rounded(amount: number): number {
  return Number(amount.toPrecision(3));
}
