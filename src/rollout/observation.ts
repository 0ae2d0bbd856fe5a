import type {AgentStatistics} from '../documents/agentStatistics.ts';

/** One look at a device that has the new release. */
export interface DeviceObservation {
  readonly device: string;
  readonly atMs: number;
  /** What the device itself says serves; `null` when it could not be asked. */
  readonly isServing: boolean | null;
  /** `null` when the agent told nothing. */
  readonly statistics: Pick<AgentStatistics, 'current' | 'previous'> | null;
  /** Of the device's plan. */
  readonly predictedMs: number | null;
}
