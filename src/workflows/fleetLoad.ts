import type {CloudLoad} from '../documents/fleetPlan.ts';
import type {Plan} from '../documents/plan.ts';
import type {ModelTimes} from '../documents/profile.ts';
import type {Project, ProjectCloud} from '../documents/project.ts';
import {REQUEST_RATE, SHARE} from '../documents/quantities.ts';
import {quantityOf} from '../documents/quantityField.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import type {DeviceClass} from '../fleet/deviceClasses.ts';
import {weighCloudLoad, type ClassDemand} from '../fleet/weighCloudLoad.ts';

/**
 * Beyond this, requests wait for one another: at 70 % of one instance with constant times, for 1.2 times what they take
 * (Pollaczek and Khinchine: utilization / (2 (1 - utilization))).
 */
const DEFAULT_MAX_UTILIZATION = 0.7;

/** What the planned classes ask of the project's cloud; `null` where nothing says how often devices ask. */
export function cloudLoadOf(
  project: Project,
  cloud: ProjectCloud,
  cloudTimes: ModelTimes,
  planned: readonly {readonly class: DeviceClass; readonly plan: Plan}[],
): CloudLoad | null {
  const servingMs = cloudTimes.requestOverhead.medianMs + cloudTimes.sessionOverhead.medianMs;
  const busyMs = (cloudMs: number): number => (cloudMs === 0 ? 0 : cloudMs + servingMs);
  const [amount = '', currency = ''] = cloud.pricePerHour?.split(' ') ?? [];
  return weighCloudLoad(
    planned.map(({class: each, plan}): ClassDemand => ({
      name: each.name,
      devices: each.devices.length,
      requestsPerSecond: requestsPerSecondOf(project, each),
      cloudMs: busyMs(plan.predicted.cloudMs),
      latencyMs: plan.predicted.latencyMs,
      others: (plan.envelope?.placements ?? []).map(({name, cloudMs, latencyMs}) => ({
        name,
        cloudMs: busyMs(cloudMs),
        latencyMs,
      })),
    })),
    {
      cloud: cloud.name,
      instances: cloud.instances ?? null,
      maxUtilization:
        cloud.maxUtilization === undefined
          ? DEFAULT_MAX_UTILIZATION
          : Math.min(1, quantityOf(cloud.maxUtilization, SHARE)),
      pricePerHour: cloud.pricePerHour === undefined ? null : {amount: Number(amount), currency},
    },
  );
}

/** All devices of the class together: a device's own rate, else its group's, else the project's. */
function requestsPerSecondOf(project: Project, {name, origin, devices}: DeviceClass): number | null {
  const group = origin === 'group' ? project.groups?.find(each => each.name === name) : undefined;
  const own = new Map(project.devices.map(device => [device.name, device.requestRate]));
  const rates = devices.flatMap(device => {
    const text = own.get(device) ?? group?.requestRate ?? project.requestRate;
    return text === undefined ? [] : [quantityOf(text, REQUEST_RATE)];
  });
  return rates.length === 0 ? null : rates.reduce((sum, rate) => sum + rate, 0);
}

/** @throws ExpectedError `cloud-overloaded` (exit 1) with the numbers, and what would fit */
export function requireCapacity(load: CloudLoad | null): void {
  if (load === null || load.isWithinCapacity || load.remedy === null || load.instances === null) return;
  const {remedy, instances, busyInstances, requestsPerSecond, cloud} = load;
  const percent = (share: number): string => `${Math.round(share * 100)} %`;
  const moves = remedy.moves?.map(
    move =>
      `${move.class} (${move.devices} devices) to ${move.placement}: ${move.addedLatencyMs.toFixed(2)} ms more, ${move.freedInstances.toFixed(2)} instances less`,
  );
  throw new ExpectedError(
    'cloud-overloaded',
    `The fleet's ${round(requestsPerSecond)} requests/s keep ${round(busyInstances)} instances of ${cloud} busy; its ${instances} may be busy to ${percent(load.maxUtilization)}, which is ${round(instances * load.maxUtilization)}.`,
    EXIT.verdictNo,
    {
      hints: [
        `Set instances: ${remedy.instances} for ${cloud} in edgewise.yaml, where that many are there.`,
        `Lower every requestRate to ${Math.floor(remedy.rateFactor * 100)} % of it.`,
        moves === undefined
          ? `No other placement of these classes fits into ${instances} ${instances === 1 ? 'instance' : 'instances'}.`
          : `Pin layers so that less is asked of ${cloud}: ${moves.join('; ')}.`,
      ],
    },
  );
}

function round(value: number): string {
  return String(Number(value.toPrecision(3)));
}
