import {probeHardware} from '../../device/probeHardware.ts';
import {profileFromYaml} from '../../documents/readDocument.ts';
import type {Hardware} from '../../documents/profile.ts';
import type {ProjectDevice} from '../../documents/project.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import type {Target} from '../../targets/target.ts';
import {targetByName} from '../../targets/targetByName.ts';
import {targetsFromHardware} from '../../targets/targetFromHardware.ts';
import {readDocumentText} from '../../workspace/projectFolder.ts';
import {withDevice, type ConnectOptions} from '../connectDevice.ts';
import {hasNone, selectDevices, type OpenProject} from '../openProject.ts';

/** What to compile for, and where to measure it. */
export interface CompileGoal {
  readonly target: Target;
  readonly device: ProjectDevice | null;
}

/**
 * The target that was named, those of the device that was named, or one goal per target among the project's devices. A
 * device that was never profiled is asked what it is when it was named.
 * @throws ExpectedError `unknown-target`, `unknown-device`, `profile-missing`, `architecture-unsupported`
 */
export async function chooseGoals(
  project: OpenProject,
  request: {readonly device?: string; readonly target?: string; readonly connect: ConnectOptions},
): Promise<CompileGoal[]> {
  const device = request.device === undefined ? null : deviceNamed(project, request.device);
  if (request.target !== undefined) return [{target: targetByName(request.target), device}];
  if (device !== null) {
    const targets = await targetsOf(project, device, request.connect);
    return targets.map(target => ({target, device}));
  }

  const goals = new Map<string, CompileGoal>();
  for (const candidate of project.project.devices) {
    for (const target of (await knownTargetsOf(project, candidate)) ?? []) {
      if (!goals.has(target.name)) goals.set(target.name, {target, device: candidate});
    }
  }
  if (goals.size > 0) return [...goals.values()];
  const [first] = project.project.devices;
  throw new ExpectedError(
    'profile-missing',
    `No device or target is named, and ${hasNone(project, 'device that was profiled or says its target')}.`,
    EXIT.usage,
    {
      hints: [
        `edgewise compile --device ${first?.name ?? 'DEVICE'}`,
        'edgewise compile --target x86-vnni',
        'edgewise profile',
      ],
    },
  );
}

function deviceNamed(project: OpenProject, name: string): ProjectDevice {
  const [device] = selectDevices(project.project, [name]);
  if (device === undefined) throw new Error(`no device ${name}`);
  return device;
}

async function targetsOf(
  project: OpenProject,
  device: ProjectDevice,
  connect: ConnectOptions,
): Promise<readonly Target[]> {
  const known = await knownTargetsOf(project, device);
  return known ?? servedTargets(await withDevice(project, device, connect, probeHardware));
}

/** Without asking the device: what it declares, or what its profile shows. */
async function knownTargetsOf(
  project: OpenProject,
  device: ProjectDevice,
): Promise<readonly Target[] | null> {
  if (device.target !== undefined) return [targetByName(device.target)];
  const hardware = await profiledHardware(project, device.name);
  return hardware === null ? null : servedTargets(hardware);
}

/**
 * The best target of a machine and, where that takes what a vendor's compiler makes, the first besides whose ONNX file the
 * agent serves: a Jetson is a TensorRT target and an ARM CPU.
 */
function servedTargets(hardware: Hardware): readonly Target[] {
  const [best, ...others] = targetsFromHardware(hardware);
  const served = others.find(({recipe}) => recipe.artefact === 'onnx');
  return best.recipe.artefact === 'onnx' || served === undefined ? [best] : [best, served];
}

async function profiledHardware(project: OpenProject, device: string): Promise<Hardware | null> {
  const file = project.profileFile(device);
  const text = await readDocumentText(file);
  return text === null ? null : (profileFromYaml(text, file).hardware ?? null);
}
