import {availableParallelism} from 'node:os';
import {probeHardware} from '../../device/probeHardware.ts';
import {connectMachine} from '../../device/connectMachine.ts';
import type {MeasuredMs} from '../../documents/profile.ts';
import {runStep, type EmitEvent} from '../../events.ts';
import {targetsFromHardware} from '../../targets/targetFromHardware.ts';
import {withDevice, type ConnectOptions} from '../connectDevice.ts';
import type {OpenProject} from '../openProject.ts';
import {timeOnDevice, type DeviceTime, type TimedFile} from '../timeOnDevice.ts';
import type {CompileGoal} from './chooseGoals.ts';

export interface BuildTimes {
  /** The device's name, or "this machine". */
  readonly machine: string;
  /** In the order of the files. */
  readonly times: readonly {readonly run: MeasuredMs; readonly ratioToFirst: number}[];
}

const RUNS = 50;
const WARM_UPS = 5;

/**
 * Times files against each other where they will run: on the device, or here when this machine is of the target. `null`
 * when there is no such machine.
 */
export async function timeBuilds(
  project: OpenProject,
  {target, device}: CompileGoal,
  files: readonly TimedFile[],
  connect: ConnectOptions,
  emit: EmitEvent,
): Promise<BuildTimes | null> {
  if (device !== null) {
    const times = await withDevice(project, device, connect, machine => timeOnDevice(machine, files, emit));
    return {machine: device.name, times};
  }
  if (!(await isTargetOfThisMachine(target.name))) return null;
  const times = await runStep(
    emit,
    'time',
    `time ${files.length} builds against each other on this machine`,
    () => timeHere(files),
    made => ({detail: made.map(({name, run}) => `${name} ${run.medianMs.toFixed(2)} ms`).join(', ')}),
  );
  return {machine: 'this machine', times};
}

async function timeHere(files: readonly TimedFile[]): Promise<DeviceTime[]> {
  const {timeModels} = await import('../../runtime/measure/timeModels.ts');
  const timed = await timeModels({
    modelPaths: files.map(({path}) => path),
    runs: RUNS,
    warmUps: WARM_UPS,
    threads: availableParallelism(),
  });
  return timed.map(({run, ratioToFirst}, index) => ({name: files[index]?.name ?? '', run, ratioToFirst}));
}

export async function isTargetOfThisMachine(target: string): Promise<boolean> {
  const machine = await connectMachine(
    {name: 'local', address: 'local'},
    {acceptNewHostKeys: false, environment: process.env},
  );
  try {
    const targets = targetsFromHardware(await probeHardware(machine));
    const found = targets.find(({name}) => name === target);
    // Every x64 is an x86, but one with VNNI runs other kernels than those that saturate, and faster ones.
    const isPlain = targets.every(({recipe}) => recipe.artefact !== 'onnx' || recipe.saturates === true);
    return found !== undefined && (found.recipe.saturates !== true || isPlain);
  } finally {
    await machine.close();
  }
}
