import type {CloudLoad, FleetPlan} from '../documents/fleetPlan.ts';
import type {Plan, Tier} from '../documents/plan.ts';
import type {PrecisionWish} from '../documents/planPrecision.ts';
import {yamlFromDocument} from '../documents/printDocument.ts';
import {writeHeader} from '../documents/writeHeader.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {runStepOn, type EmitEvent} from '../events.ts';
import type {PlanChange} from '../placement/comparePlans.ts';
import {paretoOfPlan} from '../placement/goals/paretoOfPlan.ts';
import type {PlacementMeasurements} from '../placement/measurements.ts';
import {isHeadAndTail} from '../placement/planDocument.ts';
import {readOwnVersion} from '../workspace/ownVersion.ts';
import {writeDocument} from '../workspace/projectFolder.ts';
import {readLoweredBuilds} from './loweredBuilds/readLoweredBuilds.ts';
import {startEstimates, type Estimates} from './estimateTimes.ts';
import {formFleetClasses, type ProfiledClass} from './fleetClasses.ts';
import {cloudLoadOf, requireCapacity} from './fleetLoad.ts';
import {readProfile, timesOf} from './measuredTiers.ts';
import {cloudOf, openProject, type OpenProject} from './openProject.ts';
import {planInputs} from './planFreshness.ts';
import type {RequestedGoals} from './planGoals.ts';
import {compareWithFiles} from './comparePlanFiles.ts';
import {gatherMeasurements} from './planMeasurements.ts';
import type {LoweredBuild} from './precision/boundaryCandidates.ts';
import {choosePrecision} from './precision/choosePrecision.ts';
import {choosePrecisions, type AllowedPrecisions} from './precision/choosePrecisions.ts';
import {pixelInputs} from './precision/pixelInputs.ts';
import {startPrecisionData, type PrecisionData} from './precision/precisionData.ts';
import {withPreparedModel, type PreparedModel} from './prepareModel.ts';
import {verifyPlans, type VerifyWish} from './verify/verifyPlans.ts';

export interface PlanRequest {
  readonly projectPath: string;
  readonly devices: readonly string[];
  readonly goals: RequestedGoals;
  /** Layer times that were not measured are estimated from other models on machines like these. */
  readonly estimate?: boolean;
  /** Lower precision where tensors cross; the project's accuracy budget decides when left out. */
  readonly precision?: PrecisionWish;
  /** Builds the best candidates, runs them where they are to run, and decides by what was measured. */
  readonly verify?: VerifyWish;
  /** Overrides the project's accuracy budget when given. */
  readonly maxDrop?: string;
  /** Instead of plans/<device>.yaml; for one device only. */
  readonly output?: string;
  /** Nothing is written; `isUpToDate` says whether the files there are what would have been. */
  readonly checksOnly?: boolean;
  /** Folder with the plans to compare with; that of the project when left out. */
  readonly against?: string;
  /** Where to write the comparison, as Markdown. */
  readonly markdownFile?: string;
}

export interface MadePlan {
  readonly file: string;
  readonly plan: Plan;
}

export interface MadePlans {
  readonly plans: MadePlan[];
  readonly fleet: FleetPlan;
  /** Beside the plans that were there before, or in the folder that was named. */
  readonly changes: PlanChange[];
  /** Whether the plans' files already decided this, from the same measurements, when planning began. */
  readonly isUpToDate: boolean;
}

/**
 * Chooses the placement for each class of devices from what was measured, and writes one plan per class; none where the
 * cloud cannot serve all of them.
 * @throws ExpectedError `profile-missing`, `profile-stale`, `nothing-feasible`, `cloud-overloaded`, `too-little-measured` …
 */
export async function plan(request: PlanRequest, emit: EmitEvent): Promise<MadePlans> {
  const project = await openProject(request.projectPath);
  const {boundaries, precisions, budget} = choosePrecisions(project.project.accuracy, request);
  return withPreparedModel(project, emit, async prepared => {
    const data = startPrecisionData(project, prepared, budget);
    const wish = {...request, boundaries, precisions, data};
    const estimates = request.estimate === true ? startEstimates(prepared) : null;
    const classes = await formFleetClasses(project, request.devices, prepared.digest, emit, {
      takesOtherBuilds: estimates !== null,
    });
    requireOneFile(request, classes);
    const planned: {class: ProfiledClass; file: string; plan: Plan}[] = [];
    try {
      for (const each of classes) {
        const chosen = await runStepOn(
          emit,
          each.name,
          'plan',
          'plan',
          () => planDevice(project, each.representative, prepared, wish, estimates, emit),
          ({predicted}) => ({detail: `${predicted.latencyMs.toFixed(2)} ms predicted`}),
        );
        planned.push({
          class: each,
          file: request.output ?? project.planFile(each.name),
          plan: {...chosen, ...membersOf(each), ...(estimates?.describe(chosen) ?? {})},
        });
      }
    } finally {
      await data.close();
    }
    const cloudLoad = await weighLoad(project, prepared, planned, estimates);
    requireCapacity(cloudLoad);
    const compared = await compareWithFiles(project, planned, request);
    if (request.checksOnly !== true)
      for (const {file, plan: chosen} of planned) await writeDocument(file, yamlFromDocument('plan', chosen));
    return {
      ...compared,
      plans: planned.map(({file, plan: chosen}) => ({file, plan: chosen})),
      fleet: {
        classes: planned.map(({class: each, file}) => ({
          name: each.name,
          origin: each.origin,
          planFile: file,
          representative: each.representative,
          devices: each.devices,
          estimatedDevices: each.estimatedDevices,
        })),
        cloudLoad,
      },
    };
  });
}

