/** What `edgewise plan` says of a fleet beside its plans: who belongs where, and whether the cloud can serve all. */
export interface FleetPlan {
  readonly classes: readonly PlannedClass[];
  /** `null` where nothing says how often devices ask. */
  readonly cloudLoad: CloudLoad | null;
}

export interface PlannedClass {
  readonly name: string;
  /** Declared as a group, formed of devices that are alike, or a device for itself. */
  readonly origin: 'group' | 'alike' | 'alone';
  readonly planFile: string;
  /** Whose profile the plan rests on. */
  readonly representative: string;
  readonly devices: readonly string[];
  /** Those without a profile of their own. */
  readonly estimatedDevices: readonly string[];
}

/** Instances are cloud servers as the one that was profiled; a busy one does nothing but run this model. */
export interface CloudLoad {
  readonly cloud: string;
  readonly requestsPerSecond: number;
  readonly busyInstances: number;
  /** So that none is busy for more than `maxUtilization` of the time. */
  readonly neededInstances: number;
  readonly maxUtilization: number;
  /** As declared; `null` where they are not. */
  readonly instances: number | null;
  readonly isWithinCapacity: boolean;
  /** Of the declared instances, else of those needed; `null` without a price. */
  readonly price: {
    readonly currency: string;
    readonly perHour: number;
    readonly perMillionRequests: number;
  } | null;
  readonly classes: readonly ClassLoad[];
  /** Classes that nothing says a rate of: they are not counted. */
  readonly uncountedClasses: readonly string[];
  /** What would fit; `null` where the load fits. */
  readonly remedy: LoadRemedy | null;
}

export interface ClassLoad {
  readonly name: string;
  readonly devices: number;
  /** Of all its devices together. */
  readonly requestsPerSecond: number;
  /** Of one request: layers and serving. */
  readonly cloudMs: number;
  readonly busyInstances: number;
}

export interface LoadRemedy {
  readonly instances: number;
  /** All rates times this would fit. */
  readonly rateFactor: number;
  /** Other placements for some classes that fit together; `null` where none do. */
  readonly moves: readonly PlacementMove[] | null;
}

export interface PlacementMove {
  readonly class: string;
  readonly devices: number;
  /** As the plan's alternatives are named. */
  readonly placement: string;
  readonly addedLatencyMs: number;
  /** Instances that are no longer busy. */
  readonly freedInstances: number;
}
