import {checkSupported} from '../device/checkSupported.ts';
import type {Machine} from '../device/machine.ts';
import {probeHardware} from '../device/probeHardware.ts';
import type {Hardware} from '../documents/profile.ts';
import type {ProjectDevice} from '../documents/project.ts';
import type {ReadinessCheck} from '../documents/readiness.ts';
import {ExpectedError} from '../errors.ts';
import {deviceScript} from '../workspace/deviceScript.ts';
import {hexOfDigest} from '../workspace/digest.ts';
import {collectRuntimeFiles} from '../workspace/runtimeFiles.ts';
import {withDevice, type ConnectOptions} from './connectDevice.ts';
import {readDeviceTruth, type DeviceTruth} from './deploy/readDeviceTruth.ts';
import {examined} from './examineHere.ts';
import type {OpenProject} from './openProject.ts';
import {runtimeArchitectureOf} from './runtimeArchitecture.ts';
import {factsFrom, runScript} from './deploy/runOnDevice.ts';

/** Node, ONNX Runtime and a model beside the release that serves. */
const ENOUGH_DISK_BYTES = 400e6;
/** Certificates and leases live by the clock; logs of several machines are read side by side. */
const CLOCK_TOLERANCE_SECONDS = 30;

type Finding = Omit<ReadinessCheck, 'subject' | 'what'>;

/** Everything about one device, the first thing that stands in the way last: what is behind it cannot be seen. */
export async function examineDevice(
  project: OpenProject,
  device: ProjectDevice,
  connect: ConnectOptions,
): Promise<ReadinessCheck[]> {
  const checks: ReadinessCheck[] = [];
  const connection = await examined(device.name, 'connection', () =>
    withDevice(project, device, connect, async machine => {
      checks.push(...(await examineMachine(machine)));
      return machine.address === 'local'
        ? 'this very machine'
        : `reached as ${machine.address}, host key known`;
    }),
  );
  return [connection, ...checks];
}

async function examineMachine(machine: Machine): Promise<ReadinessCheck[]> {
  const hardware = await probeHardware(machine);
  const row = (what: ReadinessCheck['what'], finding: Finding): ReadinessCheck => ({
    subject: machine.name,
    what,
    ...finding,
  });
  const facts = factsFrom((await runScript(machine, deviceScript('doctor'))).stdout);
  const checks = [
    row('architecture', judgeSupport(hardware, machine.name, 'architecture-unsupported')),
    row('libc', judgeSupport(hardware, machine.name, 'libc-unsupported')),
    row('disk', judgeDisk(hardware.freeDiskBytes, machine.name)),
    row('sha256', judgeDigestTool(facts.get('sha256'))),
    row('clock', judgeClock(Number(facts.get('clock')) - Date.now() / 1000)),
  ];
  if (checks.some(({what, verdict}) => what === 'architecture' && verdict === 'not-ready')) return checks;
  const runtime = await collectRuntimeFiles(runtimeArchitectureOf(hardware.architecture));
  const state = await readDeviceTruth(machine);
  return [
    ...checks,
    row('runtime', {
      verdict: 'ready',
      detail: state.runtimes.includes(hexOfDigest(runtime.digest))
        ? 'is there'
        : 'will be sent by the first profile or push',
      hint: null,
    }),
    row('release', judgeRelease(state, machine.name)),
  ];
}

function judgeSupport(hardware: Hardware, name: string, code: string): Finding {
  const {architecture, operatingSystem, libc} = hardware;
  try {
    checkSupported(hardware, name);
  } catch (error) {
    if (!(error instanceof ExpectedError)) throw error;
    if (error.code === code)
      return {verdict: 'not-ready', detail: error.message, hint: error.hints[0] ?? null};
  }
  const detail =
    code === 'libc-unsupported' ? `${libc.name} ${libc.version}` : `${architecture}, ${operatingSystem}`;
  return {verdict: 'ready', detail, hint: null};
}

function judgeDisk(freeBytes: number, name: string): Finding {
  const isEnough = freeBytes >= ENOUGH_DISK_BYTES;
  return {
    verdict: isEnough ? 'ready' : 'warning',
    detail: `${(freeBytes / 1e6).toFixed(0)} MB free${isEnough ? '' : `; a runtime and two releases may take ${ENOUGH_DISK_BYTES / 1e6} MB`}`,
    hint: isEnough ? null : `edgewise gc ${name}`,
  };
}

function judgeDigestTool(tool: string | undefined): Finding {
  return tool === undefined
    ? {
        verdict: 'not-ready',
        detail: 'there is no sha256sum, shasum or openssl to check what is sent',
        hint: 'Install coreutils or openssl on it.',
      }
    : {verdict: 'ready', detail: tool, hint: null};
}

function judgeClock(aheadSeconds: number): Finding {
  if (!Number.isFinite(aheadSeconds)) return {verdict: 'warning', detail: 'tells no time', hint: null};
  const off = Math.abs(aheadSeconds);
  if (off <= CLOCK_TOLERANCE_SECONDS) return {verdict: 'ready', detail: 'as here', hint: null};
  return {
    verdict: 'warning',
    detail: `${off.toFixed(0)} s ${aheadSeconds > 0 ? 'ahead of' : 'behind'} this machine's`,
    hint: 'Have it keep time: timedatectl set-ntp true',
  };
}

function judgeRelease({currentRelease, isSupervised, agent}: DeviceTruth, name: string): Finding {
  if (currentRelease === null) return {verdict: 'ready', detail: 'serves nothing yet', hint: null};
  if (isSupervised && agent?.status === 'serving')
    return {verdict: 'ready', detail: `serves ${currentRelease}`, hint: null};
  return {
    verdict: 'warning',
    detail: `has ${currentRelease}, which does not answer`,
    hint: `edgewise push plans/${name}.yaml`,
  };
}
