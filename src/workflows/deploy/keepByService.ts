import type {Machine} from '../../device/machine.ts';
import type {ServiceKind} from '../../documents/project.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {deviceScript, readDeviceTemplate} from '../../workspace/deviceScript.ts';
import {digestOfBytes, hexOfDigest} from '../../workspace/digest.ts';
import {factsFrom, runScript} from './runOnDevice.ts';

const USER_ONLY = ['PrivateUsers'];
/** What takes mounts of its own; a user's systemd can do it only where the kernel gives user namespaces to everybody. */
const OWN_MOUNTS = [
  // Without it the others are silently passed over in a user's unit.
  ...USER_ONLY,
  'ProtectSystem',
  'ProtectHome',
  'ReadWritePaths',
  'PrivateTmp',
  'ProtectKernelTunables',
];
/** What only the system's own systemd may do. */
const SYSTEM_ONLY = [
  'PrivateDevices',
  'ProtectKernelModules',
  'ProtectKernelLogs',
  'ProtectControlGroups',
  'ProtectClock',
  'ProtectHostname',
  'CapabilityBoundingSet',
];

interface ServiceFacts {
  /** Real path of edgewise's folder. */
  readonly root: string;
  /** `null`: this device is left to the agent's own supervisor, for that reason. */
  readonly scope: 'system' | 'user' | null;
  readonly whyNone: string;
  readonly hasOwnMounts: boolean;
  /** SHA-256 of the unit file that is there, in hex. */
  readonly unit: string | null;
  readonly isEnabled: boolean;
  readonly startsAtBoot: boolean;
  /** Whether the supervisor that runs is the unit's. */
  readonly keepsAgent: boolean;
}

/**
 * Has systemd keep the agent from the next switch on, where the device has one: a unit of the system for root, of the
 * user otherwise. Doing it again changes nothing. An emulated device, or one called `local`, keeps its own supervisor.
 * @throws ExpectedError `systemd-unavailable` where it is asked for by name and cannot be had
 */
export async function keepByService(machine: Machine, wish: ServiceKind): Promise<void> {
  if (isLeftAlone(machine, wish)) return;
  const facts = await readService(machine);
  if (facts.scope === null) {
    if (wish !== 'systemd') return;
    throw new ExpectedError(
      'systemd-unavailable',
      `${machine.name} cannot keep the agent by systemd: ${facts.whyNone}.`,
      EXIT.unsupported,
      {hints: ['service: supervisor, in edgewise.yaml']},
    );
  }
  await runScript(machine, deviceScript('service', 'install'), unitText(facts));
}

/** What is not as `keepByService` and a switch leave it, in words; empty when all is. */
export async function findServiceDrift(machine: Machine, wish: ServiceKind): Promise<string[]> {
  if (isLeftAlone(machine, wish)) return [];
  const facts = await readService(machine);
  if (facts.scope === null) return wish === 'systemd' ? [`no systemd unit: ${facts.whyNone}`] : [];
  if (facts.unit === null) return ['no systemd unit'];
  return [
    ...(facts.unit === hexOfDigest(digestOfBytes(unitText(facts)))
      ? []
      : ['the systemd unit has other bytes']),
    ...(facts.isEnabled ? [] : ['the systemd unit is not enabled']),
    ...(facts.startsAtBoot ? [] : ['the systemd unit starts at log-in only: loginctl enable-linger']),
    ...(facts.keepsAgent ? [] : ['the agent is not kept by the systemd unit']),
  ];
}

function isLeftAlone({address}: Machine, wish: ServiceKind): boolean {
  return wish === 'supervisor' || (wish === 'auto' && address === 'local');
}

async function readService(machine: Machine): Promise<ServiceFacts> {
  const facts = factsFrom((await runScript(machine, deviceScript('service', 'state'))).stdout);
  const scope = facts.get('scope');
  return {
    root: facts.get('root') ?? '',
    scope: facts.has('none') || (scope !== 'system' && scope !== 'user') ? null : scope,
    whyNone: facts.get('none') ?? '',
    hasOwnMounts: scope === 'system' || facts.has('mounts'),
    unit: facts.get('unit') ?? null,
    isEnabled: facts.has('enabled'),
    startsAtBoot: facts.has('startsAtBoot'),
    keepsAgent: facts.has('keeps'),
  };
}

function unitText({root, scope, hasOwnMounts}: ServiceFacts): string {
  const leftOut = scope === 'system' ? USER_ONLY : [...SYSTEM_ONLY, ...(hasOwnMounts ? [] : OWN_MOUNTS)];
  return readDeviceTemplate('edgewise-agent.service')
    .split('\n')
    .filter(line => !leftOut.some(directive => line.startsWith(`${directive}=`)))
    .join('\n')
    .replaceAll('@ROOT@', () => root.replaceAll('%', '%%').replaceAll(/["\\]/g, String.raw`\$&`))
    .replace('@TARGET@', scope === 'system' ? 'multi-user.target' : 'default.target');
}
