/**
 * Predicted against measured latency in the lab, over models, device speeds, links and cuts; how often the printed 90 %
 * interval holds; the chosen plan against the best of all cuts at chain positions; and what planning gains over running
 * everything on the device or in the cloud. Exit 1 when a bar is missed.
 *
 *   node bench/prediction.ts [--results FILE] [--minutes 9] [--models A,B] [--slowdowns 4,10] [--links 1.1,5.85,18.88]
 *
 * Cells (one model at one speed behind one link) that the file of results has already are not measured again, and no new
 * one is begun after the given minutes: run it again to go on.
 */
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {basename, join} from 'node:path';
import {parseArgs} from 'node:util';
import {profileFromYaml} from '../src/documents/readDocument.ts';
import {infer} from '../src/workflows/infer.ts';
import {labDown, labLink, labUp} from '../src/workflows/lab.ts';
import {plan, type MadePlan, type PlanRequest} from '../src/workflows/plan.ts';
import {profile} from '../src/workflows/profile.ts';
import {push} from '../src/workflows/push.ts';
import {closeShapes, writeRandomSamples} from '../src/workflows/quickstartSamples.ts';
import {SHARED_MODELS} from '../test/integration/sharedModels.ts';
import {cutsToMeasure, pinsForCut} from './prediction/cutsToMeasure.ts';
import {summarize, type MeasuredCut} from './prediction/summarize.ts';

const MODELS: Readonly<Record<string, string>> = {
  resnet20: join(SHARED_MODELS, 'cifar10-resnet/resnet20_cifar10.onnx'),
  mobilenet: join(SHARED_MODELS, 'vww-mobilenetv1/mobilenetv1_025_vww.onnx'),
  squeezenet: join(SHARED_MODELS, 'squeezenet/squeezenet1.1_fp32.onnx'),
};
const DEVICE = 'pi-1';
const ROUND_TRIP_MS = 10;
const PROFILE_RUNS = 30;
/** A cut that is predicted to take longer is not measured: it is nobody's choice, and its requests would take minutes. */
const LONGEST_MS = 1500;
/** The first that take no longer than this together, by prediction. */
const REQUEST_COUNTS = [24, 12, 6];
const REQUESTS_MS = 3000;
const WARM_UP_SECONDS = 4;
const connect = {acceptNewHostKeys: false};
const emit = () => {};

const {values} = parseArgs({
  options: {
    results: {type: 'string', default: join(tmpdir(), 'edgewise-prediction.jsonl')},
    minutes: {type: 'string', default: '9'},
    models: {type: 'string', default: Object.keys(MODELS).join()},
    slowdowns: {type: 'string', default: '4,10'},
    links: {type: 'string', default: '1.1,5.85,18.88'},
  },
});
const links = values.links.split(',').map(Number);
const cells = values.models
  .split(',')
  .flatMap(model => values.slowdowns.split(',').map(slowdown => ({model, slowdown: Number(slowdown)})));
const startedMs = performance.now();
const isTimeUp = () => performance.now() - startedMs > Number(values.minutes) * 60_000;

for (const {model, slowdown} of cells) {
  const missing = links.filter(link => !rowsOf(model, slowdown, link).length);
  if (missing.length === 0 || isTimeUp()) continue;
  await withLab(model, slowdown, async folder => {
    for (const link of missing) {
      if (isTimeUp()) return;
      await labLink(folder, {mbitPerSecond: link});
      const rows = await measureCell(folder, {model, slowdown, link});
      for (const row of rows) appendFileSync(values.results, `${JSON.stringify(row)}\n`);
    }
  });
}
const {text, isMissed} = summarize(readRows(), links);
console.log(text);
const left = cells.reduce(
  (sum, {model, slowdown}) => sum + links.filter(link => !rowsOf(model, slowdown, link).length).length,
  0,
);
if (left > 0) console.log(`\n${left} cells are not measured yet: run this again to go on.`);
process.exitCode = isMissed ? 1 : 0;

function readRows(): MeasuredCut[] {
  if (!existsSync(values.results)) return [];
  const lines = readFileSync(values.results, 'utf8').trim().split('\n');
  return lines.filter(line => line !== '').map(line => JSON.parse(line) as MeasuredCut);
}

function rowsOf(model: string, slowdown: number, link: number): MeasuredCut[] {
  return readRows().filter(
    row => row.model === model && row.slowdown === slowdown && row.linkMbitPerSecond === link,
  );
}

