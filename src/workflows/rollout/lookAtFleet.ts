import type {DevicePhase, Rollout, RolloutRecord} from '../../documents/rollout.ts';
import {stateOfRollout} from '../../rollout/rolloutState.ts';
import {messageOf} from '../../errors.ts';
import {readDeviceTruth, type DeviceTruth} from '../deploy/readDeviceTruth.ts';
import {forEachLimited} from './forEachLimited.ts';
import type {WithMachine} from './heldSession.ts';
import {keepNewSpaceSmall} from './keepNewSpaceSmall.ts';

/** What one device says; `problem` when it could not be asked. */
export interface SeenDevice {
  readonly device: string;
  readonly truth: DeviceTruth | null;
  readonly problem: string | null;
}

/** Connections that are opened at once: below what a default sshd or a bastion refuses. */
export const CONNECTIONS = 16;

export async function lookAtFleet(
  devices: readonly {readonly device: string; readonly withMachine: WithMachine}[],
): Promise<Map<string, SeenDevice>> {
  keepNewSpaceSmall();
  const seen = new Map<string, SeenDevice>();
  await forEachLimited(devices, CONNECTIONS, async ({device, withMachine}) => {
    try {
      const truth = await withMachine(readDeviceTruth);
      seen.set(device, {device, truth, problem: null});
    } catch (error) {
      seen.set(device, {device, truth: null, problem: messageOf(error)});
    }
  });
  return seen;
}

/**
 * Records that bring a journal to what the devices say, however old, torn or missing it is: each device's phase, the waves
 * that must have passed because later ones have begun, those that were approved, and that everything was being taken back.
 */
export function recordsFromDevices(
  rollout: Rollout,
  seen: ReadonlyMap<string, SeenDevice>,
  at: string,
): RolloutRecord[] {
  const state = stateOfRollout(rollout);
  const records: RolloutRecord[] = [];
  const phases = rollout.devices.map(({device, wave}) => {
    const known = state.devices.get(device)?.phase ?? 'waiting';
    const phase = phaseFromDevice(rollout.id, seen.get(device)) ?? known;
    return {device, wave, known, phase};
  });
  for (const {device, known, phase} of phases) {
    if (phase !== known) records.push({record: 'device', at, device, phase, detail: 'as the device says'});
  }
  const begun = Math.max(0, ...phases.filter(({phase}) => phase !== 'waiting').map(({wave}) => wave));
  for (let wave = 1; wave < begun; wave++) {
    if (state.passedWaves.has(wave)) continue;
    const reason = `devices of wave ${begun} had begun`;
    records.push({
      record: 'gates',
      at,
      wave,
      verdict: 'pass',
      results: [{gate: 'serving', verdict: 'pass', reason}],
    });
  }
  const approved = [...seen.values()].flatMap(({truth}) =>
    truth?.rollout?.rollout === rollout.id ? (truth.rollout.approvedWaves ?? []) : [],
  );
  for (const wave of [...new Set(approved)].toSorted((a, b) => a - b))
    if (!state.approvedWaves.has(wave)) records.push({record: 'approved', at, wave});
  if (state.stopped === null && phases.some(({phase}) => phase === 'reverted'))
    records.push({record: 'stopped', at, reason: 'an earlier controller had begun to take it back'});
  return records;
}

/** `null` where the device says nothing about this rollout. */
function phaseFromDevice(rollout: string, seen: SeenDevice | undefined): DevicePhase | null {
  const truth = seen?.truth ?? null;
  const kept = truth?.rollout ?? null;
  if (truth === null || kept === null || kept.rollout !== rollout) return null;
  const isConfirmed =
    kept.release !== null &&
    truth.currentRelease === kept.release &&
    truth.openSwitch === null &&
    truth.ledger?.confirmed?.release === kept.release;
  switch (kept.phase) {
    case 'staged':
    case 'activated':
    case 'checked':
      // Staging again adopts a switch that is still open, and sends nothing that is there.
      return isConfirmed ? 'confirmed' : 'waiting';
    case 'confirmed':
      return isConfirmed ? 'confirmed' : 'reverted';
    default:
      return kept.phase;
  }
}
