import {dieAfter} from '../../runtime/deploy/persistedSteps.ts';

/**
 * Every point of a deployment at which the device has just come to hold something new because of the controller, in
 * order. A controller may die after any of them; the kill matrix is made from this list and the device's own.
 */
export const CONTROLLER_STEPS = [
  'lock:taken',
  'switch:settled',
  'runtime:staged',
  'deltas:applied',
  'blobs:sent',
  'release:admitted',
  'release:switched',
  'release:loaded',
  'release:healthy',
  'release:confirmed',
] as const;

/** What the scripts of templates/device make durable. */
export const SCRIPT_STEPS = ['lock:linked', 'blob:named', 'tree:linked', 'tree:named'] as const;

export type ControllerStep = (typeof CONTROLLER_STEPS)[number];

export function passControllerStep(step: ControllerStep): void {
  dieAfter(step);
}