async function withLab(
  model: string,
  slowdown: number,
  work: (folder: string) => Promise<void>,
): Promise<void> {
  const source = MODELS[model];
  if (source === undefined) throw new Error(`no model ${model}; there are ${Object.keys(MODELS).join(', ')}`);
  const folder = mkdtempSync(join(tmpdir(), 'edgewise-prediction-'));
  try {
    const modelFile = join(folder, basename(source));
    copyFileSync(source, modelFile);
    const inputShapes = closeShapes(modelFile, {});
    for (const count of REQUEST_COUNTS) {
      mkdirSync(join(folder, String(count)));
      await writeRandomSamples(join(folder, String(count)), join('..', basename(source)), inputShapes, count);
    }
    await labUp(
      {
        folder,
        devices: [DEVICE],
        slowdown,
        cores: 1,
        linkMbitPerSecond: 100,
        linkRoundTripMs: ROUND_TRIP_MS,
        modelFile,
        inputShapes,
      },
      emit,
    );
    // What is measured is the plan's own cut.
    appendFileSync(join(folder, 'edgewise.yaml'), 'movesCut: false\n');
    await work(folder);
  } finally {
    await labDown(folder);
    rmSync(folder, {recursive: true, force: true});
  }
}

/** Profiles, plans freely, then measures that plan and the cuts that could be better. */
async function measureCell(
  folder: string,
  cell: {readonly model: string; readonly slowdown: number; readonly link: number},
): Promise<MeasuredCut[]> {
  const projectPath = join(folder, 'edgewise.yaml');
  await profile(
    {projectPath, devices: [DEVICE], runs: PROFILE_RUNS, sustainedSeconds: 0, hasEncodings: true, connect},
    emit,
  );
  const profileFile = join(folder, 'profiles', `${DEVICE}.yaml`);
  const measured = profileFromYaml(await readFile(profileFile, 'utf8'), profileFile);
  const [link] = measured.links;
  if (link === undefined) throw new Error('the profile has no link');
  const free = await makePlan(projectPath, []);
  const rows: MeasuredCut[] = [];
  for (const cut of cutsToMeasure(free, link)) {
    const pinned = cut.isChosen ? free : await makePlan(projectPath, pinsForCut(free, cut.deviceLayers));
    const {predicted, layers} = pinned.plan;
    const onDevice = layers.filter(({tier}) => tier === 'device').length;
    const common = {
      model: cell.model,
      slowdown: cell.slowdown,
      linkMbitPerSecond: cell.link,
      deviceLayers: cut.isChosen ? null : cut.deviceLayers,
      layers: layers.length,
      isChosen: cut.isChosen,
      placement: onDevice === layers.length ? 'device-only' : onDevice === 0 ? 'cloud-only' : 'split',
      predicted,
    } as const;
    if (predicted.latencyMs > LONGEST_MS && !cut.isChosen) {
      rows.push({...common, measured: null});
      continue;
    }
    await push({projectPath, planFile: pinned.file, connect}, emit);
    const count =
      REQUEST_COUNTS.find(requests => requests * predicted.latencyMs <= REQUESTS_MS) ?? REQUEST_COUNTS.at(-1);
    const inputs = {'': join(folder, String(count), 'evaluation', 'input-0.npy')};
    const answer = await infer(
      {projectPath, device: DEVICE, inputs, repeat: 1, warmUpSeconds: WARM_UP_SECONDS, connect},
      emit,
    );
    rows.push({...common, measured: answer.measured});
    console.log(
      [
        cell.model.padEnd(11),
        `${cell.slowdown} ×`.padStart(5),
        `${cell.link} Mbit/s`.padStart(13),
        `${cut.isChosen ? 'chosen' : cut.deviceLayers}/${common.layers}`.padStart(11),
        `predicted ${predicted.latencyMs.toFixed(1)}`.padStart(18),
        `measured ${answer.measured.totalMs.toFixed(1)}`.padStart(17),
        `${((predicted.latencyMs / answer.measured.totalMs - 1) * 100).toFixed(1)} %`.padStart(8),
      ].join(' '),
    );
  }
  return rows;
}

async function makePlan(
  projectPath: string,
  pins: PlanRequest['goals']['constraints']['pins'],
): Promise<MadePlan> {
  const {
    plans: [made],
  } = await plan({projectPath, devices: [DEVICE], goals: {constraints: {pins}}}, emit);
  if (made === undefined) throw new Error('no plan was made');
  return made;
}
