import type {CloudLoad} from '../documents/fleetPlan.ts';
import {choosePlacementMoves} from './placementMoves.ts';

const MS_PER_SECOND = 1000;
const SECONDS_PER_HOUR = 3600;

/** What one class asks of the cloud. */
export interface ClassDemand {
  readonly name: string;
  readonly devices: number;
  /** Of all its devices together; `null` where nothing says it. */
  readonly requestsPerSecond: number | null;
  /** What one request keeps a cloud instance busy, layers and serving; 0 when it does not ask the cloud. */
  readonly cloudMs: number;
  readonly latencyMs: number;
  /** Other placements that the class may have. */
  readonly others: readonly {readonly name: string; readonly cloudMs: number; readonly latencyMs: number}[];
}

export interface CloudCapacity {
  readonly cloud: string;
  /** `null`: not declared, so there is nothing to exceed. */
  readonly instances: number | null;
  /** Above 0, at most 1: beyond it, requests wait for one another. */
  readonly maxUtilization: number;
  readonly pricePerHour: {readonly amount: number; readonly currency: string} | null;
}

/**
 * Whether a cloud can serve all classes (requests per second × seconds of an instance, against the instances), what that
 * costs, and what would fit where it cannot. `null` where no class has a rate.
 */
export function weighCloudLoad(
  classes: readonly ClassDemand[],
  {cloud, instances, maxUtilization, pricePerHour}: CloudCapacity,
): CloudLoad | null {
  const counted = classes.flatMap(({requestsPerSecond, ...demand}) =>
    requestsPerSecond === null ? [] : [{...demand, requestsPerSecond}],
  );
  if (counted.length === 0) return null;
  const busyOf = (requestsPerSecond: number, cloudMs: number): number =>
    (requestsPerSecond * cloudMs) / MS_PER_SECOND;
  const busyInstances = counted.reduce(
    (sum, demand) => sum + busyOf(demand.requestsPerSecond, demand.cloudMs),
    0,
  );
  const requestsPerSecond = counted.reduce((sum, demand) => sum + demand.requestsPerSecond, 0);
  const neededInstances = instancesFor(busyInstances, maxUtilization);
  const isWithinCapacity = instances === null || neededInstances <= instances;
  const perHour = pricePerHour === null ? null : pricePerHour.amount * (instances ?? neededInstances);
  return {
    cloud,
    requestsPerSecond,
    busyInstances,
    neededInstances,
    maxUtilization,
    instances,
    isWithinCapacity,
    price:
      pricePerHour === null || perHour === null
        ? null
        : {
            currency: pricePerHour.currency,
            perHour,
            perMillionRequests:
              requestsPerSecond === 0 ? 0 : (perHour / (requestsPerSecond * SECONDS_PER_HOUR)) * 1e6,
          },
    classes: counted.map(demand => ({
      name: demand.name,
      devices: demand.devices,
      requestsPerSecond: demand.requestsPerSecond,
      cloudMs: demand.cloudMs,
      busyInstances: busyOf(demand.requestsPerSecond, demand.cloudMs),
    })),
    uncountedClasses: classes.filter(demand => demand.requestsPerSecond === null).map(({name}) => name),
    remedy:
      instances === null || isWithinCapacity
        ? null
        : {
            instances: neededInstances,
            rateFactor: (instances * maxUtilization) / busyInstances,
            moves: choosePlacementMoves(counted, instances * maxUtilization),
          },
  };
}

/** A rounding error must not ask for another instance. */
function instancesFor(busyInstances: number, maxUtilization: number): number {
  return Math.ceil(busyInstances / maxUtilization - 1e-9);
}
