import {profileFromYaml} from '../documents/readDocument.ts';
import type {Link, ModelTimes, Profile} from '../documents/profile.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import type {LinkMeasurements, PlacementMeasurements, TierMeasurements} from '../placement/measurements.ts';
import {readDocumentText} from '../workspace/projectFolder.ts';
import type {Estimates} from './estimateTimes.ts';
import {cloudOf, gatewayOf, reachesCloud, selectDevices, type OpenProject} from './openProject.ts';
import type {PreparedModel} from './prepareModel.ts';

/**
 * What was measured of the machines that a device's layers can run on, and of the links between them: to its gateway, from
 * there to the cloud, and its own to the cloud where it has one.
 * @throws ExpectedError `profile-missing`, `profile-stale`
 */
export async function readMeasuredTiers(
  project: OpenProject,
  name: string,
  prepared: PreparedModel,
  estimates: Estimates | null,
): Promise<Pick<PlacementMeasurements, 'tiers' | 'links'>> {
  const [device] = selectDevices(project.project, [name]);
  if (device === undefined) throw new Error('selectDevices gave no device');
  const gateway = gatewayOf(project.project, device);
  const cloud = cloudOf(project.project);
  const read = (machine: string) => readProfile(project, machine, name, estimates);
  const onDevice = await read(name);
  const onGateway = gateway === null ? null : await read(gateway.name);
  const inCloud = cloud === null ? null : await read(cloud.name);
  const times = (profile: Profile) => timesOf(profile, prepared, name);

  const tiers: TierMeasurements[] = [{tier: 'device', machine: name, times: times(onDevice)}];
  const links: LinkMeasurements[] = [];
  if (gateway !== null && onGateway !== null) {
    tiers.push({tier: 'gateway', machine: gateway.name, times: times(onGateway)});
    const link = linkTo(onDevice, gateway.name, name);
    links.push({from: 'device', to: 'gateway', link, cutCosts: cutCostsOf(times(onGateway))});
  }
  if (cloud !== null && inCloud !== null) {
    tiers.push({tier: 'cloud', machine: cloud.name, times: times(inCloud)});
    const cutCosts = cutCostsOf(times(inCloud));
    if (onGateway !== null)
      links.push({from: 'gateway', to: 'cloud', link: linkTo(onGateway, cloud.name, name), cutCosts});
    if (reachesCloud(project.project, device))
      links.push({from: 'device', to: 'cloud', link: linkTo(onDevice, cloud.name, name), cutCosts});
  }
  return {tiers, links};
}

/** @throws ExpectedError `profile-stale` */
function linkTo({machine, links}: Profile, to: string, device: string): Link {
  const link = links.find(one => one.to === to);
  if (link !== undefined) return link;
  throw new ExpectedError(
    'profile-stale',
    `The profile of ${machine.name} has no link to ${to}.`,
    EXIT.stale,
    {hints: [`edgewise profile ${device}`]},
  );
}

/** The link is fitted to exchanges with the other end's own time taken off: what serving costs it comes on top. */
function cutCostsOf({requestOverhead, sessionOverhead}: ModelTimes): {fixedMs: number; perTensorMs: number} {
  return {fixedMs: requestOverhead.medianMs + sessionOverhead.medianMs, perTensorMs: 0};
}

/** Completed by the estimates, if there are any. @throws ExpectedError `profile-missing` */
export async function readProfile(
  project: OpenProject,
  machine: string,
  device: string,
  estimates: Estimates | null,
): Promise<Profile> {
  const file = project.profileFile(machine);
  const text = await readDocumentText(file);
  if (text === null) {
    throw new ExpectedError(
      'profile-missing',
      `${machine} has not been profiled: there is no ${file}.`,
      EXIT.usage,
      {
        hints: [`edgewise profile ${device}`],
      },
    );
  }
  const profile = profileFromYaml(text, file);
  return estimates === null ? profile : estimates.complete(profile);
}

/** @throws ExpectedError `profile-stale` when the machine was measured with another build of the model */
export function timesOf(profile: Profile, prepared: PreparedModel, device: string): ModelTimes {
  const times = profile.models.find(({build}) => build === prepared.digest);
  if (times !== undefined) return times;
  throw new ExpectedError(
    'profile-stale',
    `The profile of ${profile.machine.name} was measured with another model than ${prepared.name} is now.`,
    EXIT.stale,
    {hints: [`edgewise profile ${device}`, `edgewise plan ${device} --estimate`]},
  );
}
