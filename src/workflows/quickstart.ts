import {existsSync} from 'node:fs';
import {copyFile, mkdir, readFile} from 'node:fs/promises';
import {basename, join, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseDocument} from 'yaml';
import type {InferResult} from '../documents/inference.ts';
import type {QuickstartResult, QuickstartRow} from '../documents/quickstart.ts';
import {ExpectedError, messageOf} from '../errors.ts';
import type {EmitEvent} from '../events.ts';
import {coresBesideDevices, pinningPrefix} from '../lab/corePinning.ts';
import {placementKey} from '../placement/placementKey.ts';
import {PROJECT_FILE, requireFile, writeDocument} from '../workspace/projectFolder.ts';
import {whenInterrupted} from './interruption.ts';
import {labDown} from './lab.ts';
import type {Evaluation} from './labProject.ts';
import {closeShapes, writePictures, writeRandomSamples} from './quickstartSamples.ts';
import {readPlan} from './readPlan.ts';
import {startSelf, type RunSelf} from './runSelf.ts';
import {compareAnswers, runUnsplit, type UnsplitAnswers} from './unsplitAnswers.ts';

export interface QuickstartRequest {
  readonly folder: string;
  /** `null`: the picture classifier that comes with edgewise. */
  readonly modelFile: string | null;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly keepsLab: boolean;
}

const DEVICE = 'pi-1';
/** Slow enough that a split pays once the input has to stay, and fast enough that pushes to it are soon done. */
const SLOWDOWN = 7;

/** A camera hands over bursts: requests of 32 pictures, which also lets a slow device's time be measured well. */
const PICTURES_PER_REQUEST = 32;
const PICTURES = 640;
const RANDOM_REQUESTS = 12;
/**
 * On so slow a device the code that passes requests on is compiled only after some hundred of them; what runs there without
 * the cloud is nearly all native.
 */
const WARM_UP_SECONDS = {askingCloud: 7, alone: 1};

/** The placements that are compared, with the flags that ask for them. */
const PLACEMENTS = [
  {name: 'device only', file: 'device-only', flags: ['--pin', '*=device']},
  {name: 'cloud only', file: 'cloud-only', flags: ['--pin', '*=cloud']},
  {name: 'best', file: 'best', flags: []},
  {name: 'best, raw input stays', file: 'private', flags: ['--keep-raw-input-on-device']},
] as const;

/**
 * The main job on an emulated device, by the very commands a user would type; every answer is held against the unsplit
 * model's.
 * @throws ExpectedError of the command that failed
 */
export async function quickstart(request: QuickstartRequest, emit: EmitEvent): Promise<QuickstartResult> {
  const startedMs = Date.now();
  const folder = resolve(request.folder);
  await mkdir(folder, {recursive: true});
  const commands: string[] = [];
  const announce = (command: string): void => {
    commands.push(command);
    emit({kind: 'note', level: 'info', text: `$ ${command}`});
  };
  const runAnywhere = startSelf(folder, announce);
  // A controller is another machine: on the emulated device's core it would empty the caches there.
  const run = startSelf(folder, announce, pinningPrefix(coresBesideDevices(1)));
  const stopLab = async (): Promise<void> => {
    if (!request.keepsLab) await labDown(folder);
  };
  return whenInterrupted(stopLab, async () => {
    try {
      // The lab divides the cores itself.
      const model = await prepareFolder(folder, request, runAnywhere);
      await run([
        'profile',
        ...['--runs', '12', '--link-seconds', '6', '--sustained-seconds', '0', '--no-encodings'],
      ]);
      await run(['compile']);
      const unsplit = await runUnsplit(folder);
      const rows: QuickstartRow[] = [];
      for (const placement of PLACEMENTS)
        rows.push(await tryPlacement(folder, {placement, rows, unsplit}, run));
      return {
        folder,
        model,
        rows,
        isExact: rows.every(row => row.maxAbsoluteDifference <= 1e-5),
        commands,
        seconds: (Date.now() - startedMs) / 1000,
      };
    } finally {
      if (!request.keepsLab) await run(['lab', 'down']);
    }
  });
}