function requireOneFile({output}: PlanRequest, classes: readonly ProfiledClass[]): void {
  if (output === undefined || classes.length === 1) return;
  throw new ExpectedError(
    'output-needs-one-device',
    `--output names one file, but ${classes.length} plans are made.`,
    EXIT.usage,
    {hints: [`edgewise plan ${classes[0]?.devices[0] ?? 'DEVICE'} --output FILE`]},
  );
}

/** A device with a profile of its own, planned for itself, needs no word on who it is for. */
function membersOf({name, representative, devices, estimatedDevices}: ProfiledClass): Partial<Plan> {
  const [first, ...others] = devices;
  if (first === undefined || (others.length === 0 && first === representative && name === first)) return {};
  return {class: name, devices: [first, ...others], estimatedDevices: [...estimatedDevices]};
}

async function weighLoad(
  project: OpenProject,
  prepared: PreparedModel,
  planned: readonly {readonly class: ProfiledClass; readonly plan: Plan}[],
  estimates: Estimates | null,
): Promise<CloudLoad | null> {
  const cloud = cloudOf(project.project);
  const [first] = planned;
  if (cloud === null || first === undefined) return null;
  const profile = await readProfile(project, cloud.name, first.class.representative, estimates);
  return cloudLoadOf(project.project, cloud, timesOf(profile, prepared, first.class.representative), planned);
}

/** Of each tier, the lowered builds that its machine was profiled with. */
async function readTierBuilds(
  project: OpenProject,
  prepared: PreparedModel,
  {tiers}: Pick<PlacementMeasurements, 'tiers'>,
  allowed: AllowedPrecisions['precisions'],
): Promise<ReadonlyMap<Tier, readonly LoweredBuild[]>> {
  const byTier = new Map<Tier, readonly LoweredBuild[]>();
  for (const {tier, machine} of tiers) {
    const profile = await readProfile(project, machine, tiers[0]?.machine ?? machine, null);
    const builds = await readLoweredBuilds(project, prepared, profile, allowed);
    if (builds.length > 0) byTier.set(tier, builds);
  }
  return byTier;
}

async function planDevice(
  project: OpenProject,
  device: string,
  prepared: PreparedModel,
  request: PlanRequest &
    Pick<AllowedPrecisions, 'boundaries' | 'precisions'> & {readonly data: PrecisionData},
  estimates: Estimates | null,
  emit: EmitEvent,
): Promise<Plan> {
  const measurements = await gatherMeasurements(project, device, prepared, request.goals, estimates);
  const question = {
    header: writeHeader('plan', {
      version: readOwnVersion(),
      now: new Date(),
      madeFrom: await planInputs(
        project,
        prepared,
        measurements.tiers.map(({machine}) => machine),
      ),
    }),
    measurements,
  };
  const cloud = cloudOf(project.project);
  // Only a head and a tail can encode, and what encoding takes is known as time only.
  const canEncode = isHeadAndTail(measurements);
  const deviceProfile = await readProfile(project, device, device, estimates);
  const choice = await choosePrecision(
    {
      request: question,
      ...(canEncode
        ? {
            boundaries: request.boundaries,
            pixels: pixelInputs(prepared.inputs, project.project.preprocessing),
          }
        : {boundaries: ['as-is'] as const, pixels: new Map<string, never>()}),
      builds: await readTierBuilds(project, prepared, measurements, request.precisions),
      deviceProfile,
      cloudProfile: cloud === null ? null : await readProfile(project, cloud.name, device, estimates),
      data: request.data,
    },
    emit,
  );
  const {verify} = request;
  const chosen =
    verify === undefined
      ? choice.plan
      : await verifyPlans(project, device, prepared, await choice.listPlansToTry(verify.count), verify, emit);
  const {pareto} = request.goals;
  if (pareto === undefined) return chosen;
  return runStepOn(
    emit,
    device,
    'pareto',
    pareto.join(' against '),
    () =>
      Promise.resolve({
        ...chosen,
        pareto: paretoOfPlan(
          choice.measurementsOf(chosen),
          pareto,
          chosen.layers.map(({tier}) => tier),
        ),
      }),
    ({pareto: {points}}) => ({detail: `${points.length} placements`}),
  );
}
