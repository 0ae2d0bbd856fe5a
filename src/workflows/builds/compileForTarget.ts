import {availableParallelism} from 'node:os';
import {resolve} from 'node:path';
import type {AccuracyMetric} from '../../documents/accuracyBudget.ts';
import {dataSourceFromText} from '../../documents/dataSource.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import type {CandidateBuild} from '../../targets/target.ts';
import type {EmitEvent} from '../../events.ts';
import type {MadeBuild} from '../compilePortable.ts';
import {hasNone, type OpenProject} from '../openProject.ts';
import {runInWorker} from '../workerJob.ts';
import {chooseBudget, type ChosenBudget} from './chooseBudget.ts';
import {compileByVendor} from './compileByVendor.ts';
import {explainMachines} from './explainMachines.ts';
import {findVendorCompiler} from './findVendorCompiler.ts';
import {chooseCandidates} from './chooseCandidates.ts';
import type {CompileGoal} from './chooseGoals.ts';
import type {CompiledCandidate, CompiledModel, CompileJob} from './compileJob.ts';
import type {CompileRequest} from './compileRequest.ts';
import {handOutBuild} from './handOutBuild.ts';
import {timeBuilds} from './timeBuilds.ts';

/**
 * Makes every build of the target's recipe, times those within the accuracy budget where they will run, and hands out the
 * best of them: the file and a document that says every decision with its reason.
 * @throws ExpectedError `no-calibration-data`, `accuracy-budget-invalid`, `accuracy-budget-missing` (exit 2),
 * `accuracy-budget-not-met` (exit 1) …
 */
export async function compileForTarget(
  project: OpenProject,
  goal: CompileGoal,
  request: CompileRequest,
  emit: EmitEvent,
): Promise<MadeBuild> {
  const candidates = chooseCandidates(goal.target, request.precision);
  const budget = chooseBudget(project.project.accuracy, request.maxDrop);
  if (request.isPruned && budget === null) throw pruningWithoutBudget();
  const compileIn = async (temporaryFolder: string): Promise<MadeBuild> => {
    const job: CompileJob = {
      modelFile: project.modelFile,
      inputShapes: project.project.model.inputs ?? {},
      storeFolder: project.store.folder,
      temporaryFolder,
      cacheFolder: project.cacheFile('compiled'),
      data: dataFor(project, request, candidates),
      metric: metricOf(project),
      budget: budget?.limit ?? null,
      candidates,
      saturates: goal.target.recipe.saturates ?? false,
      without: request.without,
      pruning: request.isPruned ? (goal.target.recipe.pruning ?? {multipleOf: 8, isTwoOfFour: false}) : null,
      seed: request.seed,
      threads: availableParallelism(),
    };
    const compiler = await findVendorCompiler(project, goal, candidates, request.connect);
    const compiled = await runInWorker<CompileJob, CompiledModel>(workerFile(), job, emit);
    refuseUnmetBudget(compiled, request, budget);
    const rivals = orderedForTiming(compiled.candidates);
    const vendor =
      compiler.kind === 'found'
        ? await compileByVendor(
            {project, target: goal.target, compiler, job, rivals, connect: request.connect},
            emit,
          )
        : null;
    // ONNX Runtime's times say nothing about a vendor's runtime.
    const isServed = compiler.kind === 'not-needed' && rivals.length > 1;
    const files = rivals.map(({name, digest}) => ({name, path: project.store.pathOf(digest)}));
    const times = isServed
      ? await timeBuilds(project, goal, files, request.connect, emit)
      : (vendor?.times ?? null);
    return handOutBuild(project, goal.target, compiled, {
      rivals,
      times,
      budgetText: budget?.text ?? null,
      vendor,
      ...explainMachines(goal, {compiler, vendor, times, rivalCount: rivals.length}),
    });
  };
  return project.withTemporaryFolder(compileIn);
}

/** The worker lies beside this file in every form: .ts from source, .js in dist. */
function workerFile(): URL {
  const {url} = import.meta;
  return new URL(`./compileWorker${url.slice(url.lastIndexOf('.'))}`, url);
}

function metricOf(project: OpenProject): AccuracyMetric | null {
  return project.project.accuracy?.metric ?? null;
}

