import {z} from 'zod';
import type {Machine} from '../../device/machine.ts';
import {deviceScript} from '../../workspace/deviceScript.ts';
import {factsFrom, runScript} from '../deploy/runOnDevice.ts';

/** What the gateway's program says about itself; other keys are its own business. */
const programState = z.looseObject({
  status: z.enum(['starting', 'serving', 'failed']),
  attempts: z.number(),
  host: z.string().nullable(),
  port: z.number().nullable(),
  parts: z.array(z.string()),
  failures: z.array(z.object({part: z.string(), code: z.string(), message: z.string()})),
  error: z.object({code: z.string(), message: z.string()}).nullable(),
  runtime: z.string(),
});

export interface GatewayMachineState {
  readonly home: string;
  readonly hasRuntime: boolean;
  readonly isSupervised: boolean;
  /** `null` as well where it is of a version that says other things. */
  readonly program: z.infer<typeof programState> | null;
}

/** One round trip; changes nothing. `runtimeHex`: the runtime to look for. */
export async function readGatewayState(machine: Machine, runtimeHex: string): Promise<GatewayMachineState> {
  const facts = factsFrom((await runScript(machine, deviceScript('gateway-state', runtimeHex))).stdout);
  return {
    home: facts.get('home') ?? '',
    hasRuntime: facts.has('runtime'),
    isSupervised: facts.has('supervisor'),
    program: programFrom(facts.get('state')),
  };
}

function programFrom(text: string | undefined): GatewayMachineState['program'] {
  if (text === undefined) return null;
  try {
    return programState.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
