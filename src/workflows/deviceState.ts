import {z} from 'zod';
import type {Machine} from '../device/machine.ts';
import {deviceScript} from '../workspace/deviceScript.ts';
import {factsFrom, runScript} from './shipFiles.ts';

/** What the agent says about itself; other keys are its own business. */
const agentState = z.looseObject({
  status: z.enum(['starting', 'serving', 'failed']),
  release: z.string().nullable().optional(),
  port: z.number().nullable().optional(),
  /** Counts the releases it was told to load, so that an old error is not taken for a new one. */
  attempts: z.number().optional(),
  error: z.unknown().optional(),
});

export interface DeviceState {
  readonly home: string;
  readonly currentRelease: string | null;
  readonly previousRelease: string | null;
  readonly hasRuntime: boolean;
  readonly isSupervised: boolean;
  readonly agent: z.infer<typeof agentState> | null;
}

/** One round trip; changes nothing on the device. `runtimeHex`: the runtime to look for. */
export async function readDeviceState(machine: Machine, runtimeHex: string): Promise<DeviceState> {
  const facts = factsFrom((await runScript(machine, deviceScript('preflight', runtimeHex))).stdout);
  return {
    home: facts.get('home') ?? '',
    currentRelease: facts.get('current') ?? null,
    previousRelease: facts.get('previous') ?? null,
    hasRuntime: facts.has('runtime'),
    isSupervised: facts.has('supervisor'),
    agent: agentStateFrom(facts.get('state')),
  };
}

function agentStateFrom(text: string | undefined): DeviceState['agent'] {
  if (text === undefined) return null;
  try {
    return agentState.parse(JSON.parse(text));
  } catch {
    // Half-known states (an older agent's, say) count as none: what matters is read back after the change.
    return null;
  }
}

export function isServing(state: DeviceState, release: string): boolean {
  return (
    state.currentRelease === release && state.agent?.status === 'serving' && state.agent.release === release
  );
}