/** @throws ExpectedError `no-calibration-data` when something is to be quantised and there is nothing to measure on */
function dataFor(
  project: OpenProject,
  request: CompileRequest,
  candidates: CompileJob['candidates'],
): CompileJob['data'] {
  const {calibration, evaluation, preprocessing} = project.project;
  const given = request.data === undefined ? calibration : absolute(dataSourceFromText(request.data));
  const judged =
    request.evaluation === undefined ? evaluation : absolute(dataSourceFromText(request.evaluation));
  const source = given ?? judged;
  if (source === undefined) {
    const isNeeded = request.isPruned || request.maxDrop !== undefined || candidates.some(isCalibrated);
    if (!isNeeded) return null;
    throw new ExpectedError(
      'no-calibration-data',
      `No calibration data are given, and ${hasNone(project, 'calibration')}.`,
      EXIT.usage,
      {
        hints: [
          'edgewise compile --data FOLDER',
          'Set calibration: FOLDER in edgewise.yaml.',
          'edgewise compile --precision fp32',
        ],
      },
    );
  }
  return {
    calibration: source,
    evaluation: judged ?? null,
    preprocessing: preprocessing ?? null,
    baseFolder: project.folder,
    calibrationSamples: request.calibrationSamples,
  };
}

function pruningWithoutBudget(): ExpectedError {
  return new ExpectedError(
    'accuracy-budget-missing',
    '--prune takes away as much as an accuracy budget allows, and there is none.',
    EXIT.usage,
    {hints: ['edgewise compile --prune --max-drop 1%', 'Set accuracy.maxDrop in edgewise.yaml.']},
  );
}

/** By edgewise or by the vendor's compiler. */
function isCalibrated({scheme, precision, loweredBy}: CandidateBuild): boolean {
  return scheme !== null || (precision === 'int8' && loweredBy === 'compiler');
}

/** What was named on the command line is meant from the current folder, not from the project's. */
function absolute<T>(source: T): T | string {
  return typeof source === 'string' ? resolve(source) : source;
}

/**
 * A precision that was asked for by name must be reached; a recipe falls back to fp32 by itself.
 * @throws ExpectedError `accuracy-budget-not-met`
 */
function refuseUnmetBudget(
  {candidates, judged}: CompiledModel,
  {precision}: CompileRequest,
  budget: ChosenBudget | null,
): void {
  if (precision === 'auto' || precision === 'fp32' || budget === null) return;
  const asked = candidates.filter(candidate => candidate.precision === precision);
  const reached = asked.map(({accuracy}) => accuracy ?? -Infinity);
  const best = asked[reached.indexOf(Math[judged?.isHigherBetter === false ? 'min' : 'max'](...reached))];
  if (best === undefined || asked.some(({isWithinBudget}) => isWithinBudget)) return;
  const {limit, text} = budget;
  const metric = judged?.metric ?? 'accuracy';
  const isMinimum = limit.kind === 'at-least';
  const wanted = isMinimum
    ? `reaches ${metric} of ${text}`
    : `keeps ${metric} within ${text} of ${judged?.original ?? '?'}`;
  throw new ExpectedError(
    'accuracy-budget-not-met',
    `No ${precision} build ${wanted}: the best reached ${best.accuracy ?? 'no number'} at ${(best.sizeBytes / 1e6).toFixed(2)} MB, after ${best.validations} validations.`,
    EXIT.verdictNo,
    {
      hints: [
        'edgewise compile --precision auto',
        isMinimum ? 'Set a smaller accuracy.minimum in edgewise.yaml.' : 'Allow more with --max-drop.',
      ],
    },
  );
}

/** fp32 first, since ratios are to it. Only what may be handed out is worth the device's time. */
function orderedForTiming(candidates: readonly CompiledCandidate[]): CompiledCandidate[] {
  const isFp32 = ({precision, pruning}: CompiledCandidate): boolean =>
    precision === 'fp32' && pruning === null;
  return [
    ...candidates.filter(isFp32),
    ...candidates.filter(candidate => !isFp32(candidate) && candidate.isWithinBudget),
  ];
}
