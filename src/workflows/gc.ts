import type {Machine} from '../device/machine.ts';
import {probeHardware} from '../device/probeHardware.ts';
import type {DeviceGarbage, Garbage} from '../documents/garbage.ts';
import {ExpectedError} from '../errors.ts';
import {runStep, type EmitEvent} from '../events.ts';
import {deviceScript} from '../workspace/deviceScript.ts';
import {hexOfDigest} from '../workspace/digest.ts';
import {collectRuntimeFiles} from '../workspace/runtimeFiles.ts';
import {withDevice, type ConnectOptions} from './connectDevice.ts';
import {withDeviceLock} from './deploy/deviceLock.ts';
import {collectHere} from './gcHere.ts';
import {openFleet, selectDevices} from './openProject.ts';
import {runtimeArchitectureOf} from './runtimeArchitecture.ts';
import {runScript} from './deploy/runOnDevice.ts';

const GC_TIMEOUT_MS = 300_000;

/**
 * Takes away what nothing needs, here and on the devices, each under its lock. A device that cannot be reached is told in
 * its row; the others are looked at all the same.
 * @throws ExpectedError `unknown-device`
 */
export async function gc(
  request: {
    readonly projectPath: string;
    readonly devices: readonly string[];
    readonly isDryRun: boolean;
    readonly connect: ConnectOptions;
  },
  emit: EmitEvent,
): Promise<Garbage> {
  const {isDryRun} = request;
  const project = await openFleet(request.projectPath);
  const devices = selectDevices(project.project, request.devices);
  const here = await runStep(emit, 'here', 'this project', () => collectHere(project, isDryRun));
  const rows: DeviceGarbage[] = [];
  for (const device of devices) {
    const nothing = {device: device.name, releases: [], runtimes: [], blobs: 0, bytes: 0, problem: null};
    try {
      rows.push(
        await runStep(emit, `${device.name}/gc`, device.name, () =>
          withDevice(project, device, request.connect, machine => collectOnDevice(machine, isDryRun)),
        ),
      );
    } catch (error) {
      if (!(error instanceof ExpectedError)) throw error;
      rows.push({...nothing, problem: {code: error.code, message: error.message}});
    }
  }
  return {isDryRun, here, devices: rows};
}

async function collectOnDevice(machine: Machine, isDryRun: boolean): Promise<DeviceGarbage> {
  const {architecture} = await probeHardware(machine);
  const {digest} = await collectRuntimeFiles(runtimeArchitectureOf(architecture));
  const argv = deviceScript('gc', isDryRun ? 'list' : 'remove', hexOfDigest(digest));
  const look = () => runScript(machine, argv, '', GC_TIMEOUT_MS);
  const {stdout} = isDryRun ? await look() : await withDeviceLock(machine, look);
  return garbageFromLines(machine.name, stdout);
}

/** The "kind bytes name" lines of gc.sh. */
function garbageFromLines(device: string, stdout: string): DeviceGarbage {
  const rows = stdout
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const [kind = '', bytes = '0', ...name] = line.split(' ');
      return {kind, bytes: Number(bytes), name: name.join(' ')};
    });
  const namesOf = (kind: string): string[] => rows.filter(row => row.kind === kind).map(row => row.name);
  return {
    device,
    releases: namesOf('release'),
    runtimes: namesOf('runtime'),
    blobs: rows.filter(({kind}) => kind === 'blob' || kind === 'partial').length,
    bytes: rows.reduce((sum, row) => sum + row.bytes, 0),
    problem: null,
  };
}
