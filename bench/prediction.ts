/**
 * Predicted against measured latency in the lab, over models, device speeds, links and cuts; how often the printed 90 %
 * interval holds; the chosen plan against the best of all cuts at chain positions; and what planning gains over running
 * everything on the device or in the cloud. Exit 1 when a bar is missed.
 *
 *   node bench/prediction.ts [--results FILE] [--minutes 9] [--models A,B] [--slowdowns 2,5] [--links 1.1,5.85,18.88]
 *
 * The lab takes its device's core (docs/decisions/0015): needs root and two cores, and nothing else may run meanwhile.
 *
 * Cells (one model at one speed behind one link) that the file of results has already are not measured again, and no new
 * one is begun after the given minutes: run it again to go on.
 */
import {appendFileSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {basename, dirname, join} from 'node:path';
import {parseArgs} from 'node:util';
import type {Profile} from '../src/documents/profile.ts';
import {profileFromYaml} from '../src/documents/readDocument.ts';
import {coresBesideDevices, pinProcess, readAllowedCores} from '../src/lab/corePinning.ts';
import {PAUSE_MS} from '../src/engine/pauseMs.ts';
import {randomFeeds} from '../src/engine/randomFeeds.ts';
import {COMMON_ERROR} from '../src/placement/predictionInterval.ts';
import {openProtocolClient} from '../src/runtime/client.ts';
import {askRepeatedly} from '../src/runtime/relay/askRepeatedly.ts';
import type {Repetition} from '../src/runtime/relay/repetition.ts';
import {closedInputs} from '../src/runtime/server/startServer.ts';
import {askFromDevice} from '../src/workflows/askFromDevice.ts';
import {withDevice} from '../src/workflows/connectDevice.ts';
import {servingTimesFrom} from '../src/workflows/deploy/servingTimes.ts';
import {labDown, labLink, labUp} from '../src/workflows/lab.ts';
import {openProject, selectDevices} from '../src/workflows/openProject.ts';
import {plan, type MadePlan, type PlanRequest} from '../src/workflows/plan.ts';
import {profile} from '../src/workflows/profile.ts';
import {push} from '../src/workflows/push.ts';
import {closeShapes} from '../src/workflows/quickstartSamples.ts';
import {readServedRelease} from '../src/workflows/release/servedRelease.ts';
import {hexOfDigest} from '../src/workspace/digest.ts';
import {SHARED_MODELS} from '../test/integration/sharedModels.ts';
import {cutsToMeasure, pinsAs, pinsForCut} from './prediction/cutsToMeasure.ts';
import {summarize, type MeasuredCut} from './prediction/summarize.ts';

const MODELS: Readonly<Record<string, string>> = {
  resnet20: join(SHARED_MODELS, 'cifar10-resnet/resnet20_cifar10.onnx'),
  squeezenet: join(SHARED_MODELS, 'squeezenet/squeezenet1.1_fp32.onnx'),
  shufflenet: join(SHARED_MODELS, 'light-topologies/light_shufflenet.onnx'),
  inception: join(SHARED_MODELS, 'light-topologies/light_inception_v2.onnx'),
};
const DEVICE = 'pi-1';
const ROUND_TRIP_MS = 10;
/** Of the profile that says which cuts are worth measuring. */
const FIRST_RUNS = 20;
/** Of the profile right before a cut is measured: as many as take so long, */
const PROFILED_MS = 2000;
/** … but no fewer and no more than these. */
const PROFILED_RUNS = {atLeast: 20, atMost: 40} as const;
const LINK_SECONDS = 10;
/** A cut that is predicted to take longer is not measured: it is nobody's choice, and its requests would take minutes. */
const LONGEST_MS = 1500;
/** Asked for so long, at the pace of the profile's own requests, after so many that do not count. */
const ASKED_MS = 6000;
const REQUESTS = {atLeast: 6, atMost: 150} as const;
const WARM_UPS = {atLeast: 3, atMost: 30, withinMs: 3000} as const;
const connect = {acceptNewHostKeys: false};
const emit = () => {};

const {values} = parseArgs({
  options: {
    results: {type: 'string', default: join(tmpdir(), 'edgewise-prediction.jsonl')},
    minutes: {type: 'string', default: '9'},
    models: {type: 'string', default: Object.keys(MODELS).join()},
    slowdowns: {type: 'string', default: '2,5'},
    links: {type: 'string', default: '1.1,5.85,18.88'},
  },
});
const links = values.links.split(',').map(Number);
const cells = values.models
  .split(',')
  .flatMap(model => values.slowdowns.split(',').map(slowdown => ({model, slowdown: Number(slowdown)})));
const everywhere = readAllowedCores();
const besideDevice = coresBesideDevices(1, everywhere);
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
    pinProcess(everywhere);
    await labUp(
      {
        folder,
        devices: [DEVICE],
        slowdown,
        cores: 1,
        ownsCores: true,
        linkMbitPerSecond: 100,
        linkRoundTripMs: ROUND_TRIP_MS,
        modelFile,
        inputShapes,
      },
      emit,
    );
    // What works here is not to be taken for the device's work.
    pinProcess(besideDevice);
    // What is measured is the plan's own cut.
    appendFileSync(join(folder, 'edgewise.yaml'), 'movesCut: false\n');
    await work(folder);
  } finally {
    await labDown(folder);
    rmSync(folder, {recursive: true, force: true});
  }
}

