import type {RolloutState} from '../../rollout/rolloutState.ts';
import type {EmitEvent} from '../../events.ts';
import {messageOf} from '../../errors.ts';
import {HOLD_SECONDS, withDeviceLock} from '../deploy/deviceLock.ts';
import {readDeviceTruth} from '../deploy/readDeviceTruth.ts';
import {keepDeviceRollout} from './deviceRollout.ts';
import {forEachLimited} from './forEachLimited.ts';
import {CONNECTIONS} from './lookAtFleet.ts';
import type {WithMachine} from './heldSession.ts';

/**
 * Has every device that takes part in the rollout keep which waves were approved, before anything follows from it. One
 * that knows is enough for a controller anywhere; where none could be told, a note says so.
 */
export async function keepApproval(
  rollout: string,
  {approvedWaves}: Pick<RolloutState, 'approvedWaves'>,
  devices: readonly {readonly withMachine: WithMachine}[],
  emit: EmitEvent,
): Promise<void> {
  let told = 0;
  let problem = 'no device that answers takes part in it';
  await forEachLimited(devices, CONNECTIONS, async ({withMachine}) => {
    try {
      await withMachine(machine =>
        withDeviceLock(
          machine,
          async () => {
            const {rollout: kept} = await readDeviceTruth(machine);
            if (kept?.rollout !== rollout) return;
            await keepDeviceRollout(machine, {...kept, approvedWaves: [...approvedWaves]});
            told++;
          },
          {rollout: {id: rollout, holdSeconds: HOLD_SECONDS}},
        ),
      );
    } catch (error) {
      problem = messageOf(error);
    }
  });
  if (told > 0) return;
  emit({kind: 'note', level: 'warning', text: `The approval is known to this machine alone: ${problem}`});
}
