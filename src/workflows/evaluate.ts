import {existsSync} from 'node:fs';
import {stat} from 'node:fs/promises';
import {availableParallelism} from 'node:os';
import {basename, dirname, resolve} from 'node:path';
import type {Build} from '../documents/build.ts';
import {dataSourceFromText} from '../documents/dataSource.ts';
import type {Evaluation, LayerError} from '../documents/evaluation.ts';
import {buildFromYaml} from '../documents/readDocument.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {runStep, type EmitEvent} from '../events.ts';
import type {Graph} from '../model/graph.ts';
import {graphFromModel} from '../model/graphFromModel.ts';
import {judgeAccuracy} from '../quantize/accuracy/judgeAccuracy.ts';
import {
  accumulatedErrors,
  ownErrors,
  tensorsOfChangedSize,
  type TensorError,
} from '../quantize/accuracy/layerErrors.ts';
import {RESCALED} from '../quantize/correction/nameRescaled.ts';
import {TARGETS} from '../targets/targets.ts';
import {readDocumentText, requireFile} from '../workspace/projectFolder.ts';
import {finiteDecibels} from './builds/finiteDecibels.ts';
import {openAsOnTarget} from './builds/openAsOnTarget.ts';
import {openJudge} from './builds/openJudge.ts';
import {openDataSet, type DataSet} from './openDataSet.ts';
import {openModel} from './openModel.ts';
import {hasNone, openProjectOrModel, type OpenProject} from './openProject.ts';
import {prepareFloatModel, type FloatModel} from './prepareFloatModel.ts';
import {classCountOf} from './projectData.ts';
import {startSampleRunner} from './sampleRuns/startSampleRunner.ts';

export interface EvaluateRequest {
  readonly projectPath: string;
  /** A build document, or an ONNX file. */
  readonly build: string;
  /** The original; the project's model when left out. */
  readonly against?: string;
  /** Instead of the project's evaluation data: a path from the current folder, or `random`. */
  readonly data?: string;
  /** Layers to list by each kind of error. */
  readonly worstLayers: number;
}

/** Samples that layers are compared on: enough to rank them. */
const LAYER_SAMPLES = 16;

/**
 * Holds a build against the original: metric, every output's signal-to-noise ratio, and the layers that lose most, by the
 * error that has come together and by their own.
 * @throws ExpectedError `evaluation-missing`, `build-artefact-missing`, `file-missing`, and what reading data throws
 */
export async function evaluate(request: EvaluateRequest, emit: EmitEvent): Promise<Evaluation> {
  const buildFile = requireFile(resolve(request.build), 'the build to evaluate');
  const project = await openProjectOrModel(request.projectPath, {
    ...(request.against === undefined ? {} : {model: request.against}),
    purpose: 'the original to compare with',
    hint: 'edgewise evaluate BUILD --against MODEL.onnx --data PATH',
  });
  const evaluated = await evaluatedBuild(buildFile, project);
  return project.withTemporaryFolder(async temporaryFolder => {
    const float = await runStep(emit, 'prepare', 'prepare the original', () =>
      prepareFloatModel({
        modelFile: project.modelFile,
        inputShapes: project.project.model.inputs ?? {},
        temporaryFolder,
      }),
    );
    try {
      const samples = await openSamples(project, request, float);
      try {
        const judged = await runStep(emit, 'judge', `compare on ${samples.sampleCount} samples`, progress =>
          judge({project, float, evaluated, samples, temporaryFolder}, progress),
        );
        const {warnings, ...errors} = await runStep(emit, 'layers', 'compare layer by layer', () =>
          compareLayers(float, evaluated.path, samples, temporaryFolder, request.worstLayers),
        );
        return {
          build: request.build,
          against: basename(project.modelFile),
          samples: samples.sampleCount,
          sizeBytes: (await stat(evaluated.path)).size,
          originalSizeBytes: float.originalSizeBytes,
          ...judged,
          ...errors,
          warnings: [
            ...samples.notes,
            ...warnings,
            ...(samples.isRandom ? ['Compared on random values: they say nothing about real data.'] : []),
          ],
        };
      } finally {
        await samples.close();
      }
    } finally {
      await float.close();
    }
  });
}

interface EvaluatedBuild {
  /** Of the ONNX file. */
  readonly path: string;
  /** What it was built for; `null` where only the ONNX file is known: it is judged as this machine computes it. */
  readonly build: Pick<Build, 'precision' | 'target'> | null;
}

/** The ONNX file of a build document lies beside it, or in the project's store. */
async function evaluatedBuild(file: string, project: OpenProject): Promise<EvaluatedBuild> {
  if (file.endsWith('.onnx')) return {path: file, build: null};
  const build = buildFromYaml((await readDocumentText(file)) ?? '', file);
  const {artefact} = build;
  const beside = artefact.file === undefined ? null : resolve(dirname(file), basename(artefact.file));
  if (beside !== null && existsSync(beside)) return {path: beside, build};
  if (project.store.has(artefact.digest)) return {path: project.store.pathOf(artefact.digest), build};
  throw new ExpectedError(
    'build-artefact-missing',
    `The file that ${file} describes is neither beside it nor in the project's store.`,
    EXIT.invalidDocument,
    {hints: ['edgewise compile']},
  );
}

