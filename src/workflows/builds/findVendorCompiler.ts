import {connectMachine} from '../../device/connectMachine.ts';
import type {Machine} from '../../device/machine.ts';
import {probeHardware} from '../../device/probeHardware.ts';
import {ExpectedError} from '../../errors.ts';
import type {CompilerChoice} from '../../targets/compilers/compilerJob.ts';
import {compilerJobFor} from '../../targets/compilers/compilerJobFor.ts';
import type {CandidateBuild, Recipe, TargetFacts} from '../../targets/target.ts';
import {withDevice, type ConnectOptions, type ReachableMachine} from '../connectDevice.ts';
import type {OpenProject} from '../openProject.ts';
import {findTools} from '../runCompiler.ts';
import type {CompileGoal} from './chooseGoals.ts';
import {isTargetOfThisMachine} from './timeBuilds.ts';

/** Where the target's own compiler will run, or why it will not. */
export type VendorCompiler =
  /** The ONNX file is the artefact. */
  | {readonly kind: 'not-needed'}
  /** No device was named, and there is no compiler here: the ONNX file is handed out, for a compiler elsewhere. */
  | {readonly kind: 'absent'; readonly reason: string; readonly hints: readonly string[]}
  | {
      readonly kind: 'found';
      readonly name: NonNullable<Recipe['compiler']>['name'];
      /** `null`: this machine. */
      readonly device: ReachableMachine | null;
      /** It measures what it makes, on a machine of the target. */
      readonly isTiming: boolean;
      /** Of the device the artefact is for; `null` when only the target was named. */
      readonly facts: TargetFacts | null;
      /** The device is this machine, or none was named. */
      readonly isForThisMachine: boolean;
      /** What was chosen about the machine that it is for. */
      readonly choice?: CompilerChoice;
    };

/**
 * Looks for the vendor's tools before anything is quantised for them. Who names a device wants what runs there, so then a
 * missing tool is an error.
 * @throws ExpectedError `compiler-missing` (exit 12) with how to get it, `compiler-failed` when it does not start,
 * `target-needs-device` (exit 2), `device-unreachable` …
 */
export async function findVendorCompiler(
  project: OpenProject,
  {target, device}: CompileGoal,
  candidates: readonly CandidateBuild[],
  connect: ConnectOptions,
): Promise<VendorCompiler> {
  const {compiler} = target.recipe;
  const [candidate] = candidates;
  if (compiler === null || candidate === undefined) return {kind: 'not-needed'};
  if (compiler.name === 'trtexec' && device === null) {
    return {
      kind: 'absent',
      reason: 'a TensorRT engine runs only on the device that built it, and no device was named',
      hints: ['edgewise compile --device NAME'],
    };
  }
  const facts =
    device === null ? null : await withDevice(project, device, connect, machine => probeHardware(machine));
  const isForThisMachine = device === null || device.address === 'local';
  // The tools are the same for every model.
  const ofTheModel = {inputType: 'f32', isSparse: false, seconds: 1, graphName: '', inputs: []} as const;
  const job = compilerJobFor(target, candidate, {facts, isForThisMachine, ...ofTheModel});
  if (job === null) return {kind: 'not-needed'};
  const place = compiler.runs === 'here' ? null : device;
  try {
    await withMachine(project, place, connect, machine => findTools(machine, job));
  } catch (error) {
    const isMissing = error instanceof ExpectedError && error.code === 'compiler-missing';
    if (!isMissing || device !== null) throw error;
    return {kind: 'absent', reason: error.message, hints: error.hints};
  }
  const isMeasuring = compiler.name === 'trtexec' || compiler.name === 'openvino';
  const isTiming =
    compiler.name === 'iree'
      ? isForThisMachine
      : isMeasuring && (place !== null || (await isTargetOfThisMachine(target.name)));
  const {choice} = job;
  return {
    kind: 'found',
    name: compiler.name,
    device: place,
    isTiming,
    facts,
    isForThisMachine,
    ...(choice === undefined ? {} : {choice}),
  };
}

/** The device, or this machine for `null`; closed whatever happens. */
export async function withMachine<T>(
  project: OpenProject,
  device: ReachableMachine | null,
  connect: ConnectOptions,
  work: (machine: Machine) => Promise<T>,
): Promise<T> {
  if (device !== null) return withDevice(project, device, connect, work);
  const machine = await connectMachine(
    {name: 'this machine', address: 'local'},
    {acceptNewHostKeys: false, environment: process.env},
  );
  try {
    return await work(machine);
  } finally {
    await machine.close();
  }
}
