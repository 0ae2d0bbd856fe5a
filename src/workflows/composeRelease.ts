import {EXIT, ExpectedError} from '../errors.ts';
import {jsonFromDocument} from '../documents/printDocument.ts';
import type {Plan} from '../documents/plan.ts';
import type {ProjectDevice} from '../documents/project.ts';
import type {Release} from '../documents/release.ts';
import {digestOfBytes, hexOfDigest} from '../workspace/digest.ts';
import type {CloudModel} from './loadCloudModel.ts';
import {endpointPortOf, gatewayOf, reachesCloud, type OpenProject} from './openProject.ts';
import type {PreparedModel} from './prepareModel.ts';
import {composeChain, type ComposedPart} from './release/composeChain.ts';
import {composeFallback, isFallbackWanted, joinFiles} from './release/composeFallback.ts';
import {composeTwoParts} from './release/composeTwoParts.ts';
import {placedTiersOf} from './release/placedTiers.ts';
import {isHeadAndTail, segmentsOfPlan} from './release/segmentsOfPlan.ts';
import type {ShippedFile} from './deploy/shipFiles.ts';
import {specsOf} from './writeSegment.ts';

export interface ComposedRelease {
  readonly release: Release;
  /** Everything that goes into releases/<id>/ on the device. */
  readonly files: readonly ShippedFile[];
  /** What the cloud must be able to serve before the device is switched. */
  readonly cloudModels: readonly CloudModel[];
  /** What the gateway must be, after the cloud. */
  readonly parts: readonly ComposedPart[];
}

/** What only those machines know that the release is for. */
export interface ReleaseMachines {
  readonly runtimeDigest: string;
  /** Asked only when it matters. */
  readonly readGatewayThreads: () => Promise<number>;
  readonly readCanCloudKeep: () => Promise<boolean>;
}

/**
 * Turns a plan into what is deployed: the segments cut out of the build, weights as blobs, and a manifest. The same plan
 * gives the same release, byte for byte.
 * @throws ExpectedError `plan-stale` when the plan names layers that the build does not have
 */
export async function composeRelease(
  project: OpenProject,
  device: ProjectDevice,
  plan: Plan,
  planText: string,
  prepared: PreparedModel,
  machines: ReleaseMachines,
): Promise<ComposedRelease> {
  const deployed = await composeDeployed(project, device, plan, planText, prepared, machines);
  const known = prepared.types;
  const content = {
    madeFrom: {plan: digestOfBytes(planText), build: plan.build},
    device: device.name,
    plan: digestOfBytes(planText),
    runtime: machines.runtimeDigest,
    endpoint: {port: endpointPortOf(device)},
    model: {
      name: prepared.name,
      inputs: specsOf(prepared.graph.inputs, known),
      outputs: specsOf(prepared.graph.outputs, known),
    },
    threads: plan.threads,
    ...deployed.steps,
    files: [...deployed.files],
  };
  const id = hexOfDigest(digestOfBytes(JSON.stringify(content))).slice(0, 16);
  const release: Release = {
    kind: 'edgewise/release',
    formatVersion: 1,
    madeBy: plan.madeBy,
    // The plan's time, not now: the same plan must give the same bytes.
    madeAt: plan.madeAt,
    id,
    ...content,
  };
  const manifest = new TextEncoder().encode(jsonFromDocument('release', release));
  const manifestDigest = await project.store.put([manifest]);
  return {
    release,
    cloudModels: deployed.cloudModels,
    parts: deployed.parts,
    files: [
      ...content.files.map(file => ({...file, source: project.store.pathOf(file.digest)})),
      {
        path: 'release.json',
        digest: manifestDigest,
        sizeBytes: manifest.byteLength,
        source: project.store.pathOf(manifestDigest),
      },
    ],
  };
}

type Deployed = Pick<ComposedRelease, 'cloudModels' | 'parts'> & {
  readonly steps: Pick<Release, 'steps' | 'head' | 'tail' | 'fallback' | 'cuts'>;
  readonly files: readonly Release['files'][number][];
};

/** A head and a tail where that is all there is; else a chain of steps. */
async function composeDeployed(
  project: OpenProject,
  device: ProjectDevice,
  plan: Plan,
  planText: string,
  prepared: PreparedModel,
  machines: ReleaseMachines,
): Promise<Deployed> {
  const tiers = placedTiersOf(project, device, plan);
  const segments = segmentsOfPlan(plan, prepared.graph, tiers);
  const isDirect = isCloudDirect(project, device, plan);
  const hasGateway = gatewayOf(project.project, device) !== null;
  if (isHeadAndTail(segments, tiers) && (isDirect || !hasGateway))
    return composeTwoParts(project, plan, prepared);
  refuseEncodings(plan);
  const isOn = (tier: string) => segments.filter(segment => tiers[segment.tier]?.tier === tier).length;
  const chain = await composeChain({
    project,
    prepared,
    plan,
    planDigest: digestOfBytes(planText),
    tiers,
    segments,
    isCloudDirect: isDirect,
    gatewayThreads: hasGateway ? await machines.readGatewayThreads() : 1,
    canCloudKeep: isOn('cloud') > 1 && (await machines.readCanCloudKeep()),
  });
  const fallback = isFallbackWanted(project, plan)
    ? await composeFallback(project, prepared, plan, {tiers, segments, steps: chain.steps})
    : null;
  if (fallback === null) return {...chain, steps: {steps: [...chain.steps]}};
  return {
    ...chain,
    steps: {steps: [...chain.steps], fallback: fallback.fallback},
    files: joinFiles(chain.files, fallback.files),
  };
}

/** @throws ExpectedError `boundary-not-supported`: tensors travel as they are where there is more than a head and a tail */
function refuseEncodings({device, cut}: Plan): void {
  const row = cut.find(({precision, isPacked}) => precision !== undefined || isPacked === true);
  if (row === undefined) return;
  throw new ExpectedError(
    'boundary-not-supported',
    `The plan for ${device} sends ${row.tensor} as ${row.precision ?? 'packed bytes'}; over a gateway or with return trips, tensors travel as they are.`,
    EXIT.unsupported,
    {hints: [`edgewise plan ${device}`]},
  );
}

/** As the plan's cut says; one that does not say from where to where leaves it to the project. */
function isCloudDirect({project}: OpenProject, device: ProjectDevice, {cut}: Plan): boolean {
  if (!reachesCloud(project, device)) return false;
  const isBetween = (one: string | undefined, other: string | undefined): boolean =>
    one === 'device' && other === 'cloud';
  return cut.some(({from, to}) => from === undefined || isBetween(from, to) || isBetween(to, from));
}
