import type {DevicePhase} from '../../documents/rollout.ts';
import type {EmitEvent} from '../../events.ts';
import type {DeviceObservation} from '../../rollout/observation.ts';

/** What became of a step on a device. */
export interface PhaseReport {
  readonly phase: DevicePhase;
  readonly detail?: string;
  readonly release?: string;
}

/** One device of a rollout, as far as the rollout is concerned: the steps of the state machine, carried out. */
export interface DeviceHands {
  /** `staged`, `unchanged`, `deferred`, or `failed`. @throws ExpectedError `device-locked`, `rollout-under-way` */
  stage(emit: EmitEvent): Promise<PhaseReport>;
  activate(): Promise<PhaseReport>;
  check(): Promise<PhaseReport>;
  confirm(): Promise<PhaseReport>;
  revert(reason: string): Promise<PhaseReport>;
  /** `wantedRequests`: golden requests to send first, so that there is something measured. */
  observe(wantedRequests: number): Promise<DeviceObservation>;
  /** Gives the lock and the connection back; a device that has the release stays held for the rollout. */
  close(): Promise<void>;
  /** Holds it for the rollout a while longer, while nobody has the lock. */
  hold(): Promise<void>;
  /** The rollout needs it no more. */
  letGo(): Promise<void>;
}