/** A folder with a model, samples and a project on a running lab. An earlier quickstart's folder is used again. */
async function prepareFolder(folder: string, request: QuickstartRequest, run: RunSelf): Promise<string> {
  const isOwn = request.modelFile === null;
  const source =
    request.modelFile === null ? shippedModel() : requireFile(resolve(request.modelFile), '--model');
  const model = basename(source);
  if (resolve(folder, model) !== source) await copyFile(source, join(folder, model));
  const projectFile = join(folder, PROJECT_FILE);
  const isKnown =
    existsSync(projectFile) && (await readFile(projectFile, 'utf8')).includes(`file: ${model}\n`);
  const shapes = isOwn ? {image: [PICTURES_PER_REQUEST, 3, 32, 32]} : closeShapes(source, request.shapes);
  const flags = Object.entries(shapes).flatMap(([name, shape]) => ['--shape', `${name}=${shape.join(',')}`]);
  await run(['lab', 'up', '--slowdown', String(SLOWDOWN), ...(isKnown ? [] : ['--model', model, ...flags])]);
  if (isKnown) return model;
  const evaluation = isOwn
    ? await writePictures(folder, PICTURES)
    : await writeRandomSamples(folder, model, shapes, RANDOM_REQUESTS);
  await addEvaluation(projectFile, evaluation);
  return model;
}

function shippedModel(): string {
  return fileURLToPath(new URL('../../templates/quickstart/pictures.onnx', import.meta.url));
}

async function addEvaluation(projectFile: string, evaluation: Evaluation): Promise<void> {
  const document = parseDocument(await readFile(projectFile, 'utf8'));
  document.set('evaluation', evaluation);
  await writeDocument(projectFile, document.toString({flowCollectionPadding: false}));
}

/** Plans it; ships and asks it, unless an earlier row has the same placement and so the same release. */
async function tryPlacement(
  folder: string,
  {
    placement: {name, file, flags},
    rows,
    unsplit,
  }: {
    readonly placement: (typeof PLACEMENTS)[number];
    readonly rows: readonly QuickstartRow[];
    readonly unsplit: UnsplitAnswers;
  },
  run: RunSelf,
): Promise<QuickstartRow> {
  const planFile = `plans/${DEVICE}.${file}.yaml`;
  await run(['plan', DEVICE, ...flags, '--output', planFile]);
  const {plan} = await readPlan(join(folder, planFile));
  for (const row of rows) {
    const earlier = await readPlan(join(folder, row.planFile));
    if (placementKey(earlier.plan) === placementKey(plan)) return {...row, name, planFile, sameAs: row.name};
  }
  const asksCloud = plan.predicted.upBytes > 0;
  await run(['push', planFile]);
  const text = await run([
    'infer',
    DEVICE,
    '--evaluation',
    ...['--warm-up', String(WARM_UP_SECONDS[asksCloud ? 'askingCloud' : 'alone'])],
    ...['--output', `answers/${file}`],
    '--json',
  ]);
  const measured = parseResult(text);
  const compared = await compareAnswers(
    unsplit,
    measured.outputFiles.map(answer => resolve(folder, answer)),
  );
  const onDevice = plan.layers.filter(({tier}) => tier === 'device').length;
  return {
    name,
    planFile,
    sameAs: null,
    deviceLayers: onDevice,
    cloudLayers: plan.layers.length - onDevice,
    upBytes: plan.predicted.upBytes,
    downBytes: plan.predicted.downBytes,
    predictedMs: plan.predicted.latencyMs,
    measuredMs: measured.measured.totalMs,
    samples: measured.samples,
    ...compared,
    accuracy: measured.accuracy?.value ?? null,
  };
}

function parseResult(text: string): InferResult {
  try {
    return JSON.parse(text) as InferResult;
  } catch (error) {
    if (error instanceof ExpectedError) throw error;
    throw new Error(`edgewise infer --json printed no JSON: ${messageOf(error)}`, {cause: error});
  }
}
