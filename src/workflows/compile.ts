import type {EmitEvent} from '../events.ts';
import {compileForTarget} from './builds/compileForTarget.ts';
import {chooseGoals} from './builds/chooseGoals.ts';
import type {CompileRequest} from './builds/compileRequest.ts';
import {compilePortable, type MadeBuild} from './compilePortable.ts';
import {openProjectOrModel} from './openProject.ts';

/**
 * Compiles the model: for the device or target that was named, for the target of every profiled device when none was, and
 * to one portable fp32 build when there is neither calibration data nor any wish.
 * @throws ExpectedError `no-calibration-data`, `unknown-target`, `unknown-device`, `accuracy-budget-not-met` (exit 1),
 * `profile-missing` … and what reading models and data throws
 */
export async function compile(request: CompileRequest, emit: EmitEvent): Promise<MadeBuild[]> {
  const project = await openProjectOrModel(request.projectPath, {
    ...request,
    purpose: 'the model to compile',
    hint: 'edgewise compile MODEL.onnx --device local --data FOLDER',
  });
  if (isPortableRequest(request) && project.project.calibration === undefined) {
    return [await compilePortable(project, emit)];
  }
  const made: MadeBuild[] = [];
  for (const goal of await chooseGoals(project, request)) {
    made.push(await compileForTarget(project, goal, request, emit));
  }
  return made;
}

/** Nothing was asked for but the model. */
function isPortableRequest(request: CompileRequest): boolean {
  const {device, target, data, evaluation, precision, isPruned, maxDrop} = request;
  const isAnyNamed = [device, target, data, evaluation, maxDrop].some(value => value !== undefined);
  return !isAnyNamed && precision === 'auto' && !isPruned;
}