/**
 * Profiles, plans freely, then measures that plan and the cuts that could be better. Each is pushed first and profiled for again
 * right before it is asked: the machine under the lab changes its speed within minutes, by more than the bar.
 */
async function measureCell(
  folder: string,
  cell: {readonly model: string; readonly slowdown: number; readonly link: number},
): Promise<MeasuredCut[]> {
  const projectPath = join(folder, 'edgewise.yaml');
  const first = await profileAgain(projectPath, FIRST_RUNS);
  const [link] = first.links;
  if (link === undefined) throw new Error('the profile has no link');
  const runs = Math.round(
    Math.min(
      PROFILED_RUNS.atMost,
      Math.max(PROFILED_RUNS.atLeast, PROFILED_MS / (first.models[0]?.wholeRun.medianMs ?? 1)),
    ),
  );
  const free = await makePlan(projectPath, []);
  const rows: MeasuredCut[] = [];
  for (const cut of cutsToMeasure(free, link)) {
    const before = cut.isChosen ? free : await makePlan(projectPath, pinsForCut(free, cut.deviceLayers));
    const {layers} = before.plan;
    const onDevice = layers.filter(({tier}) => tier === 'device').length;
    const common = {
      model: cell.model,
      slowdown: cell.slowdown,
      linkMbitPerSecond: cell.link,
      deviceLayers: cut.isChosen ? null : cut.deviceLayers,
      layers: layers.length,
      isChosen: cut.isChosen,
      placement: onDevice === layers.length ? 'device-only' : onDevice === 0 ? 'cloud-only' : 'split',
      firstPredictedMs: before.plan.predicted.latencyMs,
    } as const;
    if (common.firstPredictedMs > LONGEST_MS && !cut.isChosen) {
      rows.push({...common, predicted: before.plan.predicted, commonError: COMMON_ERROR, measured: null});
      continue;
    }
    await push({projectPath, planFile: before.file, connect}, emit);
    await profileAgain(projectPath, runs);
    const now = await makePlan(projectPath, pinsAs(before));
    if (whatTravels(now) !== whatTravels(before))
      await push({projectPath, planFile: now.file, connect}, emit);
    const {predicted} = now.plan;
    const measured = await askServed(projectPath);
    rows.push({...common, predicted, commonError: COMMON_ERROR, measured});
    console.log(
      [
        cell.model.padEnd(11),
        `${cell.slowdown} ×`.padStart(5),
        `${cell.link} Mbit/s`.padStart(13),
        `${cut.isChosen ? 'chosen' : cut.deviceLayers}/${common.layers}`.padStart(11),
        `first ${common.firstPredictedMs.toFixed(1)}`.padStart(14),
        `predicted ${predicted.latencyMs.toFixed(1)}`.padStart(18),
        `measured ${measured.totalMs.toFixed(1)}`.padStart(17),
        `${((predicted.latencyMs / measured.totalMs - 1) * 100).toFixed(1)} %`.padStart(8),
      ].join(' '),
    );
  }
  return rows;
}

/** Asks the device's endpoint from the device itself, so that only what the cut makes cross the link does. */
async function askServed(projectPath: string): Promise<NonNullable<MeasuredCut['measured']>> {
  const project = await openProject(projectPath);
  const [device] = selectDevices(project.project, [DEVICE]);
  if (device === undefined) throw new Error(`the project has no ${DEVICE}`);
  return withDevice(project, device, connect, async machine => {
    const {home, release} = await readServedRelease(machine);
    const program = {home, runtimeHex: hexOfDigest(release.runtime)};
    const inputs = randomFeeds(closedInputs(release.model, {}), 1);
    const asker = await askFromDevice(machine, program, release.endpoint.port);
    const client = openProtocolClient(asker.url);
    try {
      const ask = (repetition: Omit<Repetition, 'pauseMs'>) =>
        askRepeatedly(client, release.model.name, inputs, {...repetition, pauseMs: PAUSE_MS});
      await ask(WARM_UPS);
      const timesMs = await ask({...REQUESTS, withinMs: ASKED_MS});
      const {requests, medianMs, p95Ms} = servingTimesFrom(timesMs) ?? {
        requests: 0,
        medianMs: NaN,
        p95Ms: NaN,
      };
      return {requests, totalMs: medianMs, p95Ms};
    } finally {
      client.close();
      await asker.close();
    }
  });
}

async function profileAgain(projectPath: string, runs: number): Promise<Profile> {
  await profile(
    {
      projectPath,
      devices: [DEVICE],
      runs,
      sustainedSeconds: 0,
      linkSeconds: LINK_SECONDS,
      hasEncodings: true,
      connect,
    },
    emit,
  );
  const file = join(dirname(projectPath), 'profiles', `${DEVICE}.yaml`);
  return profileFromYaml(await readFile(file, 'utf8'), file);
}

/** What crosses the cut, and how: what a push would change although the layers stay where they are. */
function whatTravels({plan: {cut}}: MadePlan): string {
  return JSON.stringify(cut);
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
