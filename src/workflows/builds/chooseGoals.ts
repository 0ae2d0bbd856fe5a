import {probeHardware} from '../../device/probeHardware.ts';
import {profileFromYaml} from '../../documents/readDocument.ts';
import type {Hardware} from '../../documents/profile.ts';
import type {ProjectCloud} from '../../documents/project.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import type {Target} from '../../targets/target.ts';
import {targetByName} from '../../targets/targetByName.ts';
import {targetsFromHardware} from '../../targets/targetFromHardware.ts';
import {readDocumentText} from '../../workspace/projectFolder.ts';
import {withDevice, type ConnectOptions, type ReachableMachine} from '../connectDevice.ts';
import {cloudOf, hasNone, selectDevices, type OpenProject} from '../openProject.ts';

/** What to compile for, and where to measure it. */
export interface CompileGoal {
  readonly target: Target;
  /** A gateway is measured on like a device; `null`: a cloud, or nothing but a target. */
  readonly device: ReachableMachine | null;
}

type DeclaredMachine = ReachableMachine & {readonly target?: string | undefined};

/**
 * The target that was named, those of the device, gateway or cloud that was named, or one goal per target among all of the
 * project's. A device that was never profiled is asked what it is when it was named; a cloud is what it is declared to be.
 * @throws ExpectedError `unknown-target`, `unknown-device`, `profile-missing`, `architecture-unsupported`, `target-missing`
 */
export async function chooseGoals(
  project: OpenProject,
  request: {readonly device?: string; readonly target?: string; readonly connect: ConnectOptions},
): Promise<CompileGoal[]> {
  const cloud = project.project.clouds?.find(({name}) => name === request.device);
  const device =
    request.device === undefined || cloud !== undefined ? null : machineNamed(project, request.device);
  if (request.target !== undefined) return [{target: targetByName(request.target), device}];
  if (cloud !== undefined) return [{target: targetOfCloud(cloud), device: null}];
  if (device !== null) {
    const targets = await targetsOf(project, device, request.connect);
    return targets.map(target => ({target, device}));
  }

  const goals = new Map<string, CompileGoal>();
  for (const candidate of [...project.project.devices, ...(project.project.gateways ?? [])]) {
    for (const target of (await knownTargetsOf(project, candidate)) ?? []) {
      if (!goals.has(target.name)) goals.set(target.name, {target, device: candidate});
    }
  }
  const declared = cloudOf(project.project)?.target;
  if (declared !== undefined && !goals.has(declared))
    goals.set(declared, {target: targetByName(declared), device: null});
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

/** @throws ExpectedError `target-missing`: nobody but the project knows what a cloud runs on */
function targetOfCloud({name, target}: ProjectCloud): Target {
  if (target !== undefined) return targetByName(target);
  throw new ExpectedError(
    'target-missing',
    `The cloud ${name} is reached through its protocol only, and edgewise.yaml does not say its target.`,
    EXIT.usage,
    {hints: [`Set target: x86-vnni for ${name} in edgewise.yaml.`, 'edgewise compile --target x86-vnni']},
  );
}

function machineNamed(project: OpenProject, name: string): DeclaredMachine {
  const gateway = project.project.gateways?.find(candidate => candidate.name === name);
  if (gateway !== undefined) return gateway;
  const [device] = selectDevices(project.project, [name]);
  if (device === undefined) throw new Error(`no device ${name}`);
  return device;
}

async function targetsOf(
  project: OpenProject,
  device: DeclaredMachine,
  connect: ConnectOptions,
): Promise<readonly Target[]> {
  const known = await knownTargetsOf(project, device);
  return known ?? servedTargets(await withDevice(project, device, connect, probeHardware));
}

/** Without asking the device: what it declares, or what its profile shows. */
async function knownTargetsOf(
  project: OpenProject,
  device: DeclaredMachine,
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