async function openSamples(
  project: OpenProject,
  request: EvaluateRequest,
  float: FloatModel,
): Promise<DataSet> {
  const {evaluation, preprocessing} = project.project;
  const given = request.data === undefined ? evaluation : dataSourceFromText(request.data);
  if (given === undefined) {
    throw new ExpectedError(
      'evaluation-missing',
      `No evaluation data are given, and ${hasNone(project, 'evaluation')}.`,
      EXIT.usage,
      {hints: ['edgewise evaluate BUILD --data PATH', 'Set evaluation: PATH in edgewise.yaml.']},
    );
  }
  return openDataSet(given, float.inputs, {
    preprocessing,
    resolve: path => (request.data === undefined ? project.resolve(path) : resolve(path)),
    classCount: classCountOf(float.outputs),
  });
}

interface JudgedParts {
  readonly project: OpenProject;
  readonly float: FloatModel;
  readonly evaluated: EvaluatedBuild;
  readonly samples: DataSet;
  readonly temporaryFolder: string;
}

async function judge(
  {project, float, evaluated, samples, temporaryFolder}: JudgedParts,
  progress: (detail: {doneCount: number; totalCount: number}) => void,
): Promise<Pick<Evaluation, 'accuracy' | 'maxAbsoluteDifference' | 'outputs'>> {
  const {metric} = project.project.accuracy ?? {};
  const {path, build} = evaluated;
  const threads = availableParallelism();
  const {openBuild} =
    build === null ? {} : openAsOnTarget(build.precision, saturates(build), {temporaryFolder, threads});
  let doneCount = 0;
  const opened = await openJudge({
    originalPath: await float.file(),
    samples,
    threads,
    ...(metric === undefined ? {} : {metric}),
    onSample: () => progress({doneCount: (doneCount += 1), totalCount: 2 * samples.requestCount}),
  });
  try {
    const {value, fidelity} = await opened.judge(path, openBuild);
    const {originalValue: original, isHigherBetter, metricName} = opened;
    const {drop} = judgeAccuracy({kind: 'absolute-drop', limit: 0}, {original, value, isHigherBetter});
    const finite = (number: number): number | null => (Number.isFinite(number) ? number : null);
    return {
      accuracy: {metric: metricName, original: finite(original), build: finite(value), drop: finite(drop)},
      maxAbsoluteDifference: fidelity.maxAbsoluteDifference,
      outputs: fidelity.outputs.map(({name, sqnrDb}) => ({name, sqnrDb: finiteDecibels(sqnrDb)})),
    };
  } finally {
    await opened.close();
  }
}

/** Portable builds name no target. */
function saturates({target}: Pick<Build, 'target'>): boolean {
  return TARGETS.find(({name}) => name === target)?.recipe.saturates === true;
}

async function compareLayers(
  float: FloatModel,
  artefact: string,
  samples: DataSet,
  temporaryFolder: string,
  count: number,
): Promise<Pick<Evaluation, 'worstAccumulated' | 'worstOwn' | 'warnings'>> {
  const opened = openModel(artefact);
  try {
    const request = {
      float: float.graph,
      quantized: graphFromModel(opened.model),
      runner: startSampleRunner(samples, {temporaryFolder}),
      mode: 'exact',
      sampleCount: LAYER_SAMPLES,
    } as const;
    const worst = (errors: readonly TensorError[]): LayerError[] => layerErrorsOf(float.graph, errors, count);
    const changed = await tensorsOfChangedSize(request);
    // Layers of other float types cannot be fed with the original's float32 tensors, nor those that have lost channels.
    const canBeFed = isQuantized(request.quantized) && changed.size === 0;
    return {
      worstAccumulated: worst(await accumulatedErrors(request)),
      worstOwn: canBeFed ? worst(await ownErrors(request)) : [],
      warnings: [
        ...aboutTensors(
          [...changed],
          'with fewer channels than the original: errors there are unknown, and so are layers’ own ones',
        ),
        ...aboutTensors(
          [...float.graph.tensors.keys()].filter(name => request.quantized.tensors.has(name + RESCALED)),
          'with scaled channels in the build: not compared',
        ),
      ],
    };
  } finally {
    opened.close();
  }
}

const NAMED = 3;

function aboutTensors(names: readonly string[], what: string): string[] {
  if (names.length === 0) return [];
  const some = [...names.slice(0, NAMED), ...(names.length > NAMED ? ['…'] : [])].join(', ');
  return [`${names.length === 1 ? 'A tensor' : `${names.length} tensors`} (${some}) ${what}.`];
}

function isQuantized({layers}: Graph): boolean {
  return layers.some(({operator}) => operator === 'DequantizeLinear' || operator === 'DynamicQuantizeLinear');
}

function layerErrorsOf(graph: Graph, errors: readonly TensorError[], count: number): LayerError[] {
  return errors.slice(0, count).flatMap(({tensor, sqnrDb}) => {
    const producer = graph.tensors.get(tensor)?.producer;
    const layer = typeof producer === 'number' ? graph.layers[producer] : undefined;
    if (layer === undefined) return [];
    return [{layer: layer.name, operator: layer.operator, tensor, sqnrDb: finiteDecibels(sqnrDb)}];
  });
}
