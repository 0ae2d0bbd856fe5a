import {copyFile, mkdir, rm} from 'node:fs/promises';
import {basename, dirname, relative} from 'node:path';
import type {Build} from '../../documents/build.ts';
import {yamlFromDocument} from '../../documents/printDocument.ts';
import {writeHeader} from '../../documents/writeHeader.ts';
import {chooseBuild} from '../../targets/chooseBuild.ts';
import type {Target} from '../../targets/target.ts';
import {readOwnVersion} from '../../workspace/ownVersion.ts';
import {writeDocument} from '../../workspace/projectFolder.ts';
import type {MadeBuild} from '../compilePortable.ts';
import type {OpenProject} from '../openProject.ts';
import type {CompiledCandidate, CompiledModel} from './compileJob.ts';
import type {VendorBuilds} from './compileByVendor.ts';
import {handOutArtefacts} from './handOutArtefacts.ts';
import {pruningDecisions, pruningOf} from './reportPruning.ts';
import type {BuildTimes} from './timeBuilds.ts';

export interface TimedCandidates {
  /** Those that were timed, fp32 first. */
  readonly rivals: readonly CompiledCandidate[];
  readonly times: BuildTimes | null;
  readonly budgetText: string | null;
  /** What the target's own compiler made of them; `null` without one. */
  readonly vendor: VendorBuilds | null;
  /** What there is to say about compiler and timing. */
  readonly decisions: Build['recipe'];
  readonly warnings: readonly string[];
}

/**
 * Chooses among the finished candidates, copies the chosen file beside the project's other builds and writes the document
 * that says why.
 */
export async function handOutBuild(
  project: OpenProject,
  target: Target,
  compiled: CompiledModel,
  {rivals, times, budgetText, vendor, decisions, warnings}: TimedCandidates,
): Promise<MadeBuild> {
  const timeOf = (name: string) => times?.times[rivals.findIndex(rival => rival.name === name)];
  const {name, verdicts} = chooseBuild(
    compiled.candidates.map(candidate => ({
      name: candidate.name,
      isFp32: candidate.precision === 'fp32' && candidate.pruning === null,
      isWithinBudget: candidate.isWithinBudget,
      ratioToFp32: timeOf(candidate.name)?.ratioToFirst ?? null,
      leastSqnrDb: Math.min(...(candidate.fidelity.outputs ?? []).map(({sqnrDb}) => sqnrDb ?? Infinity)),
    })),
  );
  const chosen = compiled.candidates.find(candidate => candidate.name === name);
  if (chosen === undefined) throw new Error(`no build ${name}`);
  const file = project.buildFile(target.name);
  const artefactFile = project.artefactFile(`${target.name}.onnx`);
  await mkdir(dirname(artefactFile), {recursive: true});
  await rm(file, {force: true});
  const handedOut = await handOutArtefacts(project, target, name, vendor);
  const [time, original] = [timeOf(name), times?.times[0]];
  const build: Build = {
    ...writeHeader('build', {
      version: readOwnVersion(),
      now: new Date(),
      madeFrom: {
        model: compiled.modelDigest,
        ...(compiled.calibration === null ? {} : {calibration: compiled.calibration.digest}),
      },
    }),
    target: target.name,
    precision: chosen.precision,
    model: {name: basename(project.modelFile).replace(/\.onnx$/, ''), digest: compiled.modelDigest},
    artefact: {
      file: relative(project.folder, artefactFile),
      digest: chosen.digest,
      sizeBytes: chosen.sizeBytes,
      originalSizeBytes: compiled.originalSizeBytes,
      layers: chosen.layers,
    },
    ...(handedOut === undefined ? {} : {compiled: handedOut}),
    recipe: [
      {decision: `target ${target.name}`, reason: target.recognisedBy.join(', ')},
      ...chosen.recipe,
      {decision: `${chosen.name} handed out`, reason: (verdicts.get(name) ?? '').replace(/^taken: /, '')},
      ...decisions,
      ...pruningDecisions(compiled, chosen, verdicts, times !== null),
    ],
    ...(chosen.floatLayers.length === 0 ? {} : {floatLayers: chosen.floatLayers}),
    ...(compiled.calibration === null ? {} : {calibration: compiled.calibration}),
    ...(compiled.warnings.length + warnings.length === 0
      ? {}
      : {warnings: [...compiled.warnings, ...warnings]}),
    runtime: {onnxruntime: compiled.runtimeVersion},
    fidelity: chosen.fidelity,
    ...(compiled.judged === null
      ? {}
      : {
          accuracy: {
            metric: compiled.judged.metric,
            original: compiled.judged.original,
            build: chosen.accuracy,
            samples: compiled.judged.samples,
            ...(budgetText === null ? {} : {budget: budgetText}),
          },
        }),
    ...(times === null || time === undefined || original === undefined
      ? {}
      : {
          latency: {
            machine: times.machine,
            original: original.run,
            build: time.run,
            ratio: time.ratioToFirst,
          },
        }),
    ...pruningOf(compiled, chosen, candidate => timeOf(candidate)?.run.medianMs),
    candidates: compiled.candidates.map(candidate => ({
      name: candidate.name,
      precision: candidate.precision,
      sizeBytes: candidate.sizeBytes,
      ...(candidate.accuracy === null ? {} : {accuracy: candidate.accuracy}),
      ...latencyOf(timeOf(candidate.name)),
      verdict: verdicts.get(candidate.name) ?? '',
    })),
  };
  // The document last: a build that is there is whole.
  await copyFile(project.store.pathOf(chosen.digest), artefactFile);
  await writeDocument(file, yamlFromDocument('build', build));
  return {file, build};
}

function latencyOf(time: {run: {medianMs: number}} | undefined): {latencyMs?: number} {
  return time === undefined ? {} : {latencyMs: time.run.medianMs};
}
