import {z} from 'zod';
import type {Machine} from '../../device/machine.ts';
import {ledgerSchema, pendingSchema, type Ledger, type Pending} from '../../documents/deployment.ts';
import {deviceRolloutSchema, type DeviceRollout} from '../../documents/rollout.ts';
import {deviceScript} from '../../workspace/deviceScript.ts';
import {factsFrom, numberFrom, runScript} from './runOnDevice.ts';

/** What the agent says about itself; other keys are its own business. */
const agentState = z.looseObject({
  status: z.enum(['starting', 'serving', 'failed']),
  release: z.string().nullable().optional(),
  port: z.number().nullable().optional(),
  /** Counts the releases it was told to load, so that an old error is not taken for a new one. */
  attempts: z.number().optional(),
  bootId: z.string().optional(),
  error: z.unknown().optional(),
});

export interface HeldLock {
  readonly fence: number;
  readonly owner: string;
  readonly leftSeconds: number;
}

/** Everything the device itself says. There is no other truth: what a controller remembers may be old. */
export interface DeviceTruth {
  /** The user's home folder; edgewise's is `.edgewise` in it. */
  readonly home: string;
  readonly architecture: string;
  readonly freeBytes: number | null;
  readonly freeInodes: number | null;
  readonly isWritable: boolean;
  readonly clockSeconds: number | null;
  readonly uptimeSeconds: number | null;
  readonly bootId: string | null;
  readonly availableMemoryBytes: number | null;
  readonly tools: readonly string[];
  readonly currentRelease: string | null;
  readonly previousRelease: string | null;
  readonly releases: readonly string[];
  /** By their digests, in hex. */
  readonly runtimes: readonly string[];
  readonly currentRuntime: string | null;
  readonly isSupervised: boolean;
  /** What `agent` says is true only then. */
  readonly isAgentAlive: boolean;
  readonly agent: z.infer<typeof agentState> | null;
  /** A switch that nobody has confirmed yet, or whose decision is being carried out. */
  readonly openSwitch: {
    readonly state: 'pending' | 'confirming' | 'reverting';
    readonly pending: Pending;
  } | null;
  /** `null` before the first push. */
  readonly ledger: Ledger | null;
  readonly lock: HeldLock | null;
  /** The rollout that the device is held for, whether somebody has the lock or not. */
  readonly hold: {readonly rollout: string; readonly leftSeconds: number} | null;
  /** The last rollout that it took part in; `null` before the first, and when what it keeps cannot be read. */
  readonly rollout: DeviceRollout | null;
}

/** One round trip; changes nothing on the device. */
export async function readDeviceTruth(machine: Machine): Promise<DeviceTruth> {
  return truthFrom((await runScript(machine, deviceScript('truth'))).stdout);
}

/** From the "key value" lines of truth.sh; a line that is not understood counts as not there. */
export function truthFrom(stdout: string): DeviceTruth {
  const facts = factsFrom(stdout);
  const numberOf = (key: string, factor = 1): number | null => numberFrom(facts.get(key), factor);
  const namesOf = (prefix: string): string[] =>
    [...facts.keys()].filter(key => key.startsWith(prefix)).map(key => key.slice(prefix.length));
  const openSwitch = (['confirming', 'reverting', 'pending'] as const).flatMap(state => {
    const pending = jsonFrom(facts.get(state), pendingSchema);
    return pending === null ? [] : [{state, pending}];
  })[0];
  return {
    home: facts.get('home') ?? '',
    architecture: facts.get('architecture') ?? '',
    freeBytes: numberOf('freeKilobytes', 1024),
    freeInodes: numberOf('freeInodes'),
    isWritable: facts.has('writable'),
    clockSeconds: numberOf('clock'),
    uptimeSeconds: numberOf('uptime'),
    bootId: facts.get('bootId') ?? null,
    availableMemoryBytes: numberOf('memoryKilobytes', 1024),
    tools: namesOf('tool:'),
    currentRelease: facts.get('current') ?? null,
    previousRelease: facts.get('previous') ?? null,
    releases: namesOf('release:'),
    runtimes: namesOf('runtime:'),
    currentRuntime: facts.get('runtimeCurrent') ?? null,
    isSupervised: facts.has('supervisor'),
    isAgentAlive: facts.has('agentAlive'),
    agent: jsonFrom(facts.get('state'), agentState),
    openSwitch: openSwitch ?? null,
    ledger: jsonFrom(facts.get('ledger'), ledgerSchema),
    ...locksFrom(stdout.split('\n'), facts.get('bootId'), numberOf('uptime') ?? 0),
    rollout: jsonFrom(facts.get('rollout'), deviceRolloutSchema),
  };
}

/** Half-known documents (an older agent's, say) count as none: what matters is read back after each change. */
function jsonFrom<T>(text: string | undefined, schema: z.ZodType<T>): T | null {
  if (text === undefined) return null;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** The newest counts; its line is "owner expires boot rollout held-until", the last two since devices are held at all. */
function locksFrom(
  lines: readonly string[],
  bootId: string | undefined,
  uptimeSeconds: number,
): Pick<DeviceTruth, 'lock' | 'hold'> {
  const newest = lines
    .filter(line => line.startsWith('lock '))
    .map(line => {
      const [, fence = '0', owner = '-', expires = '0', boot = '', rollout = '-', until = '0'] =
        line.split(' ');
      return {
        fence: Number(fence),
        owner,
        leftSeconds: Number(expires) - uptimeSeconds,
        boot,
        hold: {rollout, leftSeconds: Number(until) - uptimeSeconds},
      };
    })
    .toSorted((a, b) => b.fence - a.fence)[0];
  if (newest === undefined || newest.boot !== bootId) return {lock: null, hold: null};
  const {fence, owner, leftSeconds, hold} = newest;
  return {
    lock: owner === '-' || leftSeconds <= 0 ? null : {fence, owner, leftSeconds},
    hold: hold.rollout === '-' || hold.leftSeconds <= 0 ? null : hold,
  };
}

export function isServing(truth: DeviceTruth, release: string): boolean {
  return (
    truth.currentRelease === release &&
    // An agent goes on serving from memory what somebody has removed from the disk.
    truth.releases.includes(release) &&
    truth.isSupervised &&
    truth.isAgentAlive &&
    truth.agent?.bootId === truth.bootId &&
    truth.agent?.status === 'serving' &&
    truth.agent.release === release
  );
}
