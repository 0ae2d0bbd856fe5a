import type {Plan} from '../documents/plan.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import type {EmitEvent} from '../events.ts';
import {push, type PushResult} from './push.ts';
import {readPlan} from './readPlan.ts';

export interface MembersPushed {
  readonly pushes: readonly PushResult[];
  /** Could not be reached: the others went on. */
  readonly unreachable: readonly {readonly device: string; readonly message: string}[];
}

type PushRequest = Parameters<typeof push>[0];

/**
 * Pushes a plan to all devices that it is for, or to those named, one after the other. A device that cannot be reached is
 * passed over; any other failure ends it, because what one device refuses the next would too.
 * @throws ExpectedError `device-not-in-plan`, and whatever a push throws
 */
export async function pushMembers(
  request: Omit<PushRequest, 'device'> & {readonly devices: readonly string[]},
  emit: EmitEvent,
): Promise<MembersPushed> {
  const {devices, ...rest} = request;
  const {plan} = await readPlan(request.planFile);
  const members = membersOf(plan, devices, request.planFile);
  const pushes: PushResult[] = [];
  const unreachable: {device: string; message: string}[] = [];
  for (const device of members) {
    try {
      pushes.push(await push({...rest, device}, emit));
    } catch (error) {
      const isAlone = members.length === 1;
      if (isAlone || !(error instanceof ExpectedError) || error.code !== 'device-unreachable') throw error;
      unreachable.push({device, message: error.message});
    }
  }
  return {pushes, unreachable};
}

function membersOf(plan: Plan, named: readonly string[], planFile: string): readonly string[] {
  const all = plan.devices ?? [plan.device];
  const stranger = named.find(device => !all.includes(device));
  if (stranger !== undefined)
    throw new ExpectedError(
      'device-not-in-plan',
      `${planFile} is not for ${stranger}; it is for ${all.length <= 5 ? all.join(', ') : `${all.slice(0, 5).join(', ')} and ${all.length - 5} more`}.`,
      EXIT.usage,
      {hints: [`edgewise plan ${stranger}`]},
    );
  return named.length === 0 ? all : named;
}
